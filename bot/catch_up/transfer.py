"""Verb 4, transfer: move what is new from the cursor to now. Catching up is the same walk with a mark at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from bot.memory.memory import Memory, Tx
from bot.outages.marks import running_flows
from bot.traces import span
from bot.watch.watch import Watch
from bot.words.connection import Connection, Flow, Json, Transfer
from bot.words.errors import Fenced, RedkeyError, TryLater
from bot.words.interfaces import Clock, Fetch, Gateway, Platform
from bot.words.pace import Pace
from bot.work.dispatch import give_back

log = structlog.get_logger()

# Longer than any one step between two saves takes, such as uploading a bulk job at the slowest. Whoever dies is not waited
# for: what a replica that no longer beats has claimed is free within seconds.
LEASE = timedelta(minutes=5)
STALL_AFTER = 5  # failed passes of a catch-up before the message says that it is not moving


class Walk:
    """One claimed pass of one transfer: its connection, its authorized fetch, and saving with the claim checked."""

    def __init__(self, memory: Memory, connection: Connection, transfer: Transfer, fetch: Fetch, now: Clock) -> None:
        self.memory = memory
        self.connection = connection
        self.transfer = transfer
        self.fetch = fetch
        self.now = now
        self.begun_at = now()
        self.moved = False  # whether this pass got anywhere

    @property
    def value(self) -> Json:
        """The platform's notes (interfaces.Notes)."""
        return self.transfer.notes

    async def save(self, value: Json) -> None:
        async with self.memory.begin() as tx:
            await self.keep(tx, notes=value)

    async def keep(
        self,
        tx: Tx,
        *,
        cursor: Json | None = None,
        notes: Json | None = None,
        done: int | None = None,
        total: int | None = None,
    ) -> None:
        """Store progress in the caller's transaction and renew the claim; raises Fenced when the claim was lost."""
        before = self.transfer
        self.transfer = replace(
            self.transfer,
            cursor=self.transfer.cursor if cursor is None else cursor,
            notes=self.transfer.notes if notes is None else notes,
            done=self.transfer.done if done is None else done,
            total=self.transfer.total if total is None else total,
        )
        self.moved |= (self.transfer.cursor, self.transfer.done) != (before.cursor, before.done)
        await tx.transfers.save(self.transfer, self.now(), LEASE)


class Carrier(Protocol):
    """How one flow is moved, and how it is checked against the source. One file each: cost, tagging, touchpoints."""

    async def move(self, walk: Walk, platform: Platform) -> bool:
        """Move everything due. False when there is more and others should have a turn first."""

    async def past(self, tx: Tx, transfer: Transfer) -> bool:
        """Whether the cursor has passed the mark."""

    async def check(self, walk: Walk, platform: Platform) -> Json | None:
        """Compare with the source. None: it agrees; else the cursor to read again from."""


@dataclass(frozen=True)
class Every:
    """How often each flow is due."""

    cost: timedelta
    tagging: timedelta
    touchpoints: timedelta

    def of(self, flow: Flow) -> timedelta:
        return {Flow.COST: self.cost, Flow.TAGGING: self.tagging, Flow.TOUCHPOINTS: self.touchpoints}[flow]


class Confirmation(Protocol):
    """What is told after every pass of a transfer that has a mark."""

    async def passed(self, walk: Walk, carrier: Carrier, platform: Platform) -> int:
        """How often in a row the check against the source has disagreed by now. 0: nothing more to do."""

    async def excused(self, transfer: Transfer) -> None:
        """It does not run any more: nobody waits for it. Raises Fenced."""

    async def stuck(self, transfer: Transfer, why: str) -> None:
        """The catch-up is not moving: say so, and keep trying."""

    async def moving(self, transfer: Transfer) -> None:
        """It moves again."""


class Mover:
    """Runs claimed transfers, one pass each."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        watch: Watch,
        carriers: Mapping[Flow, Carrier],
        confirmation: Confirmation,
        every: Every,
        pace: Pace,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._watch = watch
        self._carriers = carriers
        self._confirmation = confirmation
        self._every = every
        self._pace = pace
        self._now = now

    async def run(self, transfer: Transfer) -> None:
        """One pass. Whatever happens, the row is given back or the claim was lost; nothing is raised."""
        about = {"connection": transfer.connection_id, "flow": transfer.flow.value}
        with span("transfer", **about, catching_up=transfer.mark is not None):
            try:
                await self._run(transfer)
            except Fenced:
                log.info("claim lost to another worker", **about)
            except RedkeyError as error:
                await self._again(transfer, error)

    async def _run(self, transfer: Transfer) -> None:
        async with self._memory.read() as tx:
            connection = await tx.connections.get(transfer.connection_id)
        assert connection is not None  # its transfers go with it
        gateway = self._gateways.get(connection.platform)
        if gateway is not None and transfer.flow in running_flows(connection, gateway.platform):
            await self._pass(connection, transfer)
            return
        if gateway is not None and transfer.mark is not None:
            await self._confirmation.excused(transfer)
        async with self._memory.begin() as tx:
            await tx.transfers.release(transfer, self._now() + self._every.of(transfer.flow), attempts=0)

    async def _pass(self, connection: Connection, transfer: Transfer) -> None:
        platform = self._gateways[connection.platform].platform
        carrier = self._carriers[transfer.flow]
        walk: Walk | None = None
        disagreed = 0
        try:
            async with self._watch.using(connection, in_turn=True) as fetch:
                walk = Walk(self._memory, connection, transfer, fetch, self._now)
                finished = await carrier.move(walk, platform)
                if finished and transfer.mark is not None:
                    disagreed = await self._confirmation.passed(walk, carrier, platform)
        except RedkeyError as error:
            if walk is not None and walk.moved:  # only passes that move nothing at all make a stall
                transfer = replace(transfer, attempts=0)
            await self._again(transfer, error)
            return
        if disagreed > 1:
            pause = self._pace.back_off(disagreed, None)  # the source is left in peace for a while
        elif disagreed == 1 or not finished:
            pause = timedelta(0)  # after a first disagreement too, as days may have been restated in between
        else:
            pause = self._every.of(transfer.flow)
        async with self._memory.begin() as tx:
            await tx.transfers.release(walk.transfer, self._now() + pause, attempts=max(disagreed - 1, 0))
            await tx.connections.moved(connection.id, self._now())
        if transfer.mark is not None and transfer.attempts >= STALL_AFTER:
            await self._confirmation.moving(walk.transfer)

    async def _again(self, transfer: Transfer, error: RedkeyError) -> None:
        """A loss is recorded by Watch already and stops the claims; anything else waits for its turn."""
        attempts = transfer.attempts + 1
        pause = self._pace.back_off(attempts, error.after if isinstance(error, TryLater) else None)
        tell = log.info if isinstance(error, TryLater) else log.warning
        tell("transfer put off", connection=transfer.connection_id, flow=transfer.flow, why=str(error))

        async def put_off() -> None:
            async with self._memory.begin() as tx:
                await tx.transfers.release(transfer, self._now() + pause, attempts=attempts)

        try:
            await give_back(put_off)
        except Fenced:
            return
        if transfer.mark is not None and attempts >= STALL_AFTER:
            await self._confirmation.stuck(transfer, str(error))
