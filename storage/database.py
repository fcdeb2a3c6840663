"""The way to the database: what `database.url` means, and how SQLite and Postgres are set up to be trusted."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolResetState

from bot.words.errors import MemoryAway, SetupError
from storage.sqlite_thread import SqliteThread

FORMS = "use sqlite:///redkey.db or postgresql://user@host/redkey"
DAMAGED = "the file is damaged: restore a backup, or save what can be read with sqlite3's .recover"
READ_THROUGH = 256 * 1024 * 1024  # bytes: a third of a second
BUSY = 5.0  # seconds to wait for another process' write transaction
LASTING = "PRAGMA synchronous = FULL"  # a refreshed token that was rotated must survive a power cut
PASSING = "PRAGMA synchronous = NORMAL"  # the next lasting commit takes it along; a power cut before that undoes it
READING = "PRAGMA query_only = ON"
_WRITE_AHEAD = "PRAGMA journal_mode = WAL"
_FOREIGN_KEYS = "PRAGMA foreign_keys = ON"


# A process that was stopped in the middle of a transaction must not hold everybody else's rows: its session is ended.
_OPTIONS = "-c idle_in_transaction_session_timeout=15s"


class Database:
    """Engines on one database: one writes, one writes what a power cut may undo, one gives views and cannot write."""

    def __init__(self, url: str) -> None:
        self.url = parsed(url)
        self.path = _path(self.url) if self.url.drivername.startswith("sqlite") else None
        if self.path is not None:
            _make_file(self.path)
            self.writing = _sqlite_engine(self.url, "BEGIN IMMEDIATE", LASTING)
            self.passing = _sqlite_engine(self.url, "BEGIN IMMEDIATE", PASSING)
            self.reading = _sqlite_engine(self.url, "BEGIN", LASTING, READING)
            self.locking = self.writing
        else:
            self.writing = _postgres_engine(self.url, isolation_level="READ COMMITTED")
            self.passing = self.writing  # each such transaction says so itself
            view = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self.reading = self.writing.execution_options(**view)
            # Sessions that hold a lock wait for a platform meanwhile, so they must not use up those that work.
            self.locking = _postgres_engine(self.url, isolation_level="AUTOCOMMIT")
        # SQLite has one writer at a time: writers of this process queue here instead of knocking at the file.
        self.turn = asyncio.Lock() if self.path is not None else None

    @property
    def shown(self) -> str:
        """The address without its password, for messages."""
        if self.path is not None:
            return str(self.path)
        user = f"{self.url.username}@" if self.url.username else ""
        host = self.url.host or self.url.query.get("host") or "localhost"
        return f"postgresql://{user}{host}/{self.url.database or ''}"

    async def close(self) -> None:
        await self.writing.dispose()
        await self.passing.dispose()
        await self.reading.dispose()
        await self.locking.dispose()


@contextmanager
def faults() -> Iterator[None]:
    """A database that is gone, locked or full is no verdict on anything: MemoryAway. Its own words stay in __cause__."""
    try:
        yield
    except DBAPIError as error:
        if _is_damaged(str(error.orig)):
            raise MemoryAway("the database file is damaged: stop, and restore a backup") from error
        gone = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
        if not gone or _wrote_in_a_view(error):
            raise
        raise MemoryAway(f"the database did not answer ({type(error.orig).__name__})") from error
    except PoolTimeout as error:
        raise MemoryAway("the database did not answer (all connections are in use)") from error


def is_busy(error: BaseException | None) -> bool:
    """Whether SQLite says that another connection holds the database just now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _wrote_in_a_view(error: DBAPIError) -> bool:
    """Writing through `read()` is a mistake of ours, and no waiting mends it."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_READONLY


@contextmanager
def setup_faults(database: Database) -> Iterator[None]:
    """The same at the start of a command: one line that names the database and the cure."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        secret = database.url.password
        said = said.replace(secret, "***") if secret else said
        cure = _cure(database, said)
        raise SetupError(f"database.url: {database.shown} cannot be used: {said}; {cure}") from None


def _is_damaged(said: str) -> bool:
    return "disk image is malformed" in said


