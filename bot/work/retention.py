"""Keeping no more than was asked for: old cost, sent touchpoints, closed outages and audit rows go, a few at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.memory.memory import Memory, Tx
from bot.words.interfaces import Clock

log = structlog.get_logger()

AT_ONCE = 2_000  # rows in one transaction: nobody waits long for its end
BATCHES = 50  # in one run; the next run goes on
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Keep:
    """How long each is kept; None: for ever."""

    cost: timedelta | None = None
    touchpoints: timedelta | None = None
    outages: timedelta | None = None
    audit: timedelta | None = None


class Retention:
    """Deletes in short transactions, so that it never holds up an alert, and may be stopped anywhere."""

    def __init__(self, memory: Memory, keep: Keep, now: Clock) -> None:
        self._memory = memory
        self._keep = keep
        self._now = now

    async def run(self) -> None:
        keep, now = self._keep, self._now()
        # Nobody asks for calls of days that are over; two days, as clocks may differ.
        await self._forget("calls", lambda tx: tx.forgetting.calls((now - 2 * DAY).date()))
        if (cost := keep.cost) is not None:
            await self._forget("cost", lambda tx: tx.forgetting.costs((now - cost).date(), AT_ONCE))
        if (sent := keep.touchpoints) is not None:
            await self._forget("touchpoints", lambda tx: tx.forgetting.touchpoints(now - sent, AT_ONCE))
        if (closed := keep.outages) is not None:
            await self._forget("outages", lambda tx: tx.forgetting.outages(now - closed, AT_ONCE))
        if (noted := keep.audit) is not None:
            await self._forget("audit", lambda tx: tx.forgetting.audit(now - noted, AT_ONCE))

    async def _forget(self, what: str, some: Callable[[Tx], Awaitable[int]]) -> None:
        gone = 0
        for _ in range(BATCHES):
            async with self._memory.begin(lasting=False) as tx:
                removed = await some(tx)
            gone += removed
            if removed == 0:
                break
        if gone:
            log.info("forgotten", what=what, rows=gone)
