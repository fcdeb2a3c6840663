"""A process says by its beats that it lives; what one that died had begun is taken up by the others, or by its successor."""

from bot.blind import Blind
from bot.interfaces import Clock
from bot.memory import Memory


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

    async def beat(self) -> None:
        async with self._memory.begin() as tx:
            await self._blind.beat(tx)
            if self._only_one and self._alive is None:
                await tx.replicas.alone(self._replica)
            alive = await tx.replicas.alive(self._now())
            await tx.transfers.free(alive)
            await tx.outbox.free(alive)
            await tx.announcements.free(alive)
            if self._alive is None or not self._alive <= set(alive):
                await tx.replicas.free(alive)
        self._alive = frozenset(alive)
