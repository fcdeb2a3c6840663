"""Looks for secrets where none belong, at the end of every story that the tests tell. Each secret is its own canary."""

import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import structlog

from bot.app import App
from sandbox.world import World

PAGES = ("/connections", "/metrics", "/readyz", "/api/v1/connections", "/api/v1/outages", "/api/v1/openapi.json")
SHORTEST = 12  # what is shorter could stand anywhere by chance


class Leak(AssertionError):
    """A secret is where it does not belong."""


class Told(logging.Handler):
    """All that is logged, before the log's own last line of defence has blotted anything out."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if record.exc_info:
            self.lines.append(logging.Formatter().formatException(record.exc_info))


@contextmanager
def one_time_secrets() -> Iterator[set[str]]:
    """Every state, browser cookie, verifier and link token that is made: they all come from here."""
    made, real = set[str](), secrets.token_urlsafe

    def noted(size: int | None = None) -> str:
        made.add(value := real(size))
        return value

    secrets.token_urlsafe = noted
    try:
        yield made
    finally:
        secrets.token_urlsafe = real


@asynccontextmanager
async def guarded(world: World, app: App) -> AsyncIterator[None]:
    """Tell a story inside; afterwards no secret of it may be in logs, Slack, pages, metrics or the database."""
    told = Told()
    logging.getLogger().addHandler(told)
    try:
        with one_time_secrets() as made, structlog.testing.capture_logs() as entries:
            yield
        lasting = known(world, app)
        one_time = {secret for secret in made if len(secret) >= 40}
        search("the log", [*told.lines, *map(repr, entries)], lasting | one_time)
        calls = [call for call in world.slack.calls if call.method != "oauth.v2.access"]  # where it is due
        search("Slack", map(_sent, calls), lasting)  # a private link belongs there
        search("a page", await _pages(app), lasting | one_time)
        stored = stored_bytes(app.settings.database.url)
        search("the database", stored, lasting | one_time)
    finally:
        logging.getLogger().removeHandler(told)


def known(world: World, app: App) -> set[str]:
    """Tokens and client secrets of all platforms; Slack's tokens, API keys and sealing keys of the settings."""
    own = {text for text in app.settings.hidden() if not text.startswith(("http://", "https://"))}
    return {secret for secret in world.secrets() | own if len(secret) >= SHORTEST}


def search(where: str, texts: Iterable[str | bytes], canaries: Iterable[str]) -> None:
    """Raises Leak, which names the kind of place and shows only the beginning of the secret."""
    wanted = [(canary, canary.encode()) for canary in canaries]
    for text in texts:
        for plain, raw in wanted:
            if (raw if isinstance(text, bytes) else plain) in text:
                raise Leak(f"{where} holds a secret that begins with {plain[:6]!r}")


def _sent(call: Any) -> str:
    return repr({name: value for name, value in call.args.items() if name != "token"})


async def _pages(app: App) -> list[str]:
    base = f"http://127.0.0.1:{app.settings.web.port}"
    key = app.settings.web.api_keys[0].get_secret_value() if app.settings.web.api_keys else ""
    connections, outages = await app.desk.connections(), await app.desk.outages()
    starts = [f"/reauthorize/{f.connection.id}" for f in connections] + [f"/reauthorize/{f.outage.id}" for f in outages]
    async with httpx2.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=10) as client:
        answers = [await client.get(path) for path in (*PAGES, *starts[:10])]
    return [answer.text + repr(answer.headers.multi_items()) for answer in answers]


def stored_bytes(url: str) -> list[bytes]:
    """SQLite: the very bytes of the file and its WAL. Postgres: every row of every table, as text. Of all workspaces."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 10
        files = [path, path.with_name(path.name + "-wal"), *path.with_suffix(".workspaces").glob("*")]
        return [each.read_bytes() for each in files if each.exists()]
    with psycopg.connect(url) as database:
        own = "schemaname = 'public' OR schemaname LIKE 'redkey%'"
        tables = database.execute(f"SELECT schemaname, tablename FROM pg_tables WHERE {own}").fetchall()
        return [
            str(row).encode("utf-8", "replace")
            for schema, table in tables
            for row in database.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()
        ]
