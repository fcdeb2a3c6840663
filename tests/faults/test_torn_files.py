"""The file of the last transactions, cut or overwritten anywhere, as by a power cut on a disk that lied: a start that knows
all of what was stored until some moment, and nothing by half.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from storage import open_memory
from storage.database import refuse_damage

EVERY = 512  # bytes
TOGETHER = 4  # transactions, each of two rows


@pytest.fixture
async def files(keys, clock, sqlite_url, tmp_path):
    """A database and its log, as they lie there when the power goes."""
    memory = await open_memory(sqlite_url, keys, on_due=None, now=clock)
    source, copied = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "torn"
    copied.mkdir()
    for n in range(TOGETHER):
        async with memory.begin() as tx:
            await tx.consents.add_link(f"lnk_{n}", "google_ads", f"hash {n}", "U1", clock() + timedelta(days=1))
            tx.audit.note("connect_link", who="U1", subject=f"lnk_{n}")
    for ending in ("", "-wal"):
        shutil.copy(f"{source}{ending}", copied / f"redkey.db{ending}")
    await memory.close()
    return copied


def spoiled(files, spoil):
    """The files anew, the log spoiled; gives the database."""
    there = files.parent / "there"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(files, there)
    spoil(there / "redkey.db-wal")
    return there / "redkey.db"


def known(file):
    """What is read of it: which links, and which of them the trail tells of."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        links = {row[0] for row in database.execute("SELECT id FROM links")}
        told = {row[0] for row in database.execute("SELECT subject FROM audit WHERE what = 'connect_link'")}
    return links, told


def cut(at):
    return lambda log: os.truncate(log, at)


def overwritten(at):
    def spoil(log):
        with log.open("r+b") as file:
            file.seek(at)
            file.write(b"\xa5" * 16)

    return spoil


@pytest.mark.parametrize("every", [pytest.param(EVERY, marks=pytest.mark.sweep), 37 * EVERY])
@pytest.mark.parametrize("damage", [cut, overwritten])
async def test_a_log_that_is_torn_anywhere_costs_its_end_and_nothing_by_half(files, keys, clock, damage, every):
    size, before = (files / "redkey.db-wal").stat().st_size, -1
    everything = [f"lnk_{n}" for n in range(TOGETHER)]
    for at in range(0, size, every):
        file = spoiled(files, damage(at))
        if not at // every % 10:
            refuse_damage(file, "it")
        links, told = known(file)
        assert links == told == set(everything[: len(links)]), at
        assert before <= len(links), "what is whole up to there is not lost"
        before = len(links)
    assert 0 < before
    file = spoiled(files, damage(size // 2))
    memory = await open_memory(f"sqlite:///{file}", keys, on_due=None, now=clock, exclusive=True)
    async with memory.begin() as tx:
        tx.audit.note("connect_link", who="U1", subject="after")
    await memory.close()
    assert "after" in known(file)[1]
