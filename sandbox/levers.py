"""The levers of the practice world: things a person can break, and put right again, with one button."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Lever:
    """One thing a person can do to the practice world; `pull` returns one plain sentence of what happened."""

    key: str
    label: str
    pull: Callable[[], Awaitable[str]]
    group: str = ""
    """The heading it stands under on the page, such as "Google Ads"; empty: below the others, without one."""


def counted(count: int, noun: str) -> str:
    """As a person says it: "1 login", "3 logins"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
