"""When the bot starts and a key of secrets.keys is missing: every login that does not open is said to be lost, at once.

Nothing is destroyed. What is sealed stays as it is, and heals when its key is back (Watch.unlock).
"""

import structlog

from bot.logins.intents import KEY_LOST
from bot.memory.memory import Memory, SealBroken
from bot.watch.watch import Watch
from bot.words.errors import AuthorizationLost, TryLater

log = structlog.get_logger()


class LostKeys:
    """Said together, in one message for each platform and channel, and not in a drizzle over hours as each is next used."""

    def __init__(self, memory: Memory, watch: Watch) -> None:
        self._memory = memory
        self._watch = watch

    async def tell(self) -> int:
        """How many logins do not open."""
        try:
            closed = await self._closed()
            for grant_id, generation in closed:
                await self._watch.losses.lost(
                    grant_id, generation, AuthorizationLost(KEY_LOST), together=len(closed) > 1
                )
        except TryLater:
            return 0  # then each is said when it is used
        if closed:
            log.error("stored logins do not open: a key is missing from secrets.keys", logins=len(closed))
        return len(closed)

    async def _closed(self) -> list[tuple[str, int]]:
        found = []
        async with self._memory.read() as tx:
            for grant in await tx.grants.all():
                if grant.lost_at is not None:
                    continue
                try:
                    await tx.grants.tokens(grant.id)
                except SealBroken:
                    found.append((grant.id, grant.generation))
        return found
