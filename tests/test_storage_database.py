"""The way to the database: wrong addresses are named with their cure, and a database that is gone is no verdict."""

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from practice_memory import a_grant, an_account

import storage.database
from bot.words.errors import SetupError, TryLater
from storage import open_memory


async def opened(url, keys, clock, **more):
    return await open_memory(url, keys, on_due=None, now=clock, **more)


async def refusal(url, keys, clock, **more):
    with pytest.raises(SetupError) as error:
        await opened(url, keys, clock, **more)
    said = str(error.value)
    assert "\n" not in said
    assert "S3CRET" not in said
    assert error.value.__cause__ is None, "the driver's words could hold the password"
    return said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense S3CRET", "is not an address; use sqlite:///redkey.db or postgresql://user@host/redkey"),
        ("mysql://u:S3CRET@h/redkey", "'mysql' is no database Redkey knows; use sqlite:///redkey.db"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////no/such/place/redkey.db", "there is no directory /no/such/place; make it"),
        ("postgresql://u:S3CRET@127.0.0.1", "names no database"),
        ("postgresql://u:S3CRET@127.0.0.1:1/redkey", "postgresql://u@127.0.0.1/redkey cannot be used"),
        ("postgresql+asyncpg://u:S3CRET@127.0.0.1:1/redkey?connect_timeout=2", "check that it runs"),
    ],
)
async def test_a_wrong_address_is_named_with_its_cure(keys, clock, url, said):
    assert said in await refusal(url, keys, clock)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(keys, clock, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("these are not the tables you are looking for" * 50)
    said = await refusal(f"sqlite:///{file}", keys, clock)
    assert "notes.txt cannot be used: file is not a database; this file is no SQLite database: name another one" in said
    assert file.read_text().startswith("these are not the tables")


def with_noise_in_the_page_of(table, path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    held = path.read_bytes()
    path.write_bytes(held[: (root - 1) * size] + b"\xff" * size + held[root * size :])


@pytest.mark.parametrize("table", ["grants", "outbox"])
async def test_a_damaged_file_is_refused_at_the_start_and_left_alone(keys, clock, tmp_path, table):
    path = tmp_path / "redkey.db"
    await (await opened(f"sqlite:///{path}", keys, clock)).close()
    with_noise_in_the_page_of(table, path)
    before = path.read_bytes()
    said = await refusal(f"sqlite:///{path}", keys, clock, exclusive=True)
    assert "redkey.db cannot be used" in said
    assert "the file is damaged: restore a backup" in said
    assert path.read_bytes() == before


async def test_damage_that_shows_while_we_run_is_said_in_words(keys, clock, tmp_path):
    path = tmp_path / "redkey.db"
    await (await opened(f"sqlite:///{path}", keys, clock)).close()
    with_noise_in_the_page_of("grants", path)
    memory = await opened(f"sqlite:///{path}", keys, clock)
    with pytest.raises(TryLater, match="damaged: stop, and restore a backup"):
        async with memory.read() as tx:
            await tx.grants.all()
    await memory.close()


async def test_a_directory_is_no_database(keys, clock, tmp_path):
    assert f"{tmp_path} cannot be written" in await refusal(f"sqlite:///{tmp_path}", keys, clock)


async def test_a_postgres_database_that_is_missing_is_named(keys, clock, postgres_url):
    said = await refusal(postgres_url.replace("/redkey?", "/S3CRET_no?").replace("S3CRET_no", "absent"), keys, clock)
    assert 'database "absent" does not exist; check that it runs' in said


async def test_a_new_sqlite_file_is_for_its_owner_only(keys, clock, tmp_path):
    path = tmp_path / "new.db"
    await (await opened(f"sqlite:///{path}", keys, clock)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_second_run_on_one_sqlite_file_is_refused_but_other_commands_are_not(keys, clock, sqlite_url):
    running = await opened(sqlite_url, keys, clock, exclusive=True)
    said = await refusal(sqlite_url, keys, clock, exclusive=True)
    assert said.startswith("another `redkey run` uses ")
    beside = await opened(sqlite_url, keys, clock)
    async with beside.begin() as tx:
        await a_grant(tx, clock())
    await beside.close()
    await running.close()
    await (await opened(sqlite_url, keys, clock, exclusive=True)).close()


KILLED = """
import asyncio, sys
from datetime import UTC, datetime
from practice_memory import a_grant
from storage import open_memory

async def work(url, key):
    now = lambda: datetime.now(UTC)
    memory = await open_memory(url, [key], on_due=None, now=now, exclusive=True)
    async with memory.begin() as tx:
        await a_grant(tx, now(), "stored")
    async with memory.begin() as tx:
        await a_grant(tx, now(), "half done")
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(work(*sys.argv[1:]))
"""


async def test_a_killed_run_leaves_what_it_committed_and_holds_nothing(keys, clock, sqlite_url):
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), str(Path(__file__).parent)])}
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, sqlite_url, keys[0], stdout=asyncio.subprocess.PIPE, env=os.environ | paths
    )
    assert await asyncio.wait_for(run.stdout.readline(), 60) == b"ready\n"
    assert "another `redkey run`" in await refusal(sqlite_url, keys, clock, exclusive=True)
    run.kill()
    await run.communicate()
    memory = await opened(sqlite_url, keys, clock, exclusive=True)
    async with memory.begin() as tx:
        assert [grant.identity.id for grant in await tx.grants.all()] == ["stored"]
        await a_grant(tx, clock())
    await memory.close()


