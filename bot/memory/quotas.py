"""How many calls a platform takes in a time, counted for all replicas together."""

from datetime import datetime, timedelta
from typing import Protocol

from bot.words.pace import Quota, Slowed


class Quotas(Protocol):
    async def take(self, name: str, quota: Quota, now: datetime, patience: timedelta) -> timedelta | None:
        """Take the next turn: how long to wait for it. None, and nothing is taken, if that is longer than `patience`."""

    async def hold(self, name: str, until: datetime) -> None:
        """The platform asked for a pause: nobody's turn comes before."""

    async def slowed(self, name: str) -> Slowed | None:
        """How slowly it is asked; None: as usual."""

    async def held_slow(self, name: str) -> Slowed | None:
        """The same, and until the transaction ends nobody else changes it."""

    async def slow(self, name: str, slowed: Slowed | None) -> None: ...
    async def set_back(self, now: datetime) -> None:
        """No turn comes later than now, and nothing happened later."""
