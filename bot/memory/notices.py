"""What is told to other programs (the fallback webhook, and webhooks that subscribed), and which click came last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.connection import Json

FALLBACK = "fallback"  # the endpoint that hears what Slack does not take


@dataclass(frozen=True)
class Notice:
    """One thing to be told to one endpoint outside Slack. `body` is what it was when the row was written."""

    key: str
    outage_id: str | None
    body: Json
    attempts: int
    created_at: datetime

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that a receiver can tell."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Endpoint:
    """How a receiver of webhooks is doing. One that has never failed has no row."""

    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    why: str = ""

    @property
    def state(self) -> str:
        if self.disabled_at is not None:
            return "disabled"
        return "failing" if self.failing_since is not None else "ok"


class Notices(Protocol):
    """What Slack did not take in time, and what other programs subscribed to."""

    async def overdue(self, now: datetime, limit: int) -> Sequence[tuple[str, int]]:
        """(outage id, revision) of living messages whose elsewhere_at has come and that Slack has not taken yet."""

    async def noted(self, outage_id: str, revision: int) -> None:
        """This revision is seen to: it is not overdue any more."""

    async def add(
        self, key: str, outage_id: str | None, body: Json, now: datetime, *, endpoint: str = FALLBACK
    ) -> bool:
        """False if this key was told, or waits to be told, already."""

    async def claim(
        self, now: datetime, limit: int, lease: timedelta, owner: str | None = None, *, endpoint: str = FALLBACK
    ) -> list[Notice]: ...
    async def sent(self, notice: Notice, now: datetime) -> None: ...
    async def later(self, notice: Notice, at: datetime | None) -> None:
        """Try again then; None: give up."""

    async def waiting(self, endpoint: str = FALLBACK) -> int: ...
    async def last_taken(self, endpoint: str) -> datetime | None:
        """When it last took something that is remembered: `sweep` forgets."""

    async def endpoints(self) -> Mapping[str, Endpoint]: ...
    async def took(self, endpoint: str) -> None:
        """It took one: it is well again, and switched on."""

    async def failed(self, endpoint: str, now: datetime) -> Endpoint:
        """It took none, since then at least."""

    async def disable(self, endpoint: str, why: str, now: datetime) -> bool:
        """True for exactly one caller. What is told to it meanwhile waits."""

    async def sweep(self, before: datetime) -> None:
        """Forget what subscribers were told, or could not be told, before then."""


class Clicks(Protocol):
    """What people pressed, so that a click counts once however often and in whatever order it arrives."""

    async def newest(self, subject: str, clicked_micros: int, now: datetime) -> bool:
        """True for exactly one caller, and only if no later click on this subject was seen."""

    async def sweep(self, before: datetime) -> None: ...
