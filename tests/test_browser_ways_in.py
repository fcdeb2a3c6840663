"""A member's way through the pages in a real browser: in by Slack, an account connected and tagged, its red key mended."""

import pytest
from browser import WIDE, Watched, chromium, judged, log_in, needs_axe
from deployment import deployed
from playwright.async_api import expect
from practice_story import CLEO

from sandbox.faults import Fault


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_a_member_connects_tags_pauses_and_mends_an_account_without_leaving_the_pages(
    tmp_path, sqlite_url, monkeypatch
):
    monkeypatch.setenv("REDKEY_WEB__REQUIRE_SLACK_LOGIN", "true")
    needs_axe()
    async with chromium() as browser, deployed(tmp_path, sqlite_url) as redkey:
        google = redkey.sandbox("google_ads")
        base = redkey.app.settings.web.public_url
        context = await browser.new_context(base_url=base, viewport=WIDE)
        watched = Watched(context)
        watched.expected = ("409",)  # the wrong account, on purpose
        page = await context.new_page()
        await page.goto("/connections")
        wrong = await judged(page, "sign in")
        await page.get_by_role("button", name="Sign in with Slack").click()
        await log_in(page, "anna@practice.example")

        await page.get_by_label("Connect an account").select_option(label="Google Ads")
        await page.get_by_role("button", name="Connect", exact=True).click()
        await page.get_by_role("button", name="Continue to Google Ads").click()
        await log_in(page, google.demo_login)
        await page.get_by_label("Acme Americas").uncheck()
        await page.get_by_role("button", name="Watch these accounts").click()
        await expect(page.locator("h1")).to_have_text("Redkey watches 1 account")
        await redkey.until(redkey.fresh)
        await page.get_by_role("link", name="All connections").last.click()
        row = page.get_by_role("row", name="Acme EMEA")
        await expect(row).to_contain_text("Connected with Autotagging")

        wrong += await judged(page, "a member's list")
        await row.get_by_role("button", name="Pause").click()
        await expect(row).to_contain_text("Disconnected")
        await row.get_by_role("button", name="Resume").click()
        await expect(row).to_contain_text("Connected")

        await row.get_by_role("link", name="Acme EMEA", exact=True).click()
        await page.get_by_label("Parameters").fill("utm_source=google&utm_term=spring")
        await page.get_by_role("button", name="Preview on real ads").click()
        await expect(page.locator(".previews code").first).to_contain_text("utm_term=spring")
        wrong += await judged(page, "a member's preview")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_label("Parameters")).to_have_value("utm_source=google&utm_term=spring")

        await redkey.world.pull("google_ads", "revoke")
        await redkey.world.pull("google_ads", "new_ads")
        held_up = google.faults.add(Fault("ads:mutate", times=None))
        await redkey.until(redkey.dropped)
        await page.goto("/connections")
        await expect(row).to_contain_text("Authorization Required")
        async with page.expect_popup() as opened:
            await row.get_by_role("link", name="Reauthorize").click()
        popup = await opened.value
        await popup.get_by_role("button", name="Continue to Google Ads").click()
        await log_in(popup, CLEO)
        await expect(popup.locator("h1")).to_have_text("That was a different account")
        await expect(popup.locator("main")).to_contain_text(CLEO)
        await popup.get_by_role("button", name="Try again").click()
        await log_in(popup, google.demo_login)
        await expect(popup.locator("h1")).to_have_text("Google Ads is connected again")
        assert popup.url == f"{base}/reauthorize/{(await redkey.app.desk.outages())[0].outage.id}"
        await popup.close()

        await expect(row).not_to_contain_text("Authorization Required")  # the list has heard of it by itself
        await row.get_by_role("link", name="Acme EMEA", exact=True).click()
        await page.get_by_role("link", name="The whole outage").click()
        google.faults.remove(held_up)
        await expect(page.locator("h1")).to_have_text("Google Ads is caught up and checked", timeout=30_000)
        await expect(page.locator("#spoken")).to_contain_text("caught up")
        assert watched.trouble + wrong == []
