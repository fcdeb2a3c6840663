"""Clients that leave in the middle of a long answer: what was opened for them is closed at once, and in its own task."""

import asyncio
import gc
import logging
from datetime import date, timedelta

import pytest
from guarded import KEY, Errors, house, the_connection
from practice_strangers import raw

from bot.words.freight import CostRow

ROWS, DAYS = 500, 15


@pytest.fixture
async def at_home(tmp_path):
    async with house(tmp_path) as opened:
        connection, first = await the_connection(opened), date(2026, 10, 1)
        async with opened.app.memory.begin() as tx:
            for number in range(DAYS):
                day = first + timedelta(days=number)
                rows = [CostRow(day, "c", "A campaign with a name", "g", str(n), "EUR", 1, 1, 1) for n in range(ROWS)]
                await tx.costs.store(connection, rows, day, day, opened.app.now())
        yield opened


@pytest.fixture
def uncollected():
    """What is closed is closed by whoever opened it, and not by Python's looking for garbage."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def leave(at_home, after):
    """Ask for the cost of all days, read so much of it, and go without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at_home.port, limit=1024)
    writer.write(raw("GET", b"/api/v1/costs?format=csv", {"Authorization": f"Bearer {KEY}"}))
    await reader.readexactly(after)
    writer.transport.abort()


async def test_an_export_that_is_left_in_the_middle_gives_its_database_connection_back_at_once(at_home, uncollected):
    errors, pool = Errors(), at_home.app.memory._database.reading.pool
    logging.getLogger().addHandler(errors)
    try:
        for after in (1, 3_000, 200_000):
            await leave(at_home, after)
            async with asyncio.timeout(10):
                while pool.checkedout():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
        gc.collect()
        await asyncio.sleep(0.05)
    finally:
        logging.getLogger().removeHandler(errors)
    assert [] == errors.told
