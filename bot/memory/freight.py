"""What we remember of what is moved, by noun: costs, tags, touchpoints. A part of memory.py, whose page says the rules."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bot.words.connection import Connection
from bot.words.freight import Batch, CostRow, PushResult, TagChange, Touchpoint
from bot.words.interfaces import TagResult
from bot.words.loss import Usual


class Costs(Protocol):
    async def store(
        self, connection_id: str, rows: Sequence[CostRow], since: date, through: date, now: datetime
    ) -> None:
        """Replace what we hold for these account days by these rows: an ad the platform no longer reports is gone."""

    async def settle(self, connection_id: str, before: date) -> None:
        """Mark all earlier days complete."""

    async def totals(self, connection_id: str, since: date, until: date) -> dict[date, int]: ...
    async def usual(self, connection_ids: Sequence[str], since: date, before: date) -> dict[str, Usual]:
        """What each of these holds of the days from `since` on, `before` not included; nothing stored: left out."""

    async def of_ads(
        self, connection_id: str, ads: Sequence[str], since: date, *, campaigns: bool = False
    ) -> tuple[int, int]:
        """`campaigns`: the ids are those of campaigns. (micros, clicks) of these ads since that account day."""

    def export(self, since: date | None, until: date | None) -> AsyncIterator[tuple[Connection, CostRow, bool]]:
        """Every row in a stable order, with its `complete` flag."""


class Tags(Protocol):
    """Every ad we tagged or meant to: the suffix before, wanted and applied."""

    async def plan(self, connection_id: str, changes: Sequence[TagChange], now: datetime) -> None: ...
    async def applied(self, connection_id: str, results: Sequence[TagResult], now: datetime) -> None: ...
    async def note(self, connection_id: str, notes: Mapping[str, str], now: datetime) -> None:
        """Ads left alone, and why (ad id -> reason)."""

    async def ours(self, connection_id: str) -> list[TagChange]:
        """What we have changed and not taken back: each ad's suffix before, and the one we wrote."""

    async def undone(self, connection_id: str, ads: Sequence[str], now: datetime) -> None:
        """Their old suffix stands again; the note says so, and they count as ours no more."""

    async def unanswered(self, connection_id: str) -> dict[str, str]:
        """Changes that were asked for and never answered (ad id -> suffix wanted): each may have been made all the same."""

    async def refused(self, connection_id: str) -> set[str]:
        """Ads whose last change the platform refused."""

    async def created_between(
        self, connection_id: str, since: datetime, until: datetime, *, tagged_since: datetime
    ) -> list[str]:
        """Ads made in that span that got their tags only from `tagged_since` on: they ran untagged."""

    async def made(self, connection_ids: Sequence[str], since: datetime, until: datetime) -> int:
        """How many ads of all of these were made in that span and tagged in it or later."""


class Touchpoints(Protocol):
    async def accept(self, touchpoints: Sequence[Touchpoint], now: datetime) -> tuple[int, int, int]:
        """(accepted, duplicates, how many wait for a CRM now). A repeated id changes nothing. One delivery per fitting CRM
        connection, none yet if there is no CRM: those wait for the first one.
        """

    async def waiting_at(self, connection_ids: Sequence[str]) -> int:
        """As `waiting`, of all of these together."""

    async def waiting_everywhere(self) -> int:
        """For all connections that there are."""

    async def waiting(self, connection_id: str, through: int | None = None, most: int | None = None) -> int: ...
    async def top(self, connection_id: str) -> int:
        """The highest delivery number so far, 0 if none."""

    async def first_waiting(self, connection_id: str) -> int | None:
        """The lowest delivery number that still waits."""

    async def batch(self, connection_id: str, limit: int, now: datetime) -> Batch:
        """The next due ones in order of number; not set-aside ones before their daily retry."""

    async def settle(
        self, connection_id: str, sent: Sequence[int], others: Sequence[PushResult], now: datetime
    ) -> None:
        """What became of a batch: the numbers of those that the CRM took, in order, and what it said about the others."""

    async def set_aside(self, connection_id: str) -> list[tuple[str, str]]:
        """(id, reason) of those the CRM refused."""

    async def sent_between(self, connection_id: str, after: int, through: int, limit: int) -> Batch:
        """Sent ones with after < number <= through, in order: the material of the check against the source."""

    async def resend(self, connection_id: str, ids: Sequence[str], now: datetime) -> None: ...

    async def spend(self, connection_id: str, day: date, calls: int, cap: int) -> bool:
        """Take calls from the credits of this UTC day; False, taking none, if that would pass the cap (0: no cap)."""
