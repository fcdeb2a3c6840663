"""A real browser for the tests: Debian's Chromium, driven by playwright. Skips where it is missing, but never in CI."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

SECONDS = 1000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
AXE = Path(__file__).parent / "node/node_modules/axe-core/axe.min.js"
FOUND = "r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' | '))"
RULES = f"axe.run(document, {{rules: {{'target-size': {{enabled: true}}}}}}).then(r => {FOUND})"
SCROLLS = "document.documentElement.scrollWidth > innerWidth"
HIDES = "[...document.querySelectorAll('.sheet')].some(table => table.scrollWidth > table.clientWidth)"
BOXES = "[...row.querySelectorAll('a, button')].map(each => each.getBoundingClientRect())"
MEET = "a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1"
COVERS = f"""[...document.querySelectorAll('tr')].some(row => {{
    const boxes = {BOXES};
    return boxes.some((a, at) => boxes.slice(at + 1).some(b => {MEET}));
}})"""

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or ""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM:
        missing = "needs Chromium (on Debian and Ubuntu: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


async def log_in(page: Page, email: str) -> None:
    """On a consent page: this person, all it asks for, allowed."""
    await page.locator(f"input[name=person][value='{email}']").check()
    await page.locator("button[value=allow]").click()


def needs_axe() -> None:
    if not AXE.exists():
        missing = "needs axe-core (cd tests/node && npm ci)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)


async def judged(page: Page, name: str, themes: Sequence[str] = ("light", "dark")) -> list[str]:
    """What is wrong with the page that stands there, by day, by night and on a phone."""
    trouble = []
    await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    for theme in themes:
        await page.emulate_media(color_scheme=theme)
        trouble += [f"{name} {theme} {found}" for found in await page.evaluate(RULES)]
    for size, where in ((PHONE, "on a phone"), (WIDE, "on a desk")):
        await page.set_viewport_size(size)
        if await page.evaluate(SCROLLS):
            trouble.append(f"{name} scrolls sideways {where}")
        if await page.evaluate(HIDES):
            trouble.append(f"{name} hides the end of a table {where}")
        if await page.evaluate(COVERS):
            trouble.append(f"{name} lays one link over another {where}")
    return trouble


class Watched:
    """A browser's context in which nothing may go wrong unseen: no error in a page or its console, nobody outside asked."""

    def __init__(self, context: BrowserContext) -> None:
        self.trouble: list[str] = []
        self.expected: tuple[str, ...] = ()  # what a test does wrong on purpose
        context.set_default_timeout(20 * SECONDS)
        context.on("weberror", lambda error: self.trouble.append(f"error: {error.error}"))
        context.on("console", lambda said: self._console(said.type, said.text))
        context.on("request", lambda asked: self._asked(asked.url))

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.expected):
            self.trouble.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:")):
            self.trouble.append(f"asked {url}")
