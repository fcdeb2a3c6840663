"""Bringing a database's tables to what this code expects, safely with several replicas starting at once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, text
from sqlalchemy.exc import OperationalError

from bot.words.errors import SetupError
from storage.database import Database, is_busy, setup_faults
from storage.freight import counters
from storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "redkey_version"  # a name of our own: the database may hold another program's alembic_version
LOCK = 0x7265646B6579  # "redkey": whoever holds this advisory lock migrates

_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

PATIENCE = 15.0  # seconds to wait on SQLite while another process migrates: longer than for a usual write


async def upgrade(database: Database) -> None:
    """Migrate to the newest version in one transaction. Raises SetupError."""
    until = monotonic() + PATIENCE
    with setup_faults(database):
        while True:
            try:
                async with database.writing.begin() as connection:
                    current = await connection.run_sync(_is_current)
                if not current:
                    async with _one_at_a_time(), database.writing.begin() as connection:
                        await connection.run_sync(_upgrade, database.shown)
            except OperationalError as error:
                if not is_busy(error.orig) or monotonic() > until:
                    raise
            else:
                return


def _one_at_a_time() -> asyncio.Lock:
    """Alembic keeps what it works on in its module, so two databases of one process must wait for each other."""
    return _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def _is_current(connection: Connection) -> bool:
    return _heads(connection) == [_newest()]


def _newest() -> str:
    return max(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection, shown: str) -> None:
    """SQLite's BEGIN IMMEDIATE lets one process in at a time; on Postgres the lock does, until the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    heads = _heads(connection)
    newest = _newest()
    if heads == [newest]:
        return
    if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
        _make(connection, newest)
    else:
        migrate(connection, heads, shown)


def _heads(connection: Connection) -> list[str]:
    if not inspect(connection).has_table(VERSION_TABLE):
        return []
    return [row.version_num for row in connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))]  # noqa: S608


def _make(connection: Connection, version: str) -> None:
    """A new file gets its tables as they stand in the code, which a test holds to be the same: Alembic would stay with the bot
    for as long as it runs.
    """
    metadata.create_all(connection, checkfirst=False)
    connection.execute(counters.insert().values(name="deliveries", value=0))
    kept = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    kept.create(connection, checkfirst=False)
    connection.execute(kept.insert().values(version_num=version))


def migrate(connection: Connection, heads: Sequence[str], shown: str) -> None:
    """By Alembic, which is loaded only where there is something to migrate: it takes ten megabytes and a tenth of a second."""
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = configured(connection)
    script = ScriptDirectory.from_config(config)
    for head in heads:
        try:
            script.get_revision(head)
        except CommandError:
            raise SetupError(
                f"database.url: {shown} was made by a newer Redkey (version {head}): update this one, or restore a backup"
            ) from None
    command.upgrade(config, "head")


def configured(connection: Connection) -> "Config":
    """Alembic without its file: it works on our connection and leaves logging alone."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