def refuse_damage(path: Path, shown: str) -> None:
    """Better not to start than to break off wherever the damaged page is met. Raises SetupError.

    A large file is not read through: it would keep the bot from its work for longer than a restart may take.
    """
    if path.stat().st_size > READ_THROUGH:
        return
    try:
        with closing(sqlite3.connect(path, timeout=BUSY)) as connection:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if not _is_damaged(str(error)):
            return  # it is locked, may not be read, or is none: whoever opens it next says so
        said = str(error)
    if said != "ok":
        raise SetupError(f"database.url: {shown} cannot be used: {said.splitlines()[-1]}; {DAMAGED}")


def _cure(database: Database, said: str) -> str:
    if database.path is None:
        return "check that it runs, that host, user and password are right, and that the database exists"
    if "not a database" in said:
        return "this file is no SQLite database: name another one, or restore a backup"
    if _is_damaged(said):
        return DAMAGED
    if "locked" in said:
        return "another program holds it: stop that first"
    return "check that the file and its directory may be written"


def parsed(url: str) -> URL:
    try:
        given = make_url(url.strip())
    except ArgumentError:
        raise SetupError(f"database.url is not an address; {FORMS}") from None
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    driver = drivers.get(given.drivername.partition("+")[0])
    if driver is None:
        raise SetupError(f"database.url: {given.drivername!r} is no database Redkey knows; {FORMS}")
    if driver.startswith("postgresql") and not given.database:
        raise SetupError(f"database.url names no database; {FORMS}")
    return given.set(drivername=driver)


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise SetupError(f"database.url names no file, and what is kept in memory only is lost; {FORMS}")
    return Path(url.database)


def _make_file(path: Path) -> None:
    """A new database is for its owner's eyes only: it holds e-mail addresses and, sealed, tokens."""
    if not path.parent.is_dir():
        raise SetupError(f"database.url: there is no directory {path.parent}; make it, or name another file")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SetupError(
            f"database.url: {path} cannot be written ({why}); check the file and its directory, or name another file"
        ) from None


def _sqlite_engine(url: URL, begin: str, *pragmas: str) -> AsyncEngine:
    # hide_parameters here and below: an error must never carry what was to be stored.
    # No overflow: where more than five are asked at once, it opens a connection and its thread for a single question.
    engine = create_async_engine(
        url,
        module=SqliteThread(),
        hide_parameters=True,
        connect_args={"timeout": BUSY},
        pool_reset_on_return=None,
        pool_size=15,
        max_overflow=0,
    )

    # The driver's own idea of when a transaction begins leaves SELECT outside, so it is switched off and ours used:
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#enabling-non-legacy-sqlite-transactional-modes-with-the-sqlite3-or-aiosqlite-driver
    @event.listens_for(engine.sync_engine, "connect")
    def connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        _write_ahead(raw, cursor)
        for pragma in (_FOREIGN_KEYS, *pragmas):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.connection.dbapi_connection.begin(begin)  # type: ignore[union-attr]

    @event.listens_for(engine.sync_engine, "reset")
    def reset(raw: Any, _record: Any, state: PoolResetState) -> None:
        """What was committed needs no rollback; only what broke off in the middle does."""
        if not state.terminate_only and raw.driver_connection.in_transaction:
            raw.rollback()

    return engine


def _write_ahead(raw: Any, cursor: Any) -> None:
    """Several that open a new file at once switch it over at once. SQLite refuses all but one of them without waiting, lest
    they wait for each other: https://www.sqlite.org/c3ref/busy_handler.html. So we come again.
    """
    until = monotonic() + BUSY
    while True:
        try:
            cursor.execute(_WRITE_AHEAD)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or monotonic() > until:
                raise
            raw.run_async(lambda _: asyncio.sleep(0.01))
        else:
            return


def _postgres_engine(url: URL, **options: Any) -> AsyncEngine:
    given = url.query.get("options", "")  # ours must not push them aside
    said = " ".join([_OPTIONS, given if isinstance(given, str) else " ".join(given)]).strip()
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=10,
        connect_args={"connect_timeout": 10, "application_name": "redkey", "options": said},
        **options,
    )


class OnlyOne:
    """The claim of one `redkey run` on its SQLite file. The operating system ends it with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._held = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            self._held.close()
            raise SetupError(
                f"another `redkey run` uses {path} already: stop it first, or use Postgres for several replicas"
            ) from None

    def close(self) -> None:
        self._held.close()
