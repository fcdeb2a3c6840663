"""Verb 2, alert: one outage, one living message. Facts are gathered when it is said, so it is never out of date."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

import structlog

from bot.alert.detour import Detour
from bot.alert.posting import LATE, Attempt, Composer, Posting
from bot.alert.remind import uncalled_for
from bot.memory.memory import Memory, Tx
from bot.memory.outages import Saying
from bot.outages.calling import Presence, present
from bot.outages.gathering import Facts
from bot.words.errors import Fenced, TryLater
from bot.words.facts import PAGE, PAGES, OutageFacts, Reply
from bot.words.interfaces import Clock
from bot.words.pace import Pace
from bot.words.voice import ChannelGone, MessageGone, PostUnclear, SlackRefused, Voice
from bot.work.dispatch import give_back

log = structlog.get_logger()

RED_REFRESH = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)  # how long Slack may be away before an alert is told elsewhere
PAGE_REVISION = 1_000_000
CALLING = {"escalated", "storm_escalated", "claim_lapsed"}  # replies that call the one they name
LISTS, LAST_LIST = 2_500_000, 2_900_000  # revisions of the files that list all of a storm


class Alert:
    """Says what the outbox holds."""

    def __init__(
        self,
        memory: Memory,
        facts: Facts,
        composer: Composer,
        voice: Voice,
        pace: Pace,
        progress_every: timedelta,
        now: Clock,
        detour: Detour | None = None,
        late: timedelta = LATE,
        presence: Presence | None = None,
    ) -> None:
        self._presence = presence
        self._memory = memory
        self._detour = detour
        self._posting = Posting(voice, now, late)
        self._facts = facts
        self._composer = composer
        self._voice = voice
        self._pace = pace
        self._progress_every = progress_every
        self._now = now

    async def say(self, saying: Saying) -> None:
        """One outbox row. Whatever Slack does, the row stays until what it reports was said."""
        try:
            facts = await self._facts.of(saying.outage_id, saying.detail.get("page"))
            if facts is None:
                return
            facts = await present(facts, self._presence)
            if saying.kind == "reply":
                await self._reply(saying, facts)
            else:
                await self._message(saying, facts)
        except Fenced:
            log.info("outbox claim lost to another worker", key=saying.key)
        except TryLater as error:
            await self._later(saying, error.after, unclear=saying.started_at is not None)
        except PostUnclear:
            await self._later(saying, None, unclear=True)
        except ChannelGone as error:
            assert facts is not None  # only speaking can meet it
            await self._go_round(saying, facts.outage.channel, str(error))
        except SlackRefused as error:
            log.error("an alert waits: Slack does not take it", outage=saying.outage_id, why=type(error).__name__)
            await self._later(saying, None, unclear=saying.started_at is not None, patience=timedelta(0))

    async def _go_round(self, saying: Saying, channel: str, why: str) -> None:
        """The channel is gone: at once to the next place, and if there is none, wait."""
        now, moved = self._now(), False
        try:
            async with self._memory.begin() as tx:
                if self._detour is not None:
                    moved = await self._detour.around(tx, saying.outage_id, channel, why, now)
                if moved:  # a reply follows when the message has its new place
                    await tx.outbox.later(saying, now + timedelta(seconds=1 if saying.kind == "reply" else 0))
        except Fenced:
            return
        if not moved:
            log.error("an alert waits: its channel is gone", outage=saying.outage_id, why=why)
            await self._later(saying, None, unclear=False, patience=timedelta(0))

    async def _message(self, saying: Saying, facts: OutageFacts) -> None:
        outage = facts.outage
        spoken = self._composer.outage(facts)
        if outage.ts is not None:
            try:
                await self._voice.update(spoken, outage.channel, outage.ts)
            except MessageGone:
                async with self._memory.begin() as tx:
                    await tx.outages.unposted(outage.id, outage.ts)
                    await tx.outbox.later(saying, self._now())
                return
            channel, ts = outage.channel, outage.ts
        else:
            channel, ts, found = await self._posting.post(self._attempt(saying, None), spoken)
            if found:  # what was posted then may be out of date by now
                await self._voice.update(spoken, channel, ts)
        async with self._noting_what_was_said() as tx:
            now = self._now()
            await tx.outages.alerted(outage.id, channel, ts, now)
            await tx.outbox.said(saying, now)
            await _continue(tx, facts, now)
            if facts.living:  # the counts of a living message are kept true
                again = self._progress_every if outage.reauthorized_at else RED_REFRESH
                await tx.outbox.say_message(outage.id, outage.revision, now + again)

    @asynccontextmanager
    async def _noting_what_was_said(self) -> AsyncIterator[Tx]:
        """It stands in the channel by now: where that cannot be noted, it must be found before it is said again."""
        try:
            async with self._memory.begin() as tx:
                yield tx
        except TryLater as error:
            raise PostUnclear(str(error)) from error

    async def _reply(self, saying: Saying, facts: OutageFacts) -> None:
        outage = facts.outage
        if outage.ts is None:  # someone deleted the message just now: the reply waits for the new one
            await self._later(saying, None, unclear=saying.started_at is not None)
            return
        if saying.what == "storm_list":
            await self._list(saying, facts, outage.ts)
            return
        if uncalled_for(saying.what, outage, self._now()):
            async with self._memory.begin() as tx:
                await tx.outbox.said(saying, self._now())
            return
        who = str(saying.detail.get("who", ""))
        if saying.what in CALLING and self._presence is not None and await self._presence.gone(who):
            who = ""
        reply = Reply(saying.what, who, saying.detail, saying.revision)
        spoken = self._composer.reply(facts, reply)
        try:
            there = replace(spoken, channel=outage.channel, thread=outage.ts)
            await self._posting.post(self._attempt(saying, saying.revision), there)
        except MessageGone:
            async with self._memory.begin() as tx:
                await tx.outages.unposted(outage.id, outage.ts)
                await tx.outbox.say_message(outage.id, outage.revision, self._now())
                await tx.outbox.later(saying, self._now() + timedelta(seconds=1))
            return
        async with self._noting_what_was_said() as tx:
            await tx.outbox.said(saying, self._now())

    async def _list(self, saying: Saying, facts: OutageFacts, thread: str) -> None:
        """All accounts of a storm that its thread has no room for, as they are now, in a file."""
        accounts = await self._facts.of_storm(facts.outage.id)
        attempt = self._attempt(saying, saying.revision)
        await self._posting.share(
            attempt, lambda: self._composer.listing(facts, accounts), facts.outage.channel, thread
        )
        async with self._noting_what_was_said() as tx:
            await tx.outbox.said(saying, self._now())

    def _attempt(self, saying: Saying, revision: int | None) -> Attempt:
        async def note(began: datetime) -> None:
            async with self._memory.begin() as tx:
                await tx.outbox.posting(saying, began)

        return Attempt(saying.outage_id, revision, saying.started_at, saying.attempts, note)

    async def _later(
        self, saying: Saying, after: timedelta | None, *, unclear: bool, patience: timedelta = PATIENCE
    ) -> None:
        """`patience`: how much longer Slack may take before this is told elsewhere."""
        pause = self._pace.back_off(saying.attempts + 1, after)

        async def put_off() -> None:
            now = self._now()
            async with self._memory.begin() as tx:
                await tx.outbox.later(saying, now + pause, unclear=unclear, elsewhere_at=now + patience)

        with suppress(Fenced):
            await give_back(put_off)


async def _continue(tx: Tx, facts: OutageFacts, now: datetime) -> None:
    """What a storm's message has no room for, in its thread: each page once it is full, the last one when it is quiet. What
    the thread has no room for, in a file: once it is quiet, anew when more have come, and at the end.

    The revisions are out of the way of the outage's own, so that a page whose post is unclear is told from the others.
    """
    storm = facts.storm
    if storm is None:
        return
    if storm.overflows and not storm.going:
        await tx.outbox.say_reply(facts.outage.id, "storm_list", LAST_LIST, {}, now)
    elif storm.overflows and storm.newest is not None and now - storm.newest > RED_REFRESH:
        await tx.outbox.say_reply(facts.outage.id, "storm_list", LISTS + storm.every, {}, now)
    quiet = now - facts.outage.opened_at > RED_REFRESH
    pages = ceil(storm.every / PAGE) if quiet else storm.every // PAGE
    for page in range(1, min(pages, PAGES + 1)):
        await tx.outbox.say_reply(facts.outage.id, f"storm_{page}", PAGE_REVISION + page, {"page": page}, now)
