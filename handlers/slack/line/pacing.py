"""At most one post a second and channel, with a small burst: https://docs.slack.dev/apis/web-api/rate-limits

A new message goes before the replies that wait for the same channel: an alert is news, and a thread is read later.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from bot.words.errors import TryLater

BURST = 3
PER_SECOND = 1.0
PATIENCE = 5.0  # seconds a reply may wait here; longer, and it goes back to the outbox
IN_A_ROW = 3  # so many may go before a reply that waits; then it is the reply's turn
MOST_CHANNELS = 1000


@dataclass
class _Line:
    """Who waits for one channel."""

    news: deque[asyncio.Future[None]] = field(default_factory=deque)
    replies: deque[asyncio.Future[None]] = field(default_factory=deque)
    passed: int = 0  # replies wait, and so many have gone before them

    def next(self) -> None:
        """A turn has come: whose is it?"""
        for waiting in (self.news, self.replies):
            while waiting and waiting[0].done():  # gave up, and has had no time yet to leave
                waiting.popleft()
        if self.news and (not self.replies or self.passed < IN_A_ROW):
            self.passed = self.passed + 1 if self.replies else 0
            self.news.popleft().set_result(None)
        elif self.replies:
            self.passed = 0
            self.replies.popleft().set_result(None)


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
        self._lines: dict[str, _Line] = {}
        self._coming: set[asyncio.Task[None]] = set()

    async def turn(self, channel: str, *, news: bool = False) -> None:
        """Wait for a turn in this channel. Raises TryLater when that would take a reply too long."""
        now = self._clock()
        if len(self._free_at) > MOST_CHANNELS:
            self._free_at = {c: at for c, at in self._free_at.items() if at > now}
        free_at = max(self._free_at.get(channel, now), now)
        wait = free_at - now - (BURST - 1) / PER_SECOND
        if wait > PATIENCE and not news:
            raise TryLater("many messages wait for this channel", after=timedelta(seconds=wait))
        self._free_at[channel] = free_at + 1 / PER_SECOND
        if wait > 0:
            await self._in_line(channel, wait, news)

    async def _in_line(self, channel: str, wait: float, news: bool) -> None:
        """Whoever comes adds a turn at the end; whose it is then is decided when it comes."""
        line = self._lines.setdefault(channel, _Line())
        waiting = line.news if news else line.replies
        mine = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        coming = asyncio.create_task(self._come(line, wait), name="turn in a channel")
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)
        try:
            await mine
        finally:
            if mine in waiting:
                waiting.remove(mine)
            if not line.news and not line.replies:
                self._lines.pop(channel, None)

    async def _come(self, line: _Line, wait: float) -> None:
        await self._sleep(wait)
        line.next()
