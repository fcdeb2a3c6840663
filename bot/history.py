"""What we remember, as the pages look at it: a page of connections, their outages, their days. A part of bot/memory.py."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.connection import Kind, Outage


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
