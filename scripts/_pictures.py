"""Draws what the docs show, docs/images/*.png: messages from the facts of the golden files, the Home tab, our own pages."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import chromium  # noqa: E402
from drawn_messages import drawn_messages  # noqa: E402
from practice_desk import PracticeDesk  # noqa: E402
from practice_pages import furnish  # noqa: E402
from practice_room import opened  # noqa: E402
from practice_web import Site, website  # noqa: E402
from sample_facts import NOW, OUTAGES  # noqa: E402

from bot.memory.routes import Route  # noqa: E402
from bot.words.connection import Account, Kind  # noqa: E402
from handlers.slack.looks.messages import SlackComposer  # noqa: E402

IMAGES = ROOT / "docs/images"
WEB = "https://redkey.example.com/reauthorize/"
DESKTOP, PHONE = 760, 390
SHARP = 1.5  # readable on any screen, and half the bytes of 2
PICTURES = [  # name, outage, language, width
    ("alert", "google_disconnected", "en", DESKTOP),
    ("alert-phone", "google_disconnected", "en", PHONE),
    ("alert-french", "google_disconnected", "fr", DESKTOP),
    ("alert-salesforce", "salesforce_disconnected", "en", DESKTOP),
    ("catching-up", "google_catching_up", "en", DESKTOP),
    ("receipt", "google_caught_up", "en", DESKTOP),
]


async def messages() -> None:
    """What stands in the channel, drawn by npm slack-blocks-to-jsx: not by the sandbox that the rest is shown in."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for name, outage, language, width in PICTURES:
            told = SlackComposer(language).outage(OUTAGES[outage])
            (drawn,) = drawn_messages([{"blocks": told.blocks, "attachments": told.attachments}], language)
            page = await browser.new_page(viewport={"width": width, "height": 1200}, device_scale_factor=SHARP)
            await page.set_content(drawn)
            await page.locator(".message").screenshot(path=IMAGES / f"{name}.png", animations="disabled")
            await page.close()
            print(IMAGES / f"{name}.png", file=sys.stderr)


async def pages() -> None:
    """Our own pages, furnished with one of everything."""
    async with website(language="en") as english, website(language="fr") as french, chromium() as browser:
        for site in (english, french):
            furnish(site)
        pictures: Sequence[tuple[str, Site, str, int, Literal["light", "dark"]]] = (
            ("connections", english, "/connections", 1280, "light"),
            ("connection", english, "/connections/con_acme", 1280, "dark"),
            ("outage", english, "/outages/out_1", 860, "light"),
            ("connections-french-phone", french, "/connections", PHONE, "light"),
        )
        for name, site, path, width, theme in pictures:
            page = await browser.new_page(
                base_url=str(site.client.base_url), viewport={"width": width, "height": 900}, color_scheme=theme
            )
            await page.goto(path)
            await page.screenshot(path=IMAGES / f"{name}.png", full_page=width > PHONE, animations="disabled")
            await page.close()
            print(IMAGES / f"{name}.png", file=sys.stderr)


async def places() -> None:
    """The Home tab, and a window that was opened from it."""
    async with opened() as room, chromium() as browser:
        people_home(room.desk)
        view = await room.slack.open_home()
        assert view is not None
        page = await browser.new_page(viewport={"width": DESKTOP, "height": 844}, device_scale_factor=SHARP)
        await page.goto(f"{room.slack.state.page_url}?view=home")
        await page.locator("#home").screenshot(path=IMAGES / "home.png", animations="disabled")
        print(IMAGES / "home.png", file=sys.stderr)
        await page.close()
        await room.slack.click_view("home_more", value="routes:con_3")
        await room.slack.wait_for(room.slack.modal)
        page = await browser.new_page(viewport={"width": DESKTOP, "height": 844}, device_scale_factor=SHARP)
        await page.goto(f"{room.slack.state.page_url}?view=home")
        await page.locator("#modal").screenshot(path=IMAGES / "routes.png", animations="disabled")
        print(IMAGES / "routes.png", file=sys.stderr)


def people_home(desk: PracticeDesk) -> None:
    lost, fine = desk.known["con_1"].connection, desk.known["con_2"].connection
    shown = [
        lost,
        replace(fine, expires_at=NOW + timedelta(days=12)),
        replace(fine, id="con_3", platform="salesforce", kind=Kind.CRM, account=Account("00D5g", "Acme Sales")),
        replace(fine, id="con_4", account=Account("5", "Acme Asia"), enabled=False),
    ]
    names = {"google_ads": "Google Ads", "salesforce": "Salesforce"}
    desk.known = {
        c.id: replace(
            desk.known["con_2"], connection=c, platform_name=names[c.platform], reauthorize_url=f"{WEB}{c.id}"
        )
        for c in shown
    }
    desk.made["con_3"] = Route(channel="C0SALES000", owners=("U0BEN0000",))


asyncio.run(messages())
asyncio.run(places())
asyncio.run(pages())
