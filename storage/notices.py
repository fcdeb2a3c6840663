"""What is told outside Slack, because Slack did not take it in time or because somebody subscribed: each row told once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Column, ForeignKey, Integer, Row, Table, delete, func, select, update

from bot.memory.notices import FALLBACK, Endpoint, Notice
from bot.webhooks.happenings import Subscriptions, happened
from bot.words.connection import Json
from storage.columns import JsonText, UtcDateTime, Words
from storage.outages import OutageRows
from storage.tables import metadata, outbox
from storage.transaction import Transaction

# due_at NULL: nothing to do any more. While somebody sends it, due_at is when it is taken up again.
notices = Table(
    "notices",
    metadata,
    Column("key", Words, primary_key=True),
    Column("outage_id", ForeignKey("outages.id")),
    Column("body", JsonText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, index=True),
    Column("sent_at", UtcDateTime),
    Column("endpoint", Words, nullable=False, server_default=FALLBACK),
    Column("owner", Words),
)

# Receivers that have failed. `failing_since`: none since then has been taken.
endpoints = Table(
    "endpoints",
    metadata,
    Column("name", Words, primary_key=True),
    Column("failing_since", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("why", Words, nullable=False, server_default=""),
)


class NoticeRows:
    """Implements bot.memory.notices.Notices."""

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

    async def add(
        self, key: str, outage_id: str | None, body: Json, now: datetime, *, endpoint: str = FALLBACK
    ) -> bool:
        row = {"key": key, "outage_id": outage_id, "body": body, "attempts": 0, "created_at": now, "due_at": now}
        row["endpoint"] = endpoint
        return await self._tx.change(self._tx.insert(notices).values(row).on_conflict_do_nothing()) == 1

    async def claim(
        self, now: datetime, limit: int, lease: timedelta, owner: str | None = None, *, endpoint: str = FALLBACK
    ) -> list[Notice]:
        rows = await self._tx.claim(
            notices,
            where=[notices.c.due_at <= now, notices.c.endpoint == endpoint],
            order=[notices.c.due_at, notices.c.key],
            limit=limit,
            values={"due_at": now + lease, "owner": owner, "attempts": notices.c.attempts + 1},
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: (notice.created_at, notice.key))

    async def sent(self, notice: Notice, now: datetime) -> None:
        await self._set(notice, due_at=None, sent_at=now)

    async def later(self, notice: Notice, at: datetime | None) -> None:
        await self._set(notice, due_at=at)

    async def waiting(self, endpoint: str = FALLBACK) -> int:
        due = notices.c.due_at.is_not(None), notices.c.endpoint == endpoint
        return int(await self._tx.value(select(func.count()).where(*due)))

    async def last_taken(self, endpoint: str) -> datetime | None:
        last = select(func.max(notices.c.sent_at)).where(notices.c.endpoint == endpoint)
        return cast("datetime | None", await self._tx.value(last))

    async def endpoints(self) -> Mapping[str, Endpoint]:
        rows = await self._tx.all(select(endpoints))
        return {row.name: Endpoint(row.failing_since, row.disabled_at, row.why) for row in rows}

    async def took(self, endpoint: str) -> None:
        await self._tx.change(delete(endpoints).where(endpoints.c.name == endpoint))

    async def failed(self, endpoint: str, now: datetime) -> Endpoint:
        new = self._tx.insert(endpoints).values(name=endpoint, failing_since=now)
        await self._tx.change(new.on_conflict_do_nothing())
        row = await self._tx.one(select(endpoints).where(endpoints.c.name == endpoint))
        return Endpoint(row.failing_since, row.disabled_at, row.why) if row is not None else Endpoint(now)

    async def disable(self, endpoint: str, why: str, now: datetime) -> bool:
        working = update(endpoints).where(endpoints.c.name == endpoint, endpoints.c.disabled_at.is_(None))
        return await self._tx.change(working.values(disabled_at=now, why=why)) == 1

    async def sweep(self, before: datetime) -> None:
        told = delete(notices).where(notices.c.endpoint != FALLBACK, notices.c.created_at < before)
        await self._tx.change(told)

    async def _set(self, notice: Notice, **values: Any) -> None:
        await self._tx.change(update(notices).where(notices.c.key == notice.key).values(values | {"owner": None}))


def _notice(row: Row[Any]) -> Notice:
    return Notice(row.key, row.outage_id, row.body, row.attempts, row.created_at)


async def tell_subscribers(tx: Transaction, subscriptions: Subscriptions) -> None:
    """Rows for what happened in this transaction, written with it: told if it is true, and only then."""
    rows = NoticeRows(tx)
    for outage_id, revision in tx.happened if subscriptions.endpoints else ():
        outage = await OutageRows(tx).get(outage_id)
        found = happened(outage, revision, subscriptions.public_url) if outage is not None else None
        if found is None:
            continue
        for endpoint in subscriptions.to(found.type):
            await rows.add(f"{endpoint}/{found.id}", outage_id, found.body, tx.now(), endpoint=endpoint)
