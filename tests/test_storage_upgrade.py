"""Migrations: the same tables as in the code, safely by several at once, and nothing else of the process touched."""

import ast
import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

import storage.database
import storage.freight
from bot.words.errors import SetupError
from storage import open_memory
from storage.tables import metadata
from storage.upgrade import VERSION_TABLE, migrate

assert storage.freight


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("new_postgres")("empty")


@pytest.fixture(params=["sqlite", "postgres"])
def twin_urls(request, tmp_path):
    """Two empty databases of one kind: one to migrate, one to make from the code."""
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path / name}.db" for name in ("migrated", "made")]
    return [request.getfixturevalue("new_postgres")(name) for name in ("migrated", "made")]


def engine_for(url):
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


async def opened(url, keys, clock):
    await (await open_memory(url, keys, on_due=None, now=clock)).close()


@pytest.fixture
def conditions_for_postgres():
    """The tables in the code name them for SQLite only (storage/tables.py says why)."""
    partial = [index for table in metadata.tables.values() for index in table.indexes]
    for each in partial:
        each.dialect_options["postgresql"]["where"] = each.dialect_options["sqlite"]["where"]
    yield
    for each in partial:
        each.dialect_options["postgresql"]["where"] = None


async def test_the_newest_version_is_what_the_code_says(twin_urls, keys, clock, conditions_for_postgres):
    migrated, made = twin_urls
    engine = engine_for(migrated)
    with engine.begin() as connection:
        migrate(connection, [], migrated)
    engine.dispose()
    await opened(migrated, keys, clock)
    metadata.create_all(engine := engine_for(made))
    wanted = shape(engine)
    engine = engine_for(migrated)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "include_name": ours})
        assert compare_metadata(context, metadata) == []
    assert shape(engine) == wanted


async def test_a_new_sqlite_file_is_the_same_as_one_that_was_migrated_step_by_step(tmp_path, keys, clock):
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("migrated", "new")]
    engine = engine_for(urls[0])
    with engine.begin() as connection:
        migrate(connection, [], urls[0])
    engine.dispose()
    await opened(urls[1], keys, clock)
    migrated, new = (shape(engine_for(url)) | rows(engine_for(url)) for url in urls)
    assert new == migrated


def rows(engine):
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        found = {f"rows of {name}": sorted(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names}
    engine.dispose()
    return found


def ours(name, kind, parents):
    """Procrastinate's tables are its own business."""
    return kind != "table" or not name.startswith("procrastinate_")


def shape(engine):
    """Every column, key and index, with the conditions of partial indexes, which Alembic does not compare."""
    found = {}
    inspected = inspect(engine)
    for table in inspected.get_table_names():
        if table != VERSION_TABLE and ours(table, "table", {}):
            found[table] = {
                "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspected.get_columns(table)],
                "key": inspected.get_pk_constraint(table),
                "unique": sorted(map(str, inspected.get_unique_constraints(table))),
                "foreign": sorted(map(str, inspected.get_foreign_keys(table))),
                "indexes": sorted(map(index, inspected.get_indexes(table))),
            }
    engine.dispose()
    return found


def index(told):
    where = {name: str(value) for name, value in told.get("dialect_options", {}).items()}
    return str((told["name"], told["column_names"], bool(told["unique"]), where))


async def test_several_may_start_at_once_on_an_empty_database(empty_url, keys, clock):
    await asyncio.gather(*(opened(empty_url, keys, clock) for _ in range(5)))
    engine = engine_for(empty_url)
    with engine.connect() as connection:
        assert [len(connection.execute(text(f"SELECT * FROM {VERSION_TABLE}")).all())] == [1]
        assert connection.execute(text("SELECT name, value FROM counters")).all() == [("deliveries", 0)]
    engine.dispose()


async def test_a_new_file_that_another_process_holds_just_now_is_waited_for(keys, clock, tmp_path, monkeypatch):
    """SQLite refuses the change to a write-ahead log at once while another writes, whatever time-out it was given."""
    monkeypatch.setattr(storage.database, "BUSY", 0.1)  # a migration under way may well take longer than a write
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(opened(f"sqlite:///{path}", keys, clock))
        await asyncio.sleep(0.3)
        assert not opening.done()
        other.execute("ROLLBACK")
    await opening


async def test_a_database_of_a_newer_redkey_is_refused_untouched(empty_url, keys, clock):
    await opened(empty_url, keys, clock)
    engine = engine_for(empty_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(
        SetupError, match=r"^database\.url: .* made by a newer Redkey \(version 9999\): update this one"
    ):
        await opened(empty_url, keys, clock)
    engine.dispose()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url, keys, clock, monkeypatch):
    if empty_url.startswith("sqlite"):
        with sqlite3.connect(empty_url.removeprefix("sqlite:///")) as other:
            other.execute("CREATE TABLE outbox (id int)")
        other.close()
    else:
        with psycopg.connect(empty_url) as other:
            other.execute("CREATE TABLE outbox (id int)")
    with pytest.raises(SetupError, match="outbox"):
        await opened(empty_url, keys, clock)
    engine = engine_for(empty_url)
    assert inspect(engine).get_table_names() == ["outbox"]
    engine.dispose()


async def test_logging_is_left_alone(empty_url, keys, clock):
    mine = logging.getLogger("mine.before")
    before = (logging.root.level, list(logging.root.handlers), mine.disabled)
    await opened(empty_url, keys, clock)
    assert before == (logging.root.level, list(logging.root.handlers), mine.disabled)


def test_a_migration_takes_nothing_away_that_replicas_of_the_version_before_still_use():
    """In a rolling deploy they go on for a while beside the new one. Up to 0023 there was no version that people had."""
    files = sorted((Path(storage.database.__file__).parent / "migrations" / "versions").glob("0*.py"))
    since = [file for file in files if file.name > "0024"]
    assert since
    for file in since:
        calls = [each for each in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(each, ast.Call)]
        done = {ast.unparse(call.func) for call in calls}
        assert done <= {"op.create_table", "op.create_index", "op.add_column"} | {
            d for d in done if d.startswith("sa.")
        }, file
        added = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "op.add_column"]
        assert not [each for each in added if "nullable=False" in each and "server_default" not in each], file
