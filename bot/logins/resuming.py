"""A platform that comes back from trouble is asked slowly at first: what has waited for it must not be its next trouble."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog

from bot.words.errors import RedkeyError, TryLater
from bot.words.interfaces import Answer, Fetch

log = structlog.get_logger()

MANY = 10  # accounts in trouble, and none that is well in between: it is the platform's trouble, not theirs
FIRST = 1.0  # requests a second, until one is answered well
FASTER, CAREFULLY = 1.15, 1.02  # times as many a second later; carefully once its limit was met
SLOWER = 0.85
CALM = 600.0  # seconds in which nobody had to wait, nor was refused: it is as before
PATIENCE = 1.0  # seconds that a request waits for its turn here; a longer wait is spent in the database
USUAL = 0.1  # so many of the latest requests may fail on any day
MEMORY = 20  # how many those are
STEP = 2.0  # seconds at most between two requests that count as going well in between


class InTurn(TryLater):
    """The platform was not asked: others are before us."""

    def __init__(self, where: str, after: timedelta) -> None:
        super().__init__(f"{where} was in trouble and is asked slowly at first", after=after)
        self.pause = after


class Resuming:
    """One for each process. Whoever has no turn soon comes back at a moment of its own within `within`.

    Nobody knows a platform's quota, or how much of it others use. So after trouble we begin at one request a second and go
    faster by a seventh each second, until the platform says that it is too much: then we are a seventh above it at most.
    """

    def __init__(
        self,
        within: timedelta,
        ticks: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._within = within
        self._ticks = ticks
        self._sleep = sleep
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def turn(self, where: str, who: str) -> AsyncIterator[None]:
        """Around one request for this account or login. Raises InTurn."""
        gate = self._gates.setdefault(where, _Gate(where))
        wait = gate.wait(self._ticks())
        if wait > PATIENCE:
            after = self._within * random.random()  # noqa: S311  # spreading load, not a secret
            raise InTurn(where, after)
        gate.take(self._ticks())
        if wait > 0:
            await self._sleep(wait)
        try:
            yield
        except TryLater:
            gate.trouble(who, self._ticks())
            raise
        except RedkeyError:
            gate.well(self._ticks())
            raise
        gate.well(self._ticks())

    def paced(self, platform: str, account: str, fetch: Fetch) -> Fetch:
        return _Paced(self, platform, account, fetch)


class _Paced:
    """A fetch each of whose requests waits for its turn."""

    def __init__(self, resuming: Resuming, platform: str, account: str, fetch: Fetch) -> None:
        self._resuming, self._platform, self._account, self._fetch = resuming, platform, account, fetch

    @property
    def kept(self) -> Mapping[str, str]:
        return self._fetch.kept

    async def __call__(self, method: str, url: str, **more: Any) -> Answer:
        async with self._resuming.turn(self._platform, self._account):
            return await self._fetch(method, url, **more)


class _Gate:
    """Open, until many in a row are in trouble; then so many requests a second as its answers allow."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._in_trouble: set[str] = set()
        self._rate: float | None = None  # None: open
        self._faster = FASTER
        self._next = 0.0
        self._well_at: float | None = None
        self._refused = 0.0  # share of the latest requests
        self._slowed_at = 0.0
        self._waited_at = 0.0
        self._uneasy_at = 0.0  # the last time that somebody had to wait, or was refused, or was not any more

    def wait(self, now: float) -> float:
        if self._rate is None or self._next <= now:
            return 0.0
        if self._next - now > PATIENCE / 2:
            self._waited_at = self._uneasy_at = now
        return self._next - now

    def take(self, now: float) -> None:
        if self._rate is not None:
            self._next = max(self._next, now) + 1 / self._rate

    def trouble(self, who: str, now: float) -> None:
        if self._rate is None:
            self._in_trouble.add(who)
            if len(self._in_trouble) >= MANY:
                log.warning("a platform is in trouble, and asked slowly from now on", where=self._where)
                self._rate, self._faster, self._next, self._refused = FIRST, FASTER, now + 1 / FIRST, 1.0
                self._well_at, self._uneasy_at = None, now
            return
        self._refused += (1 - self._refused) / MEMORY
        if self._refused > USUAL and now - self._slowed_at >= 1:
            self._faster = CAREFULLY if self._rate > FIRST else FASTER
            self._rate = max(self._rate * SLOWER, FIRST)
            self._well_at, self._uneasy_at, self._slowed_at = None, now, now

    def well(self, now: float) -> None:
        """Faster only where somebody has to wait: a pace that nobody has tried is not known to be bearable."""
        self._in_trouble.clear()
        if self._rate is None:
            return
        self._refused -= self._refused / MEMORY
        if self._well_at is None:
            self._uneasy_at = self._well_at = now
        if now - self._waited_at <= STEP:
            self._rate *= self._faster ** min(now - self._well_at, STEP)
        self._well_at = now
        if now - self._uneasy_at > CALM:
            log.info("a platform is asked as usual again", where=self._where)
            self._rate = None
