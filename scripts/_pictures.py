"""Draws messages as a reader of Slack sees them, from the same facts as the golden files: docs/images/*.png."""

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import chromium  # noqa: E402
from practice_slack import practice  # noqa: E402
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


asyncio.run(main())
