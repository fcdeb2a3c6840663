"""Which processes of this deployment are alive, and when none was."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from bot.memory.memory import Work
from storage.announcements import announcements
from storage.notices import notices
from storage.tables import blindness, connections, grants, outbox, replicas, revocations
from storage.transaction import Transaction

ALIVE_FOR = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(days=1)

# Which date says when a claim runs out, and who holds it. What transfers and posts hold is freed by themselves.
_CLAIMED = (
    (Work.CHECK, connections.c.next_check_at, connections.c.check_owner),
    (Work.RENEW, grants.c.next_refresh_at, grants.c.renewal_owner),
    (Work.REVOKE, revocations.c.due_at, revocations.c.owner),
    (None, notices.c.due_at, notices.c.owner),  # looked for every other second
)
_PUT_OFF = (
    (Work.SAY, outbox.c.due_at),
    (Work.ANNOUNCE, announcements.c.due_at),
    (Work.REVOKE, revocations.c.due_at),
    (None, notices.c.due_at),
)


class ReplicaRows:
    """Implements bot.memory.replicas.Replicas."""

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

    async def alone(self, replica: str) -> None:
        others = update(replicas).where(replicas.c.replica != replica, replicas.c.left_at.is_(None))
        await self._tx.change(others.values(left_at=self._tx.now()))

    async def free(self, owners_alive: Sequence[str]) -> None:
        for work, due, owner in _CLAIMED:
            abandoned = update(due.table).where(owner.not_in(owners_alive), due.is_not(None))
            if await self._tx.change(abandoned.values({due: self._tx.now(), owner: None})) and work is not None:
                self._tx.becomes_due(work)

    async def set_back(self, now: datetime) -> None:
        await self._tx.change(update(replicas).where(replicas.c.beat_at > now).values(beat_at=now))
        for work, due in _PUT_OFF:
            free = due.table.c.owner.is_(None)
            if await self._tx.change(update(due.table).where(due > now, free).values({due: now})) and work is not None:
                self._tx.becomes_due(work)

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
