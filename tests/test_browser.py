"""The whole story with real clicks: a person breaks a connection on the practice page, takes it, and mends it."""

import pytest
from browser import SECONDS, Watched, chromium, log_in
from deployment import deployed
from playwright.async_api import Locator, Page, expect

from sandbox.faults import Fault

GOOGLE = "Google Ads"


async def pull(page: Page, lever: str) -> None:
    if not await page.locator("#panel").is_visible():
        await page.locator("#toggle-levers").click()
    await page.locator(f"[data-lever='{lever}']").click()


async def choose(within: Locator, label: str) -> None:
    """From the menu of three dots."""
    await within.get_by_label("More actions").click()
    await within.locator(".menu").get_by_text(label, exact=True).click()


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_a_person_breaks_a_connection_takes_it_snoozes_it_and_mends_it(tmp_path, sqlite_url):
    async with chromium() as browser, deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect("google_ads")
        context = await browser.new_context()
        watched = Watched(context)
        page = await context.new_page()
        await page.goto(redkey.world.url)

        await pull(page, "google_ads.revoke")
        alert = page.locator("article.message:not(.reply)", has_text=GOOGLE)
        await expect(alert).to_contain_text("Authorization Required", timeout=20 * SECONDS)
        await expect(alert).to_contain_text("Clicks on them can never be attributed")
        await alert.get_by_role("button", name="I'll take it").click()
        await expect(alert).to_contain_text("taking care of it")
        await alert.get_by_label("Snooze").select_option(label="4 hours")
        await expect(alert).to_contain_text("snoozed until")
        await alert.get_by_role("button", name="Details").click()
        window = page.locator("#modal")
        await expect(window).to_contain_text("What happened")
        await window.get_by_role("button", name="Close").last.click()
        await expect(window).to_be_hidden()

        await pull(page, "google_ads.new_ads")
        held_up = redkey.world.google_ads.faults.add(Fault("ads:mutate", times=None))
        async with context.expect_page() as opened:
            await alert.get_by_role("link", name="Reauthorize").last.click()
        tab = await opened.value
        await expect(tab.locator("main")).to_contain_text("What is being lost")
        await tab.get_by_role("button", name="Continue to Google Ads").click()
        await log_in(tab, redkey.sandbox("google_ads").demo_login)
        await expect(tab.locator("h1")).to_have_text("Google Ads is connected again")
        assert "code=" not in tab.url
        await tab.get_by_role("link", name="Watch the catch-up").click()
        await expect(tab.locator("h1")).to_have_text("Google Ads is back and catching up")
        await expect(alert).to_contain_text("Catching Up")
        redkey.world.google_ads.faults.remove(held_up)

        await expect(alert.locator("svg.bar rect").first).to_have_attribute("fill", "#12B76A", timeout=40 * SECONDS)
        await expect(alert).to_contain_text("20 ads")
        await alert.locator("details.thread summary").click()
        await expect(alert.locator(".reply").last).to_contain_text("caught up")
        await expect(tab.locator("h1")).to_have_text("Google Ads was already fixed")
        await expect(page.locator("article.message:not(.reply)")).to_have_count(1)
        assert watched.trouble == []


@pytest.mark.timeout(100)
@pytest.mark.sweep
async def test_a_person_routes_pauses_and_resumes_from_the_home_tab_and_the_alert_goes_there(tmp_path, sqlite_url):
    async with chromium() as browser, deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect("salesforce")
        context = await browser.new_context()
        watched = Watched(context)
        page = await context.new_page()
        await page.goto(redkey.world.url)
        window = page.locator("#modal")
        await page.locator("#side").get_by_role("link", name="Redkey").click()
        home = page.locator("#home")
        line = home.locator(".section", has_text="Salesforce")
        await expect(line).to_contain_text("🟢")

        await choose(line, "Details")
        await expect(window).to_contain_text("Its alerts go to")
        await window.get_by_role("button", name="Close").last.click()
        await choose(line, "Pause")
        await window.locator("button[type=submit]").click()
        await expect(window).to_contain_text("is paused")
        await window.get_by_role("button", name="Close").last.click()
        await expect(line).to_contain_text("⚪")
        await choose(line, "Resume")
        await expect(line).to_contain_text("🟢")
        await choose(line, "Channel and owners")
        await window.get_by_label("Channel for the alerts").select_option(label="#sales-ops")
        await window.get_by_label("Who is mentioned first").select_option(label="Ben Okafor")
        await window.locator("button[type=submit]").click()
        await expect(window).to_contain_text("Saved.")
        await window.get_by_role("button", name="Close").last.click()

        await page.locator("#side").get_by_role("link", name="sales-ops").click()
        await pull(page, "salesforce.revoke")
        alert = page.locator("article.message", has_text="Salesforce").first
        await expect(alert).to_contain_text("Those that come in will all be pushed", timeout=20 * SECONDS)
        await expect(alert).to_contain_text("@Ben Okafor")
        await page.locator("#words").fill("/redkey pause")
        await page.locator("#words").press("Enter")
        await window.get_by_label("Which one?").select_option(index=1)
        await window.locator("button[type=submit]").click()
        await expect(window).to_contain_text("is paused")
        await expect(alert).to_contain_text("Paused by")
        assert watched.trouble == []
