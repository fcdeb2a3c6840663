"""Which processes of this deployment are alive."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from storage.tables import replicas
from storage.transaction import Transaction

ALIVE_FOR = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(days=1)


class ReplicaRows:
    """Implements bot.memory.Replicas."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def beat(self, replica: str, role: str, now: datetime) -> None:
        new = self._tx.insert(replicas).values(replica=replica, role=role, beat_at=now, since=now)
        again = {"role": role, "beat_at": now}
        await self._tx.change(new.on_conflict_do_update(index_elements=[replicas.c.replica], set_=again))
        await self._tx.change(delete(replicas).where(replicas.c.beat_at < now - FORGOTTEN_AFTER))

    async def alive(self, now: datetime) -> list[str]:
        living = select(replicas.c.replica).where(replicas.c.beat_at >= now - ALIVE_FOR)
        return [row.replica for row in await self._tx.all(living.order_by(replicas.c.replica))]

    async def eldest(self, now: datetime, roles: Sequence[str], limit: int) -> list[str]:
        living = select(replicas.c.replica).where(replicas.c.beat_at >= now - ALIVE_FOR, replicas.c.role.in_(roles))
        return [
            row.replica
            for row in await self._tx.all(living.order_by(replicas.c.since, replicas.c.replica).limit(limit))
        ]

    async def leave(self, replica: str) -> None:
        await self._tx.change(delete(replicas).where(replicas.c.replica == replica))
