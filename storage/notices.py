"""What is told outside Slack, because Slack did not take it in time: one row for each state of an outage, told once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, Row, Table, func, select, update

from bot.connection import Json
from bot.notices import Notice
from storage.columns import JsonText, UtcDateTime, Words
from storage.tables import metadata, outbox
from storage.transaction import Transaction

# due_at NULL: nothing to do any more. While somebody sends it, due_at is when it is taken up again.
notices = Table(
    "notices",
    metadata,
    Column("key", Words, primary_key=True),
    Column("outage_id", ForeignKey("outages.id"), nullable=False),
    Column("body", JsonText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, index=True),
    Column("sent_at", UtcDateTime),
)


class NoticeRows:
    """Implements bot.memory.Notices."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def overdue(self, now: datetime, limit: int) -> Sequence[tuple[str, int]]:
        """Oldest first."""
        told = func.coalesce(outbox.c.said_revision, 0), func.coalesce(outbox.c.elsewhere_revision, 0)
        untold = [outbox.c.revision > revision for revision in told]
        rows = await self._tx.all(
            select(outbox.c.outage_id, outbox.c.revision)
            .where(outbox.c.kind == "message", outbox.c.elsewhere_at <= now, *untold)
            .order_by(outbox.c.elsewhere_at, outbox.c.key)
            .limit(limit)
        )
        return [(row.outage_id, row.revision) for row in rows]

    async def noted(self, outage_id: str, revision: int) -> None:
        row = update(outbox).where(outbox.c.key == f"message:{outage_id}")
        await self._tx.change(row.values(elsewhere_revision=revision))

    async def add(self, key: str, outage_id: str, body: Json, now: datetime) -> bool:
        row = {"key": key, "outage_id": outage_id, "body": body, "attempts": 0, "created_at": now, "due_at": now}
        return await self._tx.change(self._tx.insert(notices).values(row).on_conflict_do_nothing()) == 1

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> list[Notice]:
        rows = await self._tx.claim(
            notices,
            where=[notices.c.due_at <= now],
            order=[notices.c.due_at, notices.c.key],
            limit=limit,
            values={"due_at": now + lease, "attempts": notices.c.attempts + 1},
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: notice.created_at)

    async def sent(self, notice: Notice, now: datetime) -> None:
        await self._set(notice, due_at=None, sent_at=now)

    async def later(self, notice: Notice, at: datetime | None) -> None:
        await self._set(notice, due_at=at)

    async def waiting(self) -> int:
        return int(await self._tx.value(select(func.count()).where(notices.c.due_at.is_not(None))))

    async def _set(self, notice: Notice, **values: Any) -> None:
        await self._tx.change(update(notices).where(notices.c.key == notice.key).values(values))


def _notice(row: Row[Any]) -> Notice:
    return Notice(row.key, row.outage_id, row.body, row.attempts, row.created_at)