async def test_replicas_on_postgres_do_not_exclude_each_other(keys, clock, postgres_url):
    replicas = [await opened(postgres_url, keys, clock, exclusive=True) for _ in range(2)]
    for replica in replicas:
        await replica.close()


async def test_a_locked_database_is_no_verdict(keys, clock, sqlite_url, monkeypatch):
    monkeypatch.setattr(storage.database, "BUSY", 0.05)
    memory = await opened(sqlite_url, keys, clock)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TryLater, match="the database did not answer"):
        async with memory.begin() as tx:
            await a_grant(tx, clock())
    async with memory.read() as tx:
        assert await tx.grants.all() == []
    other.execute("ROLLBACK")
    other.close()
    async with memory.begin() as tx:
        await a_grant(tx, clock())
    await memory.close()


async def test_a_transaction_holds_nobody_up_before_it_asks_for_something(keys, clock, sqlite_url, monkeypatch):
    monkeypatch.setattr(storage.database, "BUSY", 0.05)
    memory = await opened(sqlite_url, keys, clock)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, timeout=0)) as other:
        async with memory.begin() as tx:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            await tx.grants.all()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        async with memory.begin():
            pass
    await memory.close()


async def test_a_lost_connection_is_no_verdict_and_the_next_one_works(keys, clock, postgres_url):
    memory = await opened(postgres_url, keys, clock)
    with pytest.raises(TryLater) as error:
        await cut_in_the_middle(memory, postgres_url, clock)
    assert "c4nary" not in f"{error.value} {error.value.__cause__}"
    async with memory.begin() as tx:
        assert await tx.grants.all() == []
        await a_grant(tx, clock())
    cut_all(postgres_url)
    await memory.ping()
    async with memory.read() as tx:
        assert len(await tx.grants.all()) == 1
    await memory.close()


async def cut_in_the_middle(memory, url, clock):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), "c4nary")
        cut_all(url)
        await an_account(tx, grant, clock(), "c4nary")


def cut_all(url):
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'redkey'")


async def test_a_database_that_is_gone_does_not_answer_a_ping(keys, clock, new_postgres, postgres_server):
    url = new_postgres("leaving")
    memory = await opened(url, keys, clock)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("DROP DATABASE leaving WITH (FORCE)")
    with pytest.raises(TryLater):
        await memory.ping()
    await memory.close()


async def test_sqlite_is_set_up_to_keep_tokens_over_a_power_cut(keys, clock, sqlite_url):
    memory = await opened(sqlite_url, keys, clock)
    for engine in (memory._database.writing, memory._database.reading):
        async with engine.connect() as connection:
            told = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        assert told == ["wal", 2, 1, 5000]
    await memory.close()


async def test_a_backup_is_a_whole_database_made_beside_a_running_bot(keys, clock, sqlite_url, tmp_path):
    memory = await opened(sqlite_url, keys, clock, exclusive=True)
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
    copy = tmp_path / "copy.db"
    await memory.backup(copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with pytest.raises(SetupError, match=r"copy\.db exists already"):
        await memory.backup(copy)
    with pytest.raises(SetupError, match="check the directory"):
        await memory.backup(tmp_path / "no" / "where.db")
    await memory.close()
    restored = await opened(f"sqlite:///{copy}", keys, clock)
    async with restored.read() as tx:
        assert await tx.grants.get(grant.id) == grant
    await restored.close()


async def test_postgres_has_its_own_tool_for_backups(keys, clock, postgres_url):
    memory = await opened(postgres_url, keys, clock)
    with pytest.raises(SetupError, match="pg_dump"):
        await memory.backup(Path("x"))
    await memory.close()
