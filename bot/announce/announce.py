"""Says what is about no outage: posted once whatever happens, edited when it is not true any more."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from bot.alert.posting import LATE, Attempt, Posting
from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.outages.calling import Presence, present
from bot.words.announced import Announced, EndingFacts, EndingsFacts, LeaverFacts
from bot.words.errors import Fenced, TryLater
from bot.words.interfaces import Clock
from bot.words.pace import Pace
from bot.words.voice import ChannelGone, File, MessageGone, PostUnclear, SlackRefused, Spoken, Voice
from bot.work.dispatch import give_back

log = structlog.get_logger()

MANY = 10_000
PAUSE_WITHOUT_CHANNEL = timedelta(hours=1)


class Teller(Protocol):
    """Knows what one kind of announcement is about."""

    async def facts(self, tx: Tx, told: Announcement) -> Announced | None:
        """What is true now; None when there is nothing left that it could be about."""


class Announcer(Protocol):
    """Puts facts into words and blocks, in the channel's language. Pure."""

    def message(self, told: Announcement, facts: Announced) -> Spoken: ...
    def reply(self, told: Announcement, facts: Announced) -> Spoken: ...
    def picture(self, facts: Announced) -> File:
        """Takes a moment: for a thread of its own."""


class Announce:
    def __init__(
        self,
        memory: Memory,
        tellers: Mapping[str, Teller],
        announcer: Announcer,
        voice: Voice,
        pace: Pace,
        default_channel: str,
        now: Clock,
        late: timedelta = LATE,
        presence: Presence | None = None,
    ) -> None:
        self._presence = presence
        self._memory = memory
        self._tellers = tellers
        self._announcer = announcer
        self._voice = voice
        self._pace = pace
        self._default_channel = default_channel
        self._now = now
        self._posting = Posting(voice, now, late)

    async def run(self) -> None:
        """Find messages that tell what is not true any more."""
        async with self._memory.read() as tx:
            stale = [told.key for told in await tx.announcements.living(MANY) if await self._stale(tx, told)]
        for key in stale:
            async with self._memory.begin() as tx:
                await tx.announcements.again(key, self._now())

    async def _stale(self, tx: Tx, told: Announcement) -> bool:
        teller = self._tellers.get(told.kind)
        facts = await teller.facts(tx, told) if teller is not None and told.ts is not None else None
        return facts is not None and facts.stamp != told.stamp

    async def say(self, told: Announcement) -> None:
        """One row. Whatever Slack does, the row stays until it was said."""
        try:
            async with self._memory.read() as tx:
                facts = await self._facts(tx, told)
                parent = await tx.announcements.get(told.parent) if told.parent else None
            if isinstance(facts, EndingFacts | EndingsFacts | LeaverFacts):
                facts = await present(facts, self._presence)
            if facts is None or (facts.idle and not _may_stand(told)):
                await self._said(told, None, told.stamp, over=facts is None or facts.over)
            elif parent is not None and told.about.get("picture"):
                await self._share(told, parent, facts)
            elif parent is not None:
                await self._reply(told, parent, facts)
            else:
                await self._message(told, facts)
        except Fenced:
            log.info("announcement lost to another worker", key=told.key)
        except TryLater as error:
            await self._later(told, error.after, unclear=told.started_at is not None)
        except PostUnclear:
            await self._later(told, None, unclear=True)
        except ChannelGone as error:
            await self._go_round(told, str(error))
        except SlackRefused as error:
            log.error("an announcement waits: Slack does not take it", key=told.key, why=type(error).__name__)
            await self._later(told, None, unclear=told.started_at is not None)

    async def _facts(self, tx: Tx, told: Announcement) -> Announced | None:
        teller = self._tellers.get(told.kind)
        return None if teller is None else await teller.facts(tx, told)

    async def _message(self, told: Announcement, facts: Announced) -> None:
        spoken = self._announcer.message(told, facts)
        channel, ts, stands = told.channel, told.ts, True
        if ts is None and facts.idle:  # nothing is posted any more, but what an earlier try has posted is put right
            ts = await self._posting.look(self._attempt(told), spoken)
        elif ts is None:
            channel, ts, stands = await self._posting.post(self._attempt(told), spoken)
        try:
            if ts is not None and stands:  # what was posted then may be out of date by now
                await self._voice.update(spoken, channel, ts)
        except MessageGone:
            async with self._memory.begin() as tx:
                await tx.announcements.unposted(told)
            return
        await self._said(replace(told, channel=channel), ts, facts.stamp, over=facts.over)

    async def _reply(self, told: Announcement, parent: Announcement, facts: Announced) -> None:
        spoken = replace(self._announcer.reply(told, facts), channel=parent.channel, thread=parent.ts)
        try:
            _, ts, _ = await self._posting.post(self._attempt(told), spoken)
        except MessageGone:  # the message was deleted by somebody: what there was to say in its thread goes with it
            ts = ""
        await self._said(told, ts, facts.stamp, over=True)

    async def _share(self, told: Announcement, parent: Announcement, facts: Announced) -> None:
        if parent.ts:
            make = partial(self._announcer.picture, facts)
            await self._posting.share(self._attempt(told), make, parent.channel, parent.ts)
        await self._said(told, "", facts.stamp, over=True)

    async def _said(self, told: Announcement, ts: str | None, stamp: str, *, over: bool) -> None:
        """It stands in the channel by now: where that cannot be noted, it must be found before it is said again."""
        try:
            async with self._memory.begin() as tx:
                await tx.announcements.said(told, told.channel, ts, stamp=stamp, over=over)
        except TryLater as error:
            raise PostUnclear(str(error)) from error

    def _attempt(self, told: Announcement) -> Attempt:
        async def note(began: datetime) -> None:
            async with self._memory.begin() as tx:
                await tx.announcements.posting(told, began)

        return Attempt(told.key, None, told.started_at, told.attempts, note)

    async def _go_round(self, told: Announcement, why: str) -> None:
        log.warning("an announcement's channel is gone", key=told.key, channel=told.channel, why=why)
        if told.parent or told.channel == self._default_channel:
            await self._later(told, PAUSE_WITHOUT_CHANNEL, unclear=False)
            return
        with suppress(Fenced):
            async with self._memory.begin() as tx:
                await tx.announcements.moved(told, self._default_channel, self._now())

    async def _later(self, told: Announcement, after: timedelta | None, *, unclear: bool) -> None:
        pause = self._pace.back_off(told.attempts + 1, after)

        async def put_off() -> None:
            async with self._memory.begin() as tx:
                await tx.announcements.later(told, self._now() + pause, unclear=unclear)

        with suppress(Fenced):
            await give_back(put_off)


def _may_stand(told: Announcement) -> bool:
    """In the channel: its message, noted or of a post whose outcome is unclear."""
    return told.ts is not None or (told.started_at is not None and not told.parent)
