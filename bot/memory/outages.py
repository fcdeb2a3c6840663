"""Outages, and the outbox of what is to be said of them. A part of bot/memory/memory.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.connection import Cause, Event, Json, Outage, Reach


class Outages(Protocol):
    async def get(self, outage_id: str) -> Outage | None:
        """With its connection_ids and timeline."""

    async def held(self, outage_id: str) -> Outage | None:
        """As get, and nobody else changes its state until this transaction ends: a state is told once."""

    async def latest(
        self, *, open_only: bool = False, limit: int = 500, after: tuple[datetime, str] | None = None
    ) -> list[Outage]:
        """Newest first. `after`: when the last one of the page before opened, and its id."""

    async def open_with(self, cause: str) -> list[str]:
        """The ids of all that are open for this cause, however old."""

    async def unheeded(self, now: datetime, limit: int, *, each: bool = False) -> list[Outage]:
        """Lost, told, not put off: those that somebody may have to be called for. Of a storm the first one and those that
        somebody has claimed, as its calls are for all of it; or, on demand, each.
        """

    async def settled(self, limit: int) -> list[str]:
        """Those that were reauthorized and wait for no transfer any more, but are not closed."""

    async def counted(self) -> tuple[int, datetime | None]:
        """How many are open, and since when the oldest is."""

    async def open_of_grant(self, grant_id: str) -> Outage | None: ...
    async def open_of_connection(self, connection_id: str) -> Outage | None: ...

    async def open(
        self,
        *,
        platform: str,
        reach: Reach,
        grant_id: str,
        login: str,
        connection_ids: Sequence[str],
        remedy: str,
        cause: Cause,
        last_good_at: datetime | None,
        channel: str,
        now: datetime,
    ) -> Outage | None:
        """None if one is open already for this grant (or, reach ACCOUNT, for this account). First timeline line
        included.
        """

    async def join(self, outage_id: str, connection_ids: Sequence[str]) -> None: ...

    async def leave(self, outage_id: str, connection_ids: Sequence[str]) -> None: ...

    async def event(self, outage_id: str, event: Event) -> int:
        """Append to the timeline, add 1 to the revision and return it."""

    async def claim(self, outage_id: str, user: str | None, now: datetime) -> None: ...
    async def snooze(self, outage_id: str, until: datetime | None) -> None: ...
    async def alerted(self, outage_id: str, channel: str, ts: str, now: datetime) -> None:
        """Remember where the message is; alerted_at only the first time."""

    async def unposted(self, outage_id: str, ts: str | None = None) -> None:
        """The message is gone: forget its ts. With `ts`: unless another one has been posted since."""

    async def moved(self, outage_id: str, channel: str) -> None:
        """Its message is posted anew, in this channel (or in the conversation with this person)."""

    async def reauthorized(self, outage_id: str, by: str, now: datetime) -> None: ...
    async def lost_again(self, outage_id: str, cause: Cause, remedy: str, now: datetime) -> None:
        """A drop during the catch-up: back to disconnected, the progress stays with the transfers."""

    async def stalled(self, outage_id: str, now: datetime | None) -> None: ...
    async def lately_caught_up(self, connection_ids: Sequence[str], reach: Reach, since: datetime) -> Outage | None:
        """The newest one of any of these connections that ended confirmed since then."""

    async def reopen(
        self, outage_id: str, connection_ids: Sequence[str], grant_id: str, login: str, cause: Cause, remedy: str
    ) -> None:
        """It is about these connections now, and not over; its receipt is taken back. Id, message and timeline stay."""

    async def close(
        self, outage_id: str, recovered: Json, lost: Json, now: datetime, *, caught_up: bool = True
    ) -> None:
        """The end. caught_up False: it ended without a confirmation, because a person paused what it was about."""


@dataclass(frozen=True)
class Saying:
    """One outbox row: something to say in Slack. The living message is one row per outage, said again whenever it is due;
    a thread reply is one row per state and revision, said once.
    """

    key: str
    outage_id: str
    kind: str  # "message" or "reply"
    what: str  # for a reply: the state or event it reports
    revision: int
    detail: Json
    fence: int
    attempts: int = 0
    started_at: datetime | None = None  # set while a post is under way; found set = its outcome is unclear


class Outbox(Protocol):
    async def say_message(self, outage_id: str, revision: int, due_at: datetime) -> None:
        """Make the living message due (the earlier of two dates wins), with at least this revision."""

    async def say_reply(self, outage_id: str, what: str, revision: int, detail: Json, now: datetime) -> None:
        """Queue one thread reply; the same outage, what and revision twice is one."""

    async def unsay(self, outage_id: str, what: str) -> None:
        """Replies of this kind that still wait, and have not been tried, are not true any more: nobody hears them."""

    async def claim(
        self, now: datetime, limit: int, owner: str, lease: timedelta, *, news: bool = False
    ) -> list[Saying]:
        """Due rows, oldest first; a reply only once its outage's message has a ts. Adds 1 to the fence. `news`: only
        messages that tell of something which has not been told.
        """

    async def posting(self, saying: Saying, now: datetime) -> None:
        """Record that the post is about to be sent. Raises Fenced."""

    async def said(self, saying: Saying, now: datetime) -> None:
        """Done, unless a later revision or date was asked meanwhile. Raises Fenced."""

    async def later(
        self, saying: Saying, due_at: datetime, *, unclear: bool = False, elsewhere_at: datetime | None = None
    ) -> None:
        """Try again then; `unclear` keeps started_at. `elsewhere_at`: when it is told elsewhere if Slack has not taken it
        by then; the earliest such date counts until it was said. Raises Fenced.
        """

    async def waiting(self) -> int: ...
    async def free(self, owners_alive: Sequence[str]) -> None: ...
