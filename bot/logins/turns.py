"""Calls that nobody waits for take their turn, so that all replicas together stay below what a platform allows an account.

A person's own calls (logging in, trying new credentials) take none: what is left of the platform's limit is theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.logins.resuming import InTurn
from bot.memory.memory import Memory
from bot.words.connection import Account
from bot.words.errors import TryLater
from bot.words.interfaces import Answer, Clock, Fetch, Platform
from bot.words.pace import Quota

# A turn that is further away is better waited for in the database than in a worker's slot.
PATIENCE = timedelta(seconds=5)
Sleep = Callable[[float], Awaitable[Any]]


class Turns:
    """One row for each account of a platform that has a limit; the row is the only place where turns are kept."""

    def __init__(self, memory: Memory, now: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._memory = memory
        self._now = now
        self._sleep = sleep

    def of(self, platform: Platform, account: Account, fetch: Fetch) -> Fetch:
        if platform.quota is None:
            return fetch
        return _InTurn(self, f"{platform.key}:{account.id}", platform.quota, fetch)

    async def take(self, name: str, quota: Quota) -> None:
        """Wait for a turn. Raises TryLater when it is too far away."""
        async with self._memory.begin(lasting=False) as tx:
            wait = await tx.quotas.take(name, quota, self._now(), PATIENCE)
        if wait is None:
            raise TryLater("the platform's limit on calls is used up for the moment", after=2 * PATIENCE)
        if wait:
            await self._sleep(wait.total_seconds())

    async def hold(self, name: str, pause: timedelta) -> None:
        async with self._memory.begin(lasting=False) as tx:
            await tx.quotas.hold(name, self._now() + pause)


class _InTurn:
    """An authorized call that waits for its turn first."""

    def __init__(self, turns: Turns, name: str, quota: Quota, fetch: Fetch) -> None:
        self._turns = turns
        self._name = name
        self._quota = quota
        self._fetch = fetch

    @property
    def kept(self) -> Mapping[str, str]:
        return self._fetch.kept

    async def __call__(self, method: str, url: str, **options: Any) -> Answer:
        await self._turns.take(self._name, self._quota)
        try:
            return await self._fetch(method, url, **options)
        except InTurn:
            raise  # the platform was not asked
        except TryLater as error:
            if error.after:
                await self._turns.hold(self._name, error.after)
            raise
