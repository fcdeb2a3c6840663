"""Verb 2, alert: one outage, one living message. Facts are gathered when it is said, so it is never out of date."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import ceil

import structlog

from bot.calling import Presence, just_acted, present, who_can_fix, who_can_fix_a_storm
from bot.connection import Connection, Flow, Outage, Transfer
from bot.detour import Detour
from bot.dispatch import give_back
from bot.errors import Fenced, TryLater
from bot.facts import PAGE, PAGES, AccountFact, OutageFacts, Progress, Reply
from bot.interfaces import (
    ChannelGone,
    Clock,
    Composer,
    Gateway,
    MessageGone,
    PostUnclear,
    SlackRefused,
    Spoken,
    Voice,
)
from bot.marks import cost_since, running_flows
from bot.memory import Memory, Saying, Tx
from bot.meter import Meter
from bot.remind import uncalled_for
from bot.routes import Routes
from bot.watch import Pace

log = structlog.get_logger()

RED_REFRESH = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)  # how long Slack may be away before an alert is told elsewhere
PAGE_REVISION = 1_000_000
CALLING = {"escalated", "storm_escalated", "claim_lapsed"}  # replies that call the one they name
LOOK_TRIES = 3  # how often to look for a post of unclear outcome before posting again
LATE = timedelta(seconds=30)  # how long after its sender gave up or died a post may still appear
LOOK_BACK = timedelta(minutes=5)  # how far our clock may be ahead of Slack's, whose time a message carries


class Facts:
    """Gathers what is true about an outage now."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], routes: Routes, public_url: str, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._routes = routes
        self._public_url = public_url.rstrip("/")
        self._now = now
        self._meter = Meter()

    async def of(self, outage_id: str) -> OutageFacts | None:
        async with self._memory.read() as tx:
            outage = await tx.outages.get(outage_id)
            return None if outage is None else await self.gather(tx, outage)

    async def gather(self, tx: Tx, outage: Outage) -> OutageFacts:
        connections = await tx.connections.some(outage.connection_ids)
        gateway = self._gateways.get(outage.platform)
        flows = {c.id: (running_flows(c, gateway.platform) if gateway else []) for c in connections}
        held = await tx.transfers.of_connections(outage.connection_ids)
        transfers = [t for t in held if t.flow in flows.get(t.connection_id, [])]
        marked = [t for t in transfers if t.mark_outage == outage.id]
        names = {c.id: c.account.name for c in connections}
        routes = self._routes.over(await tx.routes.all())
        kind = gateway.platform.kind if gateway else connections[0].kind
        waiting, now = await _waiting(tx, transfers), self._now()
        platform, acted = gateway.platform if gateway else None, just_acted(outage, now)
        if outage.storm == outage.id:
            called = await who_can_fix_a_storm(tx, outage, routes)
        else:
            called = await who_can_fix(tx, connections, routes)
        return OutageFacts(
            outage=outage,
            platform_name=gateway.platform.name if gateway else outage.platform,
            kind=kind,
            accounts=tuple(AccountFact(c.id, c.account.id, c.account.name, c.status) for c in connections),
            now=now,
            start_url=f"{self._public_url}/reauthorize/{outage.id}",
            cost_since=_cost_since(connections, transfers, outage),
            untagged=any(t.flow is Flow.TAGGING for t in transfers),
            waiting=waiting,
            loss=await self._meter.read(tx, outage, platform, connections, transfers, waiting, now),
            progress=tuple(_progress(t, names[t.connection_id]) for t in marked),
            eta=_eta(outage, marked, now),
            mentions=tuple(w for w in called if w not in acted),
            otherwise=tuple(w for w in routes.fallback if w not in acted),
            storm=tuple(await tx.outages.storm(outage.id)) if outage.storm == outage.id else (),
            checked_at=max((c.checked_at for c in connections if c.checked_at), default=None),
        )


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
        self._late = late
        self._facts = facts
        self._composer = composer
        self._voice = voice
        self._pace = pace
        self._progress_every = progress_every
        self._now = now

    async def say(self, saying: Saying) -> None:
        """One outbox row. Whatever Slack does, the row stays until what it reports was said."""
        try:
            facts = await self._facts.of(saying.outage_id)
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
            channel, ts, found = await self._post(saying, spoken, outage, revision=None)
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
            await self._post(
                saying, replace(spoken, channel=outage.channel, thread=outage.ts), outage, revision=saying.revision
            )
        except MessageGone:
            async with self._memory.begin() as tx:
                await tx.outages.unposted(outage.id, outage.ts)
                await tx.outbox.say_message(outage.id, outage.revision, self._now())
                await tx.outbox.later(saying, self._now() + timedelta(seconds=1))
            return
        async with self._noting_what_was_said() as tx:
            await tx.outbox.said(saying, self._now())

    async def _post(
        self, saying: Saying, spoken: Spoken, outage: Outage, revision: int | None
    ) -> tuple[str, str, bool]:
        """Post once. If an earlier try may have arrived, look for it by its metadata first: True, found.

        Not to be seen is not the same as not made: Slack may still be at work on a request whose sender is gone.
        """
        since = saying.started_at
        may_arrive = since is not None and self._now() < since + self._late
        if since is not None and (may_arrive or saying.attempts <= LOOK_TRIES):
            ts = await self._voice.find(spoken.channel, outage.id, revision, spoken.thread, since - LOOK_BACK)
            if ts is not None:
                return spoken.channel, ts, True
            if may_arrive:
                raise PostUnclear("the post of an earlier try may still appear")
        async with self._memory.begin() as tx:
            await tx.outbox.posting(saying, self._now())
        try:
            return *await self._voice.post(spoken), False
        except PostUnclear as error:
            await self._note_unclear(saying, self._now() - (self._late if error.answered else timedelta(0)))
            raise

    async def _note_unclear(self, saying: Saying, since: datetime) -> None:
        """Where that cannot be noted, the moment of the post stands there, which is nearly as good."""
        with suppress(TryLater):
            async with self._memory.begin() as tx:
                await tx.outbox.posting(saying, since)

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
    """What a storm's message has no room for, in its thread: each page once it is full, the last one when it is quiet.

    The revisions are out of the way of the outage's own, so that a page whose post is unclear is told from the others.
    """
    quiet = now - facts.outage.opened_at > RED_REFRESH
    pages = len(facts.storm) / PAGE if quiet else len(facts.storm) // PAGE
    for page in range(1, min(ceil(pages), PAGES + 1)):
        await tx.outbox.say_reply(facts.outage.id, f"storm_{page}", PAGE_REVISION + page, {"page": page}, now)


