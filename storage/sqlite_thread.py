"""SQLite in its thread, asked once for each statement: to make a cursor, to read it and to close it are no questions.

The driver works in a thread of its own, and a question to it costs more than most answers: two threads change places
twice. SQLAlchemy asks four times for each statement; this asks once, which halves what a transaction costs. A transaction
begins together with its first statement, and one that had none neither begins nor ends.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)

Found = TypeVar("Found")


class _Answer(NamedTuple):
    """A statement that has run to its end."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: tuple[Any, ...] = ()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """What the driver and SQLAlchemy's adapter keep to themselves is used here: neither has another way to ask once."""

    __slots__ = ("_answer",)

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001
        self._soft_closed_memoized = {}  # type: ignore[assignment]
        self._rows = deque()
        self._answer = _Answer()

    @property
    def description(self) -> Any:
        return self._answer.description

    @property
    def rowcount(self) -> int:
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int:
        return self._answer.lastrowid or 0

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """There is nothing left open in the thread."""

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._ask(_executed, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._ask(_executed_for_each, operation, seq_of_parameters)

    async def _ask(self, run: Callable[..., _Answer], operation: Any, parameters: Any) -> None:
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            connection: Any = self._adapt_connection
            self._answer = await connection.visit(run, operation, parameters)
        self._rows = deque(self._answer.rows)


def _executed(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Answer:
    return _ended(connection.execute(operation, parameters))


def _executed_for_each(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Answer:
    return _ended(connection.executemany(operation, parameters))


def _ended(cursor: sqlite3.Cursor) -> _Answer:
    """Rows first: the count of what a RETURNING changed is known when they are read."""
    rows = tuple(cursor.fetchall()) if cursor.description else ()
    answer = _Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    cursor.close()
    return answer


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_begin",)

    _cursor_cls = _Cursor  # type: ignore[assignment]  # a subclass of the one that stands there

    def begin(self, statement: str) -> None:
        """With whatever is asked next."""
        self._begin = statement

    async def visit(self, run: Callable[..., Found], *given: Any) -> Found:
        """Have something done in the thread, with the connection there."""
        driver: Any = self._connection
        begin, self._begin = self._begin, ""
        if begin:
            return await driver._execute(_begun, driver._conn, begin, run, given)  # type: ignore[no-any-return]  # noqa: SLF001
        return await driver._execute(run, driver._conn, *given)  # type: ignore[no-any-return]  # noqa: SLF001

    def commit(self) -> None:
        if not self._left_out():
            super().commit()

    def rollback(self) -> None:
        if not self._left_out():
            super().rollback()

    def _left_out(self) -> bool:
        """Nothing was asked, so the transaction has not begun."""
        begin, self._begin = self._begin, ""
        return bool(begin)


def _begun(connection: sqlite3.Connection, begin: str, run: Callable[..., Found], given: tuple[Any, ...]) -> Found:
    connection.execute(begin)
    return run(connection, *given)


class SqliteThread(AsyncAdapt_aiosqlite_dbapi):
    """The driver as SQLAlchemy knows it, for `create_async_engine(module=...)`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> _Connection:
        made = super().connect(*arg, **kw)
        connection = _Connection(self, made._connection)  # noqa: SLF001
        connection.begin("")
        return connection
