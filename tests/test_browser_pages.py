"""The pages in a real browser: nothing axe objects to by day or by night, no errors, no stranger asked, no sideways scroll."""

import os
from pathlib import Path

import pytest
from browser import chromium
from practice_pages import furnish
from practice_web import catching_up, closed, website

AXE = Path(__file__).parent / "node/node_modules/axe-core/axe.min.js"
PATHS = ("/connections", "/connections/con_acme", "/outages/out_1", "/outages/out_2", "/reauthorize/out_1", "/nothing")
RULES = "axe.run(document).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' | ')))"


@pytest.mark.timeout(100)
async def test_every_page_passes_axe_by_day_and_by_night_and_fits_a_phone():
    if not AXE.exists():
        missing = "needs axe-core (cd tests/node && npm ci)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    trouble: list[str] = []
    async with website(language="en") as site, chromium() as browser:
        furnish(site)
        base = str(site.client.base_url)
        page = await browser.new_page(base_url=base, viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" and "404" not in m.text else None)
        page.on("request", lambda r: None if r.url.startswith(base) else trouble.append(f"asked {r.url}"))
        for path in PATHS:
            await page.goto(path)
            await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
            for theme in ("light", "dark"):
                await page.emulate_media(color_scheme=theme)
                trouble += [f"{path} {theme} {found}" for found in await page.evaluate(RULES)]
            await page.set_viewport_size({"width": 360, "height": 740})
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                trouble.append(f"{path} scrolls sideways on a phone")
            await page.set_viewport_size({"width": 1280, "height": 900})
    assert trouble == []


async def test_an_outage_page_moves_by_itself_and_says_the_end():
    async with website(live_every=0.02) as site, chromium() as browser:
        furnish(site)
        page = await browser.new_page(base_url=str(site.client.base_url))
        await page.goto("/outages/out_1")
        await page.get_by_text("40% caught up").wait_for()
        site.gallery.outages["out_1"] = closed(caught_up_at=catching_up().now)
        await page.get_by_role("heading", name="Google Ads is caught up and checked").wait_for()
        assert "caught up" in await page.locator("#spoken").inner_text()


async def test_the_key_opens_a_small_window_where_there_is_room_and_a_page_where_there_is_none():
    async with website() as site, chromium() as browser:
        furnish(site)
        wide = await browser.new_page(base_url=str(site.client.base_url))
        await wide.goto("/connections")
        async with wide.expect_popup() as opened:
            await wide.get_by_role("link", name="Renew Acme EMEA").click()
        popup = await opened.value
        await popup.wait_for_url("**/reauthorize/con_acme")
        assert wide.url.endswith("/connections")
        narrow = await browser.new_page(base_url=str(site.client.base_url), viewport={"width": 390, "height": 800})
        await narrow.goto("/connections")
        await narrow.get_by_role("link", name="Renew Acme EMEA").click()
        await narrow.wait_for_url("**/reauthorize/con_acme")
