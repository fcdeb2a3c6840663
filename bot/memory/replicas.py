"""Which processes of this deployment are alive, and what those left behind that are not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Replicas(Protocol):
    async def beat(self, replica: str, role: str, now: datetime) -> None: ...
    async def alive(self, now: datetime) -> list[str]:
        """Replicas that beat within the last 10 s."""

    async def eldest(self, now: datetime, roles: Sequence[str], limit: int) -> list[str]:
        """The longest running ones of those alive, with these roles."""

    async def leave(self, replica: str) -> None: ...
    async def alone(self, replica: str) -> None:
        """This is the only process there can be: all others are gone."""

    async def free(self, owners_alive: Sequence[str]) -> None:
        """What others had claimed of checks, renewals, revocations and notices is due again. Looks through their tables."""

    async def set_back(self, now: datetime) -> None:
        """Nobody has beaten later than now, and what is to be said, revoked or told elsewhere later than now is due now."""

    async def watched_until(self, roles: Sequence[str]) -> datetime | None:
        """The last beat of any process with one of these roles, whether it is alive or not."""

    async def was_blind(self, since: datetime, until: datetime) -> bool:
        """Nobody watched between these. True for exactly one caller."""

    async def blind_since(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """The newest time without sight that ended after this moment."""
