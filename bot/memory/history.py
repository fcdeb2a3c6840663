"""What we remember, as the pages look at it: a page of connections, their outages, their days. A part of memory.py."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from bot.words.connection import Kind, Outage

RED, AMBER, GREEN, NONE = "red", "amber", "green", "none"
WORST = [RED, AMBER, GREEN, NONE]


@dataclass(frozen=True)
class Down:
    """One outage as one connection's calendar sees it."""

    connection_id: str
    opened_at: datetime
    reauthorized_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True)
class Tally:
    """How many connections of a kind there are, how many of them a search leaves, and how many need a login."""

    total: int = 0
    found: int = 0
    red: int = 0


@dataclass(frozen=True)
class UntaggedAd:
    """An ad without our parameters, and why."""

    ad: str
    name: str
    why: str
    since: datetime | None


def tones_of(created_at: datetime | None, downs: Sequence[Down], today: date, days: int) -> list[str]:
    """One tone a day, oldest first: red where the login was lost, amber where it was catching up, none before its time."""
    first = today - timedelta(days=days - 1)
    before = min(max((_day(created_at) - first).days, 0), days) if created_at else 0
    tones = [NONE] * before + [GREEN] * (days - before)
    for down in downs:
        ended = down.reauthorized_at or down.closed_at
        back = _day(ended) if ended else today
        over = _day(down.closed_at) if down.closed_at else today
        _paint(tones, AMBER, (back - first).days, (over - first).days)
        _paint(tones, RED, (_day(down.opened_at) - first).days, (back - first).days)
    return tones


def _paint(tones: list[str], tone: str, start: int, end: int) -> None:
    for n in range(max(start, 0), min(end, len(tones) - 1) + 1):
        tones[n] = min(tones[n], tone, key=WORST.index)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


class History(Protocol):
    """Reads only. Every question is one query, bounded by what a page shows."""

    async def tally(self, platforms: Collection[str], search: str) -> Mapping[Kind, Tally]: ...

    async def page(self, kind: Kind, platforms: Collection[str], search: str, offset: int, limit: int) -> list[str]:
        """Ids of connections, those that need a person first."""

    async def downs(self, connection_ids: Sequence[str], since: datetime) -> list[Down]:
        """Outages of these that were open at some time since then, oldest first."""

    async def outages_of(self, connection_id: str, limit: int) -> list[Outage]:
        """Newest first."""

    async def untagged(self, connection_id: str, limit: int) -> list[UntaggedAd]:
        """Ads that were left alone or refused, newest first."""
