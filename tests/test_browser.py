"""The whole story with real clicks: a person in a browser breaks a connection on the practice page, and mends it."""

import pytest
from browser import chromium
from deployment import deployed
from playwright.async_api import Page, expect

SECONDS = 1000
PARTS = [
    ("google_ads", "Google Ads", "Clicks on them can never be attributed"),
    ("salesforce", "Salesforce", "Those that come in will all be pushed"),
]


async def log_in(tab: Page, email: str) -> None:
    """From our start page to the platform's consent page and back."""
    await tab.locator("form button").first.click()
    person = tab.locator(f"input[name=person][value='{email}']")
    await person.check()
    await tab.locator("button[value=allow]").click()


@pytest.mark.timeout(100)
@pytest.mark.parametrize(("key", "name", "lost"), PARTS)
async def test_a_person_breaks_a_connection_reads_the_alert_and_mends_it(tmp_path, sqlite_url, key, name, lost):
    async with chromium() as browser, deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect(key)
        page = await browser.new_page()
        page.set_default_timeout(20 * SECONDS)
        trouble: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        await page.goto(redkey.world.url)

        if not await page.locator("#panel").is_visible():
            await page.locator("#toggle-levers").click()
        await page.locator(f"[data-lever='{key}.revoke']").click()
        alert = page.locator("article.message", has_text="Authorization Required")
        await expect(alert).to_contain_text(name, timeout=20 * SECONDS)
        await expect(alert).to_contain_text(lost)

        async with page.context.expect_page() as opened:
            await alert.get_by_role("link", name="Reauthorize").last.click()
        tab = await opened.value
        await expect(tab.locator("body")).to_contain_text(name)
        await log_in(tab, redkey.sandbox(key).demo_login)
        await expect(tab.locator("body")).to_contain_text(f"{name} is connected again")

        green = page.locator("article.message", has_text="caught up").first
        await expect(green).to_contain_text("🟢", timeout=40 * SECONDS)
        await expect(green.locator("svg.bar rect").first).to_have_attribute("fill", "#12B76A")
        await expect(page.locator("article.message:not(.reply)")).to_have_count(1)
        assert trouble == []
