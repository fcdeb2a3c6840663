"""When the bot starts and a key of secrets.keys is missing: every login that does not open is said to be lost, at once.

Nothing is destroyed. What is sealed stays as it is, and heals when its key is back (Watch.unlock).
"""

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from bot.logins.intents import KEY_LOST
from bot.memory.memory import Memory, SealBroken
from bot.watch.watch import Watch
from bot.words.connection import Grant
from bot.words.errors import AuthorizationLost, TryLater

log = structlog.get_logger()

MOST = 100  # logins that are opened, or written to be lost, at once


class LostKeys:
    """Said together, in one message for each platform and channel, and not in a drizzle over hours as each is next used."""

    def __init__(self, memory: Memory, watch: Watch) -> None:
        self._memory = memory
        self._watch = watch

    async def tell(self) -> int:
        """How many logins do not open."""
        try:
            closed = await self._closed()
            for some in _parts(closed):
                lost = AuthorizationLost(KEY_LOST)
                losing = (self._watch.losses.lost(g.id, g.generation, lost, together=len(closed) > 1) for g in some)
                await asyncio.gather(*losing)
        except TryLater:
            return 0  # then each is said when it is used
        if closed:
            log.error("stored logins do not open: a key is missing from secrets.keys", logins=len(closed))
        return len(closed)

    async def _closed(self) -> list[Grant]:
        """Some at a time: asked one by one, ten thousand logins would take longer than the rest of the start."""
        found: list[Grant] = []
        async with self._memory.read() as tx:
            for some in _parts([grant for grant in await tx.grants.all() if grant.lost_at is None]):
                opened = await tx.grants.opened([grant.id for grant in some])
                found += [grant for grant, tokens in opened.values() if isinstance(tokens, SealBroken)]
        return found


def _parts(grants: Sequence[Grant]) -> Iterator[Sequence[Grant]]:
    return (grants[start : start + MOST] for start in range(0, len(grants), MOST))
