"""A post is made once, whatever becomes of the answer: what alerts and announcements have in common when they speak."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.words.errors import TryLater
from bot.words.facts import OutageFacts, Reply, StormAccount
from bot.words.interfaces import Clock
from bot.words.voice import ChannelGone, File, MessageGone, PostUnclear, SlackRefused, Spoken, Voice

log = structlog.get_logger()

LOOK_TRIES = 3  # how often to look for a post of unclear outcome before posting again
FILE_TRIES = 5
LATE = timedelta(seconds=30)  # how long after its sender gave up or died a post may still appear
LOOK_BACK = timedelta(minutes=5)  # how far our clock may be ahead of Slack's, whose time a message carries


class Composer(Protocol):
    """Puts facts into words and blocks, in the channel's language. Pure."""

    def outage(self, facts: OutageFacts) -> Spoken:
        """The living message, for whatever state the outage is in."""

    def reply(self, facts: OutageFacts, reply: Reply) -> Spoken:
        """One thread reply; the caller sets `thread`."""

    def listing(self, facts: OutageFacts, accounts: Sequence[StormAccount]) -> File:
        """All that a storm's message tells of, as a table. Takes a moment: for a thread of its own."""


@dataclass(frozen=True)
class Attempt:
    """One row that is to be said. `subject` and `revision` are what its metadata say; `note` writes when its post began, and
    raises Fenced where the row is another worker's by now.
    """

    subject: str
    revision: int | None
    started_at: datetime | None
    attempts: int
    note: Callable[[datetime], Awaitable[None]]


class Posting:
    def __init__(self, voice: Voice, now: Clock, late: timedelta = LATE) -> None:
        self._voice = voice
        self._now = now
        self._late = late

    async def look(self, attempt: Attempt, spoken: Spoken) -> str | None:
        """Look by its metadata for the post of an earlier try. Raises PostUnclear while that may still appear.

        Not to be seen is not the same as not made: Slack may still be at work on a request whose sender is gone.
        """
        since = attempt.started_at
        may_arrive = since is not None and self._now() < since + self._late
        if since is None or not (may_arrive or attempt.attempts <= LOOK_TRIES):
            return None
        before = since - LOOK_BACK
        ts = await self._voice.find(spoken.channel, attempt.subject, attempt.revision, spoken.thread, before)
        if ts is None and may_arrive:
            raise PostUnclear("the post of an earlier try may still appear")
        return ts

    async def post(self, attempt: Attempt, spoken: Spoken) -> tuple[str, str, bool]:
        """Post once, unless an earlier try has arrived: True, found."""
        ts = await self.look(attempt, spoken)
        if ts is not None:
            return spoken.channel, ts, True
        await attempt.note(self._now())
        try:
            return *await self._voice.post(spoken), False
        except PostUnclear as error:
            with suppress(TryLater):  # where that cannot be noted, the moment of the post stands there: nearly as good
                await attempt.note(self._now() - (self._late if error.answered else timedelta(0)))
            raise

    async def share(self, attempt: Attempt, make: Callable[[], File], channel: str, thread: str) -> None:
        """At most once: one whose upload is unclear is left out, as it tells nothing that stands nowhere else."""
        if attempt.started_at is not None or attempt.attempts > FILE_TRIES:
            return
        file = await asyncio.to_thread(make)
        await attempt.note(self._now())
        try:
            await self._voice.share(file, channel, thread)
        except (ChannelGone, MessageGone, PostUnclear, SlackRefused) as error:
            log.warning("a file is left out", subject=attempt.subject, why=str(error) or type(error).__name__)
