"""Bringing a database's tables to what this code expects, safely with several replicas starting at once."""

from functools import cache
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bot.errors import SetupError
from storage.database import Database, is_busy, setup_faults

VERSION_TABLE = "redkey_version"  # a name of our own: the database may hold another program's alembic_version
_LOCK = 0x7265646B6579  # "redkey": whoever holds this advisory lock migrates

PATIENCE = 15.0  # seconds to wait on SQLite while another process migrates: longer than for a usual write


async def upgrade(database: Database) -> None:
    """Migrate to the newest version in one transaction. Raises SetupError."""
    until = monotonic() + PATIENCE
    with setup_faults(database):
        while True:
            try:
                async with database.writing.begin() as connection:
                    await connection.run_sync(_upgrade, database.shown)
            except OperationalError as error:
                if not is_busy(error.orig) or monotonic() > until:
                    raise
            else:
                return


def _upgrade(connection: Connection, shown: str) -> None:
    """SQLite's BEGIN IMMEDIATE lets one process in at a time; on Postgres the lock does, until the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    script = _script()
    heads = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    for head in heads:
        try:
            script.get_revision(head)
        except CommandError:
            raise SetupError(
                f"database.url: {shown} was made by a newer Redkey (version {head}): update this one, or restore a backup"
            ) from None
    if heads != (script.get_current_head(),):
        command.upgrade(configured(connection), "head")


@cache
def _script() -> ScriptDirectory:
    """Each one reads all the migrations there are, which takes longer than opening a database that needs none of them."""
    return ScriptDirectory.from_config(_config())


def configured(connection: Connection) -> Config:
    """Alembic without its file: it works on our connection and leaves logging alone."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
