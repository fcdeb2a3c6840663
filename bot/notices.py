"""What we remember so that Slack's bad days lose nothing: what must be told elsewhere, and which click came last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.connection import Json


@dataclass(frozen=True)
class Notice:
    """One state of one outage, to be told outside Slack. `body` was put into words when it became overdue."""

    key: str
    outage_id: str
    body: Json
    attempts: int
    created_at: datetime


class Notices(Protocol):
    """What Slack did not take in time."""

    async def overdue(self, now: datetime, limit: int) -> Sequence[tuple[str, int]]:
        """(outage id, revision) of living messages whose elsewhere_at has come and that Slack has not taken yet."""

    async def noted(self, outage_id: str, revision: int) -> None:
        """This revision is seen to: it is not overdue any more."""

    async def add(self, key: str, outage_id: str, body: Json, now: datetime) -> bool:
        """False if this key was told, or waits to be told, already."""

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> list[Notice]: ...
    async def sent(self, notice: Notice, now: datetime) -> None: ...
    async def later(self, notice: Notice, at: datetime | None) -> None:
        """Try again then; None: give up."""

    async def waiting(self) -> int: ...


class Clicks(Protocol):
    """What people pressed, so that a click counts once however often and in whatever order it arrives."""

    async def newest(self, subject: str, clicked_micros: int, now: datetime) -> bool:
        """True for exactly one caller, and only if no later click on this subject was seen."""

    async def sweep(self, before: datetime) -> None: ...
