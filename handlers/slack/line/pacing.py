"""At most one post a second and channel, with a small burst: https://docs.slack.dev/apis/web-api/rate-limits"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic

from bot.words.errors import TryLater

BURST = 3
PER_SECOND = 1.0
PATIENCE = 5.0  # seconds a post may wait here; longer, and it goes back to the outbox
MOST_CHANNELS = 1000


class Pacing:
    """Hands out turns. `clock` is in seconds and need not be a wall clock."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._free_at: dict[str, float] = {}  # when the whole burst is free again

    async def turn(self, channel: str) -> None:
        """Wait for a turn in this channel. Raises TryLater when that would take too long."""
        now = self._clock()
        if len(self._free_at) > MOST_CHANNELS:
            self._free_at = {c: at for c, at in self._free_at.items() if at > now}
        free_at = max(self._free_at.get(channel, now), now)
        wait = free_at - now - (BURST - 1) / PER_SECOND
        if wait > PATIENCE:
            raise TryLater("many messages wait for this channel", after=timedelta(seconds=wait))
        self._free_at[channel] = free_at + 1 / PER_SECOND
        if wait > 0:
            await self._sleep(wait)
