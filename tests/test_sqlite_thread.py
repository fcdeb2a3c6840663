"""SQLite works in a thread of its own, and is asked once for each statement."""

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage.database import Database


@pytest.fixture
async def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'some.db'}")
    async with database.writing.begin() as connection:
        await connection.execute(text("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT UNIQUE)"))
    yield database
    await database.close()


async def test_a_transaction_asks_the_thread_once_for_each_statement_and_once_for_its_end(database, caplog):
    async with database.writing.begin() as connection:
        await connection.execute(text("SELECT 1"))  # its connection is made
    with caplog.at_level(logging.DEBUG, "aiosqlite"):
        async with database.writing.begin() as connection:
            await connection.execute(text("INSERT INTO words (word) VALUES ('one'), ('two')"))
            assert (await connection.execute(text("SELECT word FROM words"))).scalars().all() == ["one", "two"]
    asked = [record for record in caplog.records if record.getMessage().startswith("executing")]
    assert len(asked) == 3  # it begins with its first statement


async def test_what_a_statement_gave_back_and_changed_is_all_there(database):
    async with database.writing.begin() as connection:
        made = await connection.execute(text("INSERT INTO words (word) VALUES ('one'), ('two') RETURNING id"))
        assert (made.scalars().all(), made.rowcount) == ([1, 2], 2)
        changed = await connection.execute(text("UPDATE words SET word = word || '!'"))
        assert changed.rowcount == 2
        many = await connection.execute(text("INSERT INTO words (word) VALUES (:word)"), [{"word": "a"}, {"word": "b"}])
        assert many.rowcount == 2
        rows = await connection.stream(text("SELECT word FROM words ORDER BY word"))
        assert [row.word async for row in rows] == ["a", "b", "one!", "two!"]


async def test_a_statement_that_fails_leaves_the_transaction_usable(database):
    async with database.writing.begin() as connection:
        await connection.execute(text("INSERT INTO words (word) VALUES ('one')"))
        with pytest.raises(IntegrityError):
            await connection.execute(text("INSERT INTO words (word) VALUES ('one')"))
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT nothing FROM nowhere"))
    async with database.reading.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM words"))).scalar() == 1
