"""Tags: what stood there before, what we want, and what became of it."""

from datetime import timedelta

import pytest
from practice_memory import connected

from bot.words.freight import Ad, TagChange
from bot.words.interfaces import TagResult
from storage.freight import tags


@pytest.fixture
async def account(memory, clock):
    return (await connected(memory, clock()))[0].id


def change(clock, ad="1", before="", wanted="utm_source=google", age=0):
    made = clock() - timedelta(hours=age)
    return TagChange(Ad(ad, f"Ad {ad}", ("https://example.com",), suffix=before, created_at=made), before, wanted)


async def row(memory, ad="1"):
    async with memory._database.reading.connect() as connection:
        return (await connection.execute(tags.select().where(tags.c.ad == ad))).one()


async def test_a_change_is_planned_then_applied(memory, clock, account):
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, before="a=b")], clock())
        assert await tx.tags.created_between(account, clock(), clock() + timedelta(hours=1), tagged_since=clock()) == []
        await tx.tags.applied(account, [TagResult("1")], clock())
        assert await tx.tags.created_between(account, clock(), clock() + timedelta(hours=1), tagged_since=clock()) == [
            "1"
        ]
    kept = await row(memory)
    assert ("a=b", "utm_source=google", clock()) == (kept.before, kept.wanted, kept.applied_at)


async def test_only_ads_made_in_the_span_count(memory, clock, account):
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, str(age), age=age) for age in range(5)], clock())
        await tx.tags.applied(account, [TagResult(str(age)) for age in range(5)], clock())
        made = await tx.tags.created_between(
            account, clock() - timedelta(hours=3), clock() - timedelta(hours=1), tagged_since=clock()
        )
    assert made == ["3", "2"]


async def test_an_ad_that_was_tagged_before_or_made_in_the_very_second_is_told_apart(memory, clock, account):
    """Platforms tell whole seconds, and a drop does not come on one."""
    dropped = clock() + timedelta(milliseconds=400)
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, "before"), change(clock, "after")], clock())
        await tx.tags.applied(account, [TagResult("before")], clock())
        await tx.tags.applied(account, [TagResult("after")], dropped + timedelta(hours=1))
        until = clock() + timedelta(hours=2)
        assert ["after"] == await tx.tags.created_between(account, dropped, until, tagged_since=dropped)
        assert 1 == await tx.tags.made([account], dropped, until)


async def test_a_refused_change_is_remembered_until_one_works(memory, clock, account):
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, "1"), change(clock, "2")], clock())
        await tx.tags.applied(account, [TagResult("1", "policy"), TagResult("2")], clock())
        assert {"1"} == await tx.tags.refused(account)
        await tx.tags.plan(account, [change(clock, "1")], clock())
        assert set() == await tx.tags.refused(account)


async def test_the_true_before_survives_a_crash_between_writing_and_noting(memory, clock, account):
    ours = "a=b&utm_source=google"
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, before="a=b", wanted=ours)], clock())
        await tx.tags.plan(account, [change(clock, before=ours, wanted=ours)], clock())
    assert (await row(memory)).before == "a=b"
    async with memory.begin() as tx:
        await tx.tags.plan(account, [change(clock, before="x=y", wanted="x=y&utm_source=google")], clock())
    assert (await row(memory)).before == "x=y"


async def test_notes_say_why_an_ad_was_left_alone(memory, clock, account):
    async with memory.begin() as tx:
        await tx.tags.note(account, {"9": "another domain"}, clock())
        await tx.tags.note(account, {"9": "a redirect"}, clock())
        assert await tx.tags.created_between(account, clock() - timedelta(days=1), clock(), tagged_since=clock()) == []
        assert set() == await tx.tags.refused(account)
    assert (await row(memory, "9")).note == "a redirect"


async def test_nothing_to_plan_or_note_is_fine(memory, clock, account):
    async with memory.begin() as tx:
        await tx.tags.plan(account, [], clock())
        await tx.tags.applied(account, [], clock())
        await tx.tags.note(account, {}, clock())
