"""Many rows on their way into a table: by SQLite's executemany, or by Postgres' COPY, without a look at each value's type."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bot.words.errors import TryLater
from storage.transaction import Transaction

BLOCK = 100  # rows in one statement of SQLite's: half of what a statement for each would cost
_ZONE = len("+00:00")


def moment(at: datetime) -> str:
    """As SQLite has it in its columns; Postgres reads it as UTC because it says so."""
    if at.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:-_ZONE]


def utc(held: str | datetime) -> datetime:
    """A moment as it comes from the driver: SQLite's is text without its zone, Postgres' is in the session's zone."""
    return datetime.fromisoformat(f"{held}+00:00") if isinstance(held, str) else held.astimezone(UTC)


async def insert_many(tx: Transaction, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Values are text, numbers, truths or None; moments come as `moment` writes them."""
    if not rows:
        return
    if not tx.postgres:
        whole = len(rows) - len(rows) % BLOCK
        await _insert(tx, table, columns, BLOCK, rows[:whole])
        await _insert(tx, table, columns, 1, rows[whole:])
        return
    await tx.connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
    async with copying(tx, table, columns) as copy:
        for row in rows:
            await copy.write_row(row)


async def _insert(tx: Transaction, table: str, columns: str, each: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """SQLite's: `each` rows in one statement, and the statement again and again in one question to its thread."""
    if not rows:
        return
    marks = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * each)
    values = [tuple(chain.from_iterable(rows[start : start + each])) for start in range(0, len(rows), each)]
    await tx.connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES {marks}", values)  # noqa: S608


@asynccontextmanager
async def copying(tx: Transaction, table: str, columns: str) -> AsyncIterator[Any]:
    """A COPY into the table, by Postgres' driver itself: the block writes rows or text to it."""
    driver: Any = (await tx.connection.get_raw_connection()).driver_connection
    trouble: Any = tx.connection.dialect.loaded_dbapi
    try:
        async with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            yield copy
    except (trouble.OperationalError, trouble.InterfaceError) as error:  # SQLAlchemy, which would say it, was not asked
        raise TryLater(f"the database did not answer ({type(error).__name__})") from error
