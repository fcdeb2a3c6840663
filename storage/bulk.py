"""Many rows on their way into a table: by SQLite's executemany, or by Postgres' COPY, without a look at each value's type."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import chain, count
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from bot.words.connection import Json
from bot.words.errors import MemoryAway
from storage.transaction import Transaction

BLOCK = 100  # rows in one statement of SQLite's: half of what a statement for each would cost
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
Answer = TypeVar("Answer")
_ZONE = len("+00:00")


def moment(at: datetime) -> str:
    """As SQLite has it in its columns; Postgres reads it as UTC because it says so."""
    if at.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:-_ZONE]


def insert_many(
    sql: sqlite3.Connection,
    table: str,
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    same: Json | None = None,
    *,
    unless: str = "",
) -> int:
    """SQLite's, to be asked for in its thread: a hundred rows in one statement, and that again and again. How many it took.

    `same`: what all rows have in common. It is handed over once for each statement, which is a third of the work less.
    `unless`: the unique column by which a row is known already, and then passed over.
    """
    common, taken = same or {}, 0
    whole = len(rows) - len(rows) % BLOCK
    for each, some in ((BLOCK, rows[:whole]), (1, rows[whole:])):
        parts = (some[start : start + each] for start in range(0, len(some), each))
        given = [(*common.values(), *chain.from_iterable(part)) for part in parts]
        if given:
            taken += sql.executemany(_insert(table, tuple(columns), tuple(common), each, unless), given).rowcount
    return taken


@cache
def _insert(table: str, columns: tuple[str, ...], same: tuple[str, ...], rows: int, unless: str) -> str:
    common = [f"?{n}" for n in range(1, len(same) + 1)]
    numbers = count(len(same) + 1)
    values = [", ".join([*common, *(f"?{next(numbers)}" for _ in columns)]) for _ in range(rows)]
    into = f"INSERT INTO {table} ({', '.join([*same, *columns])}) VALUES ({'), ('.join(values)})"  # noqa: S608 - our own names
    return f"{into} ON CONFLICT ({unless}) DO NOTHING" if unless else into


async def ask_sqlite(tx: Transaction, ask: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Any number of statements of this transaction, one after the other, in one visit to the driver's thread."""
    raw: Any = (await tx.connection.get_raw_connection()).dbapi_connection
    try:
        return await raw.visit(ask)  # type: ignore[no-any-return]
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, sqlite3.Error, hide_parameters=True) from error


async def copy_many(
    tx: Transaction, table: str, rows: Sequence[tuple[str, ...]], columns: Sequence[str], same: Json
) -> None:
    """Postgres'. What all rows have in common is text, truths or None; moments come as `moment` writes them."""
    await tx.connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
    async with copying(tx, table, ", ".join([*same, *columns])) as copy:
        await copy.write(_copied([_cell(value) for value in same.values()], rows))


def _copied(common: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    """https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: tabs between, backslashes before.

    Escaped all in one go where nothing in them looks like what stands between them, which is nearly always.
    """
    text = "\n".join(map("\t".join, rows))
    if "\r" in text or text.count("\t") != len(rows) * (len(rows[0]) - 1) or text.count("\n") != len(rows) - 1:
        return "".join(["\t".join([*common, *map(_cell, row)]) + "\n" for row in rows])
    before = "".join([f"{value}\t" for value in common])
    escaped = text.replace("\\", "\\\\")
    return before + escaped.replace("\n", f"\n{before}") + "\n"


def _cell(value: str | bool | None) -> str:
    return (
        {None: "\\N", True: "t", False: "f"}[value]
        if value is None or isinstance(value, bool)
        else value.translate(ESCAPES)
    )


@asynccontextmanager
async def copying(tx: Transaction, table: str, columns: str) -> AsyncIterator[Any]:
    """A COPY into the table, by Postgres' driver itself: the block writes rows or text to it."""
    driver: Any = (await tx.connection.get_raw_connection()).driver_connection
    trouble: Any = tx.connection.dialect.loaded_dbapi
    try:
        async with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            yield copy
    except (trouble.OperationalError, trouble.InterfaceError) as error:  # SQLAlchemy, which would say it, was not asked
        raise MemoryAway(f"the database did not answer ({type(error).__name__})") from error
