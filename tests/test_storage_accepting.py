"""A batch of touchpoints on its way into the tables: nothing of it is changed, and nothing of it is half there."""

from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from practice_memory import connected, touch
from practice_story import sqlite_only

from bot.words.connection import Flow
from bot.words.errors import TryLater
from storage.accepting import _moments
from storage.bulk import moment


@settings(deadline=None)
@given(st.lists(st.datetimes(timezones=st.timezones() | st.just(UTC), allow_imaginary=False), min_size=1, max_size=4))
def test_many_moments_are_written_as_each_one_is(times):
    utc = [at.replace(tzinfo=UTC) for at in times]

    assert [moment(at) for at in utc] == _moments(utc)
    assert _moments(tuple(at.replace(microsecond=0) for at in utc))[0].endswith(".000000")
    aware = [at for at in times if 1 < at.year < 9999] or utc
    assert [moment(at) for at in aware] == _moments(aware)


async def test_a_mixed_batch_arrives_as_it_was_given(memory, clock):
    [crm] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    given = []
    for n in range(230):
        one = touch(
            n, clock() + timedelta(microseconds=n), "salesforce" if n % 2 else None, Medium="c\npc", Odd="\ud800"
        )
        given.append(
            one._replace(kind="attribution_touchpoint" if n % 3 else "touchpoint", email="" if n % 5 else "a@b.example")
        )

    async with memory.begin() as tx:
        assert await tx.touchpoints.accept(given, clock()) == (230, 0, 0)

    async with memory.read() as tx:
        assert [held.touchpoint for held in await tx.touchpoints.batch(crm.id, 999, clock())] == given


@pytest.mark.parametrize("odd", ["", "a\\tb", "a\\nb", "a\\rb", "\\\\N", "\\\\t\\x0b\\u2028"])
async def test_no_character_is_taken_for_what_stands_between_two_values(memory, clock, odd):
    [crm] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    given = [
        touch(1, clock())._replace(email=odd, kind=odd),
        touch(2, clock())._replace(id=f"{odd}2"),
        touch(3, clock(), a=odd),
    ]
    async with memory.begin() as tx:
        await tx.touchpoints.accept(given, clock())

    async with memory.read() as tx:
        assert [held.touchpoint for held in await tx.touchpoints.batch(crm.id, 9, clock())] == given


async def limit(memory, pages):
    async with memory.begin() as tx:
        await tx.touchpoints._tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@sqlite_only
async def test_where_the_disk_is_full_nothing_is_taken_and_later_everything_is(memory, clock):
    [crm] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    given = [touch(n, clock()) for n in range(2_000)]
    await limit(memory, 1)  # SQLite makes it what is used already

    with pytest.raises(TryLater, match="did not answer"):
        async with memory.begin() as tx:
            await tx.touchpoints.accept(given, clock())

    await limit(memory, 1_000_000)
    async with memory.begin() as tx:
        assert await tx.touchpoints.waiting(crm.id) == 0
        assert await tx.touchpoints.accept(given, clock()) == (2_000, 0, 0)
