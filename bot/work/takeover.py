"""A process says by its beats that it lives; what one that died had begun is taken up by the others, or by its successor.

The beats also tell that the clock was set back: what was put off until a time that is far away again is due now.
"""

from datetime import datetime, timedelta

import structlog

from bot.memory.memory import Memory, Tx
from bot.words.errors import MemoryAway
from bot.words.interfaces import Clock
from bot.work.blind import WATCHING, Blind

log = structlog.get_logger()

SET_BACK = timedelta(minutes=1)  # less may be two replicas whose clocks differ


class Takeover:
    """`only_one`: no other process can be at work on this database, so whoever is not us is dead.

    Transfers and posts know who holds them by an index, so they are freed at every beat. Checks and the like would have to be
    looked for in whole tables: that is done at the first beat, and whenever somebody has died or left since the last one.
    """

    def __init__(self, memory: Memory, replica: str, blind: Blind, now: Clock, *, only_one: bool) -> None:
        self._memory = memory
        self._replica = replica
        self._blind = blind
        self._now = now
        self._only_one = only_one
        self._alive: frozenset[str] | None = None
        self.at_work = 1  # processes that share the work, this one among them
        self.failing_since: datetime | None = None  # nothing could be written since, as far as our beats have tried
        self._last: datetime | None = None

    async def beat(self) -> None:
        try:
            await self._beat(self._now())
        except MemoryAway:
            self.failing_since = self.failing_since or self._now()
            raise
        self.failing_since = None

    async def _beat(self, now: datetime) -> None:
        async with self._memory.begin() as tx:
            await self._was_set_back(tx, now)
            await self._blind.beat(tx)
            if self._only_one and self._alive is None:
                await tx.replicas.alone(self._replica)
            alive = await tx.replicas.alive(now)
            self.at_work = max(len(await tx.replicas.eldest(now, WATCHING, len(alive))), 1)
            await tx.transfers.free(alive)
            await tx.outbox.free(alive)
            await tx.announcements.free(alive)
            if self._alive is None or not self._alive <= set(alive):
                await tx.replicas.free(alive)
            await tx.transfers.put_off_lost(now)  # last: it waits for nobody, and so nobody waits for us both ways
        self._alive, self._last = frozenset(alive), now

    async def _was_set_back(self, tx: Tx, now: datetime) -> None:
        """Since our last beat, or since that of whoever was here before us."""
        last = self._last if self._alive is not None else await tx.replicas.watched_until(WATCHING)
        if last is None or last - now < SET_BACK:
            return
        log.warning("the clock was set back", by=str(last - now))
        watched = [c.id for c in await tx.connections.all() if c.enabled and c.authorized]
        await tx.connections.ask_check(watched, now)
        await tx.transfers.hurry(watched, now)
        await tx.replicas.set_back(now)
        await tx.quotas.set_back(now)
