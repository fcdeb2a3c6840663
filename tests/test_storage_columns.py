"""Values come back as they were put in, whatever the database and wherever the clock stands."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from practice_memory import LEASE, a_grant, connected, drop
from sqlalchemy import literal, select
from sqlalchemy.exc import StatementError

from bot.words.connection import Checked, Event
from storage.columns import JsonText, UtcDateTime, Words

ROME, KOLKATA = ZoneInfo("Europe/Rome"), ZoneInfo("Asia/Kolkata")


async def test_a_time_without_a_zone_is_refused(memory, clock):
    with pytest.raises(StatementError, match="time zone"):
        async with memory.begin() as tx:
            await a_grant(tx, clock().replace(tzinfo=None))


@pytest.fixture
def far_away(monkeypatch):
    """A machine whose own clock shows another zone than UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("zone", [ROME, KOLKATA])
async def test_clocks_of_other_zones_mean_the_same_moments(memory, clock, zone, far_away):
    clock.at = clock.at.astimezone(zone)
    [connection] = await connected(memory, clock())
    hour = timedelta(hours=1)
    async with memory.begin() as tx:
        [transfer] = await tx.transfers.claim(clock(), 1, "me", LEASE)
        await tx.transfers.release(transfer, clock() + hour, attempts=0)
        await tx.connections.checked([Checked(connection.id, clock(), clock() + hour, good=True)])
        outage = await drop(tx, clock(), connection)
        await tx.outages.alerted(outage.id, "C1", "1.1", clock())
        await tx.outbox.say_message(outage.id, 1, clock() + hour)
        assert (await tx.outages.get(outage.id)).alerted_at == clock()
        clock.advance(minutes=59, seconds=59)
        assert await due(tx, clock) == (0, 0, 0)
        clock.advance(seconds=1)
        assert await due(tx, clock) == (1, 1, 1)
        shown = await tx.connections.get(connection.id)
    assert (shown.checked_at, str(shown.checked_at.tzinfo)) == (clock() - hour, "UTC")


async def due(tx, clock):
    claimed = (
        await tx.transfers.claim(clock(), 9, "me", LEASE),
        await tx.connections.claim_checks(clock(), 9),
        await tx.outbox.claim(clock(), 9, "me", LEASE),
    )
    return tuple(map(len, claimed))


async def test_the_hour_that_comes_twice_is_kept_apart(memory, clock):
    twice = [datetime(2026, 10, 25, 2, 30, tzinfo=ROME, fold=fold) for fold in (0, 1)]
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        outage = await drop(tx, twice[0], connection)
        await tx.outages.event(outage.id, Event(twice[1], "claimed"))
        first, second = (await tx.outages.get(outage.id)).timeline
    assert second.at - first.at == timedelta(hours=1)


@pytest.mark.parametrize(
    "value", ["", "\x00", "a\ud800b", "\U0001f469\u200d\U0001f467", "%s %(x)s :x ?", "\r\n\t\x1b[31m", "é" * 5_000]
)
async def test_any_text_and_any_json_survives(memory, value):
    whole = {"text": value, "list": [1, 2.5, None, True, {"deep": value}]}
    text, json = await stored(memory, literal(value, Words), literal(whole, JsonText))
    assert text == value.replace("\x00", "�").replace("\ud800", "�")
    assert json == whole


async def test_nothing_stays_nothing(memory):
    assert await stored(memory, *(literal(None, of) for of in (Words, UtcDateTime, JsonText))) == (None, None, None)


async def stored(memory, *values):
    async with memory._database.reading.connect() as connection:
        return tuple((await connection.execute(select(*values))).one())