def _cost_since(connections: Sequence[Connection], transfers: Sequence[Transfer], outage: Outage) -> date | None:
    """The first account day whose cost is missing: where the mark begins, or, while it is lost, the cursor's next day."""
    by_id = {c.id: c for c in connections}
    days = [
        date.fromisoformat(t.mark["since"])
        if t.mark and t.mark_outage == outage.id
        else cost_since(t, by_id[t.connection_id], outage.dropped_at)
        for t in transfers
        if t.flow is Flow.COST
    ]
    return min(days, default=None)


async def _waiting(tx: Tx, transfers: Sequence[Transfer]) -> int | None:
    counts = [await tx.touchpoints.waiting(t.connection_id) for t in transfers if t.flow is Flow.TOUCHPOINTS]
    return sum(counts) if counts else None


def _progress(transfer: Transfer, account: str) -> Progress:
    passed = transfer.passed_at is not None
    return Progress(transfer.flow, account, transfer.done, transfer.total, passed, transfer.verified_at is not None)


def _eta(outage: Outage, marked: Sequence[Transfer], now: datetime) -> timedelta | None:
    """How long the slowest transfer still needs at its pace so far; None before there is a pace."""
    if outage.reauthorized_at is None:
        return None
    spent = now - outage.reauthorized_at
    rests = [spent * (t.total - t.done) / t.done for t in marked if t.passed_at is None and 0 < t.done < t.total]
    return max(rests, default=None)
