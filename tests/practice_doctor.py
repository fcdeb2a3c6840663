"""`redkey doctor` at the practice world, and what it says; for the tests."""

from pathlib import Path
from typing import Any

from bot.commands.doctor import examine
from bot.settings.settings import Settings
from sandbox.world import World
from storage import new_key


def settings(world: World, folder: Path, **changes: dict[str, Any]) -> Settings:
    sections = world.settings("http://127.0.0.1:8080")
    sections |= {
        "database": {"url": f"sqlite:///{folder / 'redkey.db'}"},
        "secrets": {"keys": [new_key()]},
        "timing": {"request_timeout": "5s"},
    }
    for dated in ("google_ads", "linkedin_ads"):
        sections["platforms"][dated] = {**sections["platforms"][dated], "version_ends": "2099-01-31"}
    for name, section in changes.items():
        sections[name] = {**sections.get(name, {}), **section}
    return Settings.model_validate(sections)


async def told(found: Settings) -> tuple[int, list[str]]:
    lines: list[str] = []
    return await examine(lambda: found, lines.append), lines
