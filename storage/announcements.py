"""Messages that are about no outage: one row each, said once, edited when what it tells has changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Integer, Row, Table, Update, case, exists, or_, select, update

from bot.memory.announcements import Announcement
from bot.memory.memory import Work
from bot.words.connection import Json
from bot.words.errors import Fenced
from storage.columns import JsonText, UtcDateTime, Words
from storage.tables import metadata
from storage.transaction import Transaction, at

# due_at and owner as in the outbox. `changed_at`: it was changed while somebody was saying it.
announcements = Table(
    "announcements",
    metadata,
    Column("key", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("parent", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("about", JsonText, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, index=True),
    Column("owner", Words),
    Column("started_at", UtcDateTime),
    Column("changed_at", UtcDateTime),
    Column("ts", Words),
    Column("stamp", Words, nullable=False),
    Column("over", Boolean, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)
_FREE = announcements.c.owner.is_(None)


class AnnouncementRows:
    """Implements bot.memory.announcements.Announcements."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def announce(
        self, key: str, kind: str, channel: str, about: Json, now: datetime, *, parent: str = ""
    ) -> bool:
        row: dict[str, Any] = {"key": key, "kind": kind, "channel": channel, "about": about, "parent": parent}
        row |= {"revision": 0, "fence": 0, "attempts": 0, "stamp": "", "over": False, "due_at": now, "created_at": now}
        made = await self._tx.change(self._tx.insert(announcements).values(row).on_conflict_do_nothing()) == 1
        if made:
            self._tx.becomes_due(Work.ANNOUNCE, now, key)
        return made

    async def change(self, key: str, about: Json, now: datetime) -> None:
        await self._tx.change(_row(key).values(about=about, revision=announcements.c.revision + 1))
        await self.again(key, now)

    async def get(self, key: str) -> Announcement | None:
        row = await self._tx.one(select(announcements).where(announcements.c.key == key))
        return _announcement(row) if row else None

    async def held(self, key: str) -> Announcement | None:
        row = await self._tx.one(select(announcements).where(announcements.c.key == key).with_for_update())
        return _announcement(row) if row else None

    async def living(self, limit: int) -> list[Announcement]:
        some = select(announcements).where(announcements.c.over.is_(False), announcements.c.parent == "")
        return [_announcement(r) for r in await self._tx.all(some.order_by(announcements.c.key).limit(limit))]

    async def again(self, key: str, now: datetime) -> None:
        moment = at(announcements.c.due_at, now)
        due = case((_FREE, moment), else_=announcements.c.due_at)
        changed = case((_FREE, announcements.c.changed_at), else_=moment)
        await self._tx.change(_row(key).values(due_at=due, changed_at=changed))
        self._tx.becomes_due(Work.ANNOUNCE, now, key)

    async def claim(self, now: datetime, limit: int, owner: str, lease: timedelta) -> list[Announcement]:
        parent = announcements.alias()
        stands = exists().where(parent.c.key == announcements.c.parent, parent.c.ts.is_not(None))
        rows = await self._tx.claim(
            announcements,
            where=[
                announcements.c.due_at <= now,
                or_(announcements.c.parent == "", stands.correlate(announcements)),
            ],
            order=[announcements.c.due_at, announcements.c.key],
            limit=limit,
            values={"owner": owner, "due_at": now + lease, "fence": announcements.c.fence + 1},
        )
        return sorted((_announcement(row) for row in rows), key=lambda told: told.key)

    async def posting(self, told: Announcement, at: datetime) -> None:
        await self._fenced(told, started_at=at)

    async def said(self, told: Announcement, channel: str, ts: str | None, *, stamp: str, over: bool) -> None:
        free: dict[str, Any] = {"owner": None, "started_at": None, "attempts": 0, "due_at": announcements.c.changed_at}
        free |= {"changed_at": None, "channel": channel, "ts": ts, "stamp": stamp, "over": over or bool(told.parent)}
        await self._fenced(told, **free)
        self._tx.becomes_due(Work.ANNOUNCE)  # a reply may have waited for it

    async def later(self, told: Announcement, due_at: datetime, *, unclear: bool = False) -> None:
        put_off: dict[str, Any] = {"owner": None, "due_at": due_at, "attempts": announcements.c.attempts + 1}
        await self._fenced(told, **put_off | ({} if unclear else {"started_at": None}))
        self._tx.becomes_due(Work.ANNOUNCE, due_at)

    async def moved(self, told: Announcement, channel: str, now: datetime) -> None:
        await self._fenced(told, owner=None, started_at=None, due_at=now, channel=channel, ts=None)
        self._tx.becomes_due(Work.ANNOUNCE)

    async def unposted(self, told: Announcement) -> None:
        await self._fenced(told, owner=None, started_at=None, due_at=self._tx.now(), ts=None, changed_at=None)
        self._tx.becomes_due(Work.ANNOUNCE)

    async def free(self, owners_alive: Sequence[str]) -> None:
        abandoned = update(announcements).where(~_FREE, announcements.c.owner.not_in(owners_alive))
        if await self._tx.change(abandoned.values(owner=None, due_at=self._tx.now())):
            self._tx.becomes_due(Work.ANNOUNCE)

    async def _fenced(self, told: Announcement, **values: Any) -> None:
        mine = _row(told.key).where(~_FREE, announcements.c.fence == told.fence)
        if await self._tx.change(mine.values(values)) == 0:
            raise Fenced("this announcement was claimed by another worker")


def _row(key: str) -> Update:
    return update(announcements).where(announcements.c.key == key)


def _announcement(row: Row[Any]) -> Announcement:
    return Announcement(
        key=row.key,
        kind=row.kind,
        channel=row.channel,
        about=row.about,
        revision=row.revision,
        fence=row.fence,
        parent=row.parent,
        ts=row.ts,
        stamp=row.stamp,
        over=row.over,
        attempts=row.attempts,
        started_at=row.started_at,
    )
