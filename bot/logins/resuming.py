"""A platform that comes back from trouble is asked slowly at first: what has waited for it must not be its next trouble."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

from bot.memory.memory import Memory
from bot.words.errors import RedkeyError, TryLater
from bot.words.interfaces import Answer, Clock, Fetch
from bot.words.pace import PATIENCE, Slowed

log = structlog.get_logger()

MANY = 10  # accounts in trouble, and none that is well in between: it is the platform's trouble, not theirs


class InTurn(TryLater):
    """The platform was not asked: others are before us."""

    def __init__(self, where: str, after: timedelta) -> None:
        super().__init__(f"{where} was in trouble and is asked slowly at first", after=after)
        self.pause = after


class Resuming:
    """Whoever has no turn soon comes back at a moment of its own within `within`.

    How slowly a platform is asked stands in the database, so all replicas share its turns, and what one of them is told of
    too much counts for all. Where a platform is well, nothing is asked there.
    """

    def __init__(
        self,
        memory: Memory,
        now: Clock,
        within: timedelta,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._memory = memory
        self._now = now
        self._within = within
        self._sleep = sleep
        self._troubled: dict[str, set[str]] = {}
        self._slow: dict[str, bool] = {}  # as far as this process knows

    @asynccontextmanager
    async def turn(self, where: str, who: str, within: timedelta | None = None) -> AsyncIterator[None]:
        """Around one request for this account or login. Raises InTurn."""
        wait = await self._wait(where)
        if wait > PATIENCE:
            after = (within or self._within) * random.random()  # noqa: S311  # spreading load, not a secret
            raise InTurn(where, after)
        if wait > 0:
            await self._sleep(wait)
        try:
            yield
        except TryLater:
            await self._trouble(where, who)
            raise
        except RedkeyError:
            await self._well(where)
            raise
        await self._well(where)

    def paced(self, platform: str, account: str, fetch: Fetch) -> Fetch:
        return _Paced(self, platform, account, fetch)

    async def _wait(self, where: str) -> float:
        """Seconds until our turn; it is taken, unless they are more than PATIENCE."""
        if where not in self._slow:  # whoever was here before may have met its trouble
            async with self._memory.read() as tx:
                self._slow[where] = await tx.quotas.slowed(where) is not None
        if not self._slow[where]:
            return 0.0
        now = self._seconds()
        found = await self._changed(where, lambda slowed: slowed.asked_for(now))
        return found.wait(now) if found is not None else 0.0

    async def _trouble(self, where: str, who: str) -> None:
        now = self._seconds()
        if not self._slow.get(where):
            troubled = self._troubled.setdefault(where, set())
            troubled.add(who)
            if len(troubled) < MANY and not await self._slow_elsewhere(where):
                return
        await self._noted(where, lambda slowed: slowed.troubled(now), else_=Slowed.begun(now))

    async def _well(self, where: str) -> None:
        self._troubled.pop(where, None)
        if self._slow.get(where):
            now = self._seconds()
            await self._noted(where, lambda slowed: slowed.answered(now))

    async def _slow_elsewhere(self, where: str) -> bool:
        """Whether another replica has found out that it is the platform's trouble."""
        try:
            async with self._memory.read() as tx:
                return await tx.quotas.slowed(where) is not None
        except TryLater:
            return False

    async def _noted(
        self, where: str, change: Callable[[Slowed], Slowed | None], *, else_: Slowed | None = None
    ) -> None:
        """What the platform has answered counts, whether it can be noted or not."""
        try:
            await self._changed(where, change, else_=else_)
        except TryLater:
            log.warning("how slowly a platform is asked could not be noted", where=where)

    async def _changed(
        self, where: str, change: Callable[[Slowed], Slowed | None], *, else_: Slowed | None = None
    ) -> Slowed | None:
        """How it stood before. `else_`: what it is from now on where it was asked as usual."""
        async with self._memory.begin(lasting=False) as tx:
            before = await tx.quotas.held_slow(where)
            after = change(before) if before is not None else else_
            if after != before:
                await tx.quotas.slow(where, after)
        self._slow[where] = after is not None
        if before is None and after is not None:
            log.warning("a platform is in trouble, and asked slowly from now on", where=where)
        if before is not None and after is None:
            log.info("a platform is asked as usual again", where=where)
        return before

    def _seconds(self) -> float:
        return self._now().timestamp()


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
