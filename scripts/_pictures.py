"""Draws messages as a reader of Slack sees them, from the same facts as the golden files: docs/images/*.png."""

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import chromium  # noqa: E402
from practice_pages import furnish  # noqa: E402
from practice_slack import practice  # noqa: E402
from practice_web import website  # noqa: E402
from sample_facts import NOW, OUTAGES  # noqa: E402

from handlers.slack.messages import SlackComposer  # noqa: E402
from handlers.slack.voice import SlackVoice  # noqa: E402

IMAGES = ROOT / "docs/images"
DESKTOP, PHONE = 760, 390
PICTURES = [  # name, outage, language, width
    ("alert", "google_disconnected", "en", DESKTOP),
    ("alert-salesforce", "salesforce_disconnected", "en", DESKTOP),
    ("alert-phone", "google_disconnected", "en", PHONE),
    ("alert-french", "google_disconnected", "fr", DESKTOP),
    ("catching-up", "google_catching_up", "en", DESKTOP),
    ("receipt", "google_caught_up", "en", DESKTOP),
]


async def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for name, outage, language, width in PICTURES:
            async with practice() as slack:
                slack.state.now = lambda: NOW
                voice = SlackVoice(slack.bot_token, slack.state.base_url + "/api/")
                await voice.post(SlackComposer(language).outage(OUTAGES[outage]))
                page = await browser.new_page(
                    viewport={"width": width, "height": 1200}, device_scale_factor=2, timezone_id="UTC"
                )
                await page.goto(slack.state.page_url)
                message = page.locator("article.message")
                await message.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
                await page.close()
            print(IMAGES / f"{name}.png", file=sys.stderr)


async def pages() -> None:
    """Our own pages, furnished with one of everything."""
    async with website(language="en") as english, website(language="fr") as french, chromium() as browser:
        for site in (english, french):
            furnish(site)
        for name, site, path, width, theme in (
            ("connections", english, "/connections", 1280, "light"),
            ("connection", english, "/connections/con_acme", 1280, "dark"),
            ("outage", english, "/outages/out_1", 860, "light"),
            ("connections-french-phone", french, "/connections", PHONE, "light"),
        ):
            view = {"width": width, "height": 900}
            page = await browser.new_page(base_url=str(site.client.base_url), viewport=view, color_scheme=theme)
            await page.goto(path)
            await page.screenshot(path=IMAGES / f"{name}.png", full_page=width > PHONE, animations="disabled")
            await page.close()
            print(IMAGES / f"{name}.png", file=sys.stderr)


asyncio.run(main())
asyncio.run(pages())
