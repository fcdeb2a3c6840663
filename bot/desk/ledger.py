"""What comes in over the API and what is read there. Implements bot.people.people.Ledger."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta

from bot.memory.memory import Memory
from bot.outages.marks import shown
from bot.people.people import NoConnection
from bot.words.connection import Connection, Kind, Status
from bot.words.facts import Freshness
from bot.words.freight import CostRow, Touchpoint
from bot.words.interfaces import Clock, Gateway

CHUNK = 1_000


class Intake:
    """Touchpoints in; costs and freshness out."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], cost_every: timedelta, now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._cost_every = cost_every
        self._now = now

    async def accept(self, touchpoints: Sequence[Touchpoint]) -> tuple[int, int, int]:
        async with self._memory.begin() as tx:
            return await tx.touchpoints.accept(touchpoints, self._now())

    async def costs(self, since: date | None, until: date | None) -> AsyncIterator[tuple[Connection, CostRow, bool]]:
        async with self._memory.read() as tx:
            async for row in tx.costs.export(since, until):
                yield row

    async def freshness(self, connection_id: str) -> Freshness:
        """Fresh: connected, nothing to catch up, and data no older than three times its usual interval."""
        async with self._memory.read() as tx:
            connection = await tx.connections.get(connection_id)
            if connection is None or connection.removed_at is not None:
                raise NoConnection(connection_id)
            if gateway := self._gateways.get(connection.platform):
                connection = shown(connection, gateway.platform)
            waiting = await tx.touchpoints.waiting(connection_id) if connection.kind is Kind.CRM else 0
        why = self._why_stale(connection, waiting)
        return Freshness(connection.id, not why, connection.status, connection.last_data_at, why)

    def _why_stale(self, connection: Connection, waiting: int) -> str:
        if connection.status in (Status.AUTHORIZATION_REQUIRED, Status.DISCONNECTED, Status.CATCHING_UP):
            return str(connection.status)
        if connection.kind is Kind.CRM:
            return f"{waiting} touchpoints wait" if waiting else ""
        if connection.last_data_at is None:
            return "no data yet"
        age = self._now() - connection.last_data_at
        return "the last data is older than expected" if age > 3 * self._cost_every else ""
