"""Which processes of this deployment are alive, and when none was."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from storage.tables import blindness, replicas
from storage.transaction import Transaction

ALIVE_FOR = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(days=1)


class ReplicaRows:
    """Implements bot.memory.Replicas."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def beat(self, replica: str, role: str, now: datetime) -> None:
        new = self._tx.insert(replicas).values(replica=replica, role=role, beat_at=now, since=now)
        again = {"role": role, "beat_at": now, "left_at": None}
        await self._tx.change(new.on_conflict_do_update(index_elements=[replicas.c.replica], set_=again))
        newest = select(func.max(replicas.c.beat_at)).group_by(replicas.c.role)
        old = replicas.c.beat_at < now - FORGOTTEN_AFTER, replicas.c.beat_at.not_in(newest)
        await self._tx.change(delete(replicas).where(*old))

    async def alive(self, now: datetime) -> list[str]:
        living = select(replicas.c.replica).where(*_alive(now))
        return [row.replica for row in await self._tx.all(living.order_by(replicas.c.replica))]

    async def eldest(self, now: datetime, roles: Sequence[str], limit: int) -> list[str]:
        living = select(replicas.c.replica).where(*_alive(now), replicas.c.role.in_(roles))
        return [
            row.replica
            for row in await self._tx.all(living.order_by(replicas.c.since, replicas.c.replica).limit(limit))
        ]

    async def leave(self, replica: str) -> None:
        gone = update(replicas).where(replicas.c.replica == replica)
        await self._tx.change(gone.values(left_at=self._tx.now()))

    async def watched_until(self, roles: Sequence[str]) -> datetime | None:
        last: datetime | None = await self._tx.value(
            select(func.max(replicas.c.beat_at)).where(replicas.c.role.in_(roles))
        )
        return last

    async def was_blind(self, since: datetime, until: datetime) -> bool:
        row = self._tx.insert(blindness).values(since=since, until=until).on_conflict_do_nothing()
        return await self._tx.change(row) == 1

    async def blind_since(self, moment: datetime) -> tuple[datetime, datetime] | None:
        lately = select(blindness).where(blindness.c.until >= moment).order_by(blindness.c.since.desc()).limit(1)
        row = await self._tx.one(lately)
        return (row.since, row.until) if row is not None else None


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return replicas.c.beat_at >= now - ALIVE_FOR, replicas.c.left_at.is_(None)
