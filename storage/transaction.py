"""One database transaction, as the nouns see it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Executable,
    Insert,
    Row,
    Select,
    Table,
    Update,
    case,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.memory.memory import Work
from bot.words.connection import Json
from bot.words.interfaces import Clock
from storage.sealing import Keys

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

CHUNK = 500  # ids in one IN list: far below SQLite's 32,766 variables, and enough to make round trips not matter


class Transaction:
    """The connection, the keys, the clock, and which kinds of work became due."""

    def __init__(self, connection: AsyncConnection, keys: Keys, now: Clock) -> None:
        self.connection = connection
        self.keys = keys
        self.now = now
        self.due: dict[str, Work] = {}
        self.noted: list[dict[str, Any]] = []  # rows of the audit trail, written at the end (storage/audit.py)
        self.happened: list[tuple[str, int]] = []  # outages and revisions, for whoever subscribed (storage/notices.py)
        self.postgres = connection.dialect.name == "postgresql"

    def becomes_due(self, work: Work, at: datetime | None = None, key: str = "") -> None:
        """Wake this work's people after the commit, unless its time is still to come: then the tick finds it.

        `key`: of which row, where one wake-up for each is wanted between replicas; else there is one for the kind.
        """
        if at is None or at <= self.now():
            self.due[key or work.value] = work

    def insert(self, table: Table) -> "postgresql.Insert | sqlite.Insert":
        """An INSERT that knows ON CONFLICT; SQLAlchemy has one for each database, loaded only where that is spoken."""
        if not self.postgres:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)

    async def one(self, statement: Executable) -> Row[Any] | None:
        return (await self.connection.execute(statement)).one_or_none()

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        return (await self.connection.execute(statement)).all()

    async def plain(self, statement: Select[Any], given: Json | None = None) -> Sequence[tuple[Any, ...]]:
        """For thousands: the rows as the driver gave them. Whoever asks knows what each database's driver gives."""
        found = await self.connection.execute(statement, given)
        return () if found.cursor is None else found.cursor.fetchall()

    async def value(self, statement: Select[Any]) -> Any:
        return (await self.connection.execute(statement)).scalar()

    async def change(self, statement: Update | Delete | Insert, given: Json | None = None) -> int:
        """Carry it out; returns how many rows it met."""
        # For an INSERT the count is thrown away unless it is asked for:
        # https://docs.sqlalchemy.org/en/21/core/connections.html#sqlalchemy.engine.CursorResult.rowcount
        counted = statement.execution_options(preserve_rowcount=True)
        return int((await self.connection.execute(counted, given)).rowcount)

    async def many(self, statement: Insert | Update, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            await self.connection.execute(statement, rows)

    async def claim(
        self,
        table: Table,
        *,
        where: Sequence[ColumnElement[bool]],
        order: Sequence[ColumnElement[Any]],
        limit: int,
        values: dict[str, Any],
    ) -> Sequence[Row[Any]]:
        """Take the first rows nobody else is taking, and change them in the same statement.

        Postgres: rows locked by another claim are skipped, and one that was taken since the statement began is looked at
        again and no longer fits. SQLite: write transactions come one after the other, and FOR UPDATE is left out.
        """
        keys = list(table.primary_key.columns)
        picked = select(*keys).where(*where).order_by(*order).limit(limit)
        chosen = picked.with_for_update(of=table, skip_locked=True).cte("picked")
        rows = update(table).where(tuple_(*keys).in_(select(chosen))).values(values).returning(table)
        return await self.all(rows)


def parts(values: Sequence[str]) -> list[Sequence[str]]:
    """Cut a list into pieces one statement can take."""
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]


def at(column: Column[Any], moment: datetime) -> ColumnElement[Any]:
    """A moment for use inside an expression, where SQLAlchemy does not see by itself which column's type it must take."""
    return literal(moment, column.type)


def earlier(column: Column[Any], moment: datetime) -> ColumnElement[Any]:
    """The earlier of what stands there and this moment; this moment where nothing stands."""
    return case((column <= moment, column), else_=at(column, moment))
