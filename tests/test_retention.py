"""Forgetting by setting: what is old goes, a little at a time, and never what a catch-up still has to look at."""

from datetime import timedelta

import pytest
from practice_memory import LEASE, connected, dropped, touch
from sqlalchemy import func, select

from bench._rows import rows
from bot.words.connection import Flow
from bot.words.freight import CostRow, PushResult, PushState
from bot.work.retention import Keep, Retention
from storage.freight import credits_spent, sent_through

DAY = timedelta(days=1)
KEEP = Keep(cost=90 * DAY, touchpoints=90 * DAY, outages=90 * DAY)


def cost(day, ad="a"):
    return CostRow(day, "c", "C", "g", ad, "EUR", 1, 1, 1)


async def days(memory):
    async with memory.read() as tx:
        return [row.day async for _, row, _ in tx.costs.export(None, None)]


@pytest.fixture
async def crm(memory, clock):
    """Three touchpoints: one sent, one refused, one waiting."""
    [crm] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    async with memory.begin() as tx:
        await tx.touchpoints.accept([touch(n, clock()) for n in range(3)], clock())
        await tx.touchpoints.settle(crm.id, [1], [PushResult("TP2_1", PushState.SET_ASIDE, "no")], clock())
    return crm


async def rows_of(memory, table):
    async with memory.read() as tx:
        return await rows(tx).value(select(func.count()).select_from(table))


async def left(memory, crm):
    async with memory.read() as tx:
        sent = await tx.touchpoints.sent_between(crm.id, 0, 99, 99)
        return len(sent), await tx.touchpoints.waiting(crm.id), len(await tx.touchpoints.set_aside(crm.id))


async def test_nothing_is_forgotten_unless_a_setting_says_so(memory, clock, crm):
    clock.advance(5000 * DAY)
    await Retention(memory, Keep(), clock).run()
    assert (1, 1, 1) == await left(memory, crm)


@pytest.mark.parametrize("at_once", [1, 2_000])
async def test_cost_older_than_its_setting_goes_and_the_rest_stays(memory, clock, monkeypatch, at_once):
    monkeypatch.setattr("bot.work.retention.AT_ONCE", at_once)
    [ads] = await connected(memory, clock())
    today = clock().date()
    kept = [today - 90 * DAY, today]
    rows = [cost(day, ad) for day in (today - 400 * DAY, today - 91 * DAY, *kept) for ad in "ab"]
    async with memory.begin() as tx:
        await tx.costs.store(ads.id, rows, today - 400 * DAY, today, clock())
    await Retention(memory, KEEP, clock).run()
    assert sorted(kept * 2) == await days(memory)


async def test_only_what_was_sent_is_forgotten_of_the_touchpoints(memory, clock, crm):
    clock.advance(89 * DAY)
    await Retention(memory, KEEP, clock).run()
    assert (1, 1, 1) == await left(memory, crm)

    clock.advance(2 * DAY)
    await Retention(memory, KEEP, clock).run()

    assert (0, 1, 1) == await left(memory, crm)
    async with memory.begin() as tx:
        assert (1, 1, 0) == await tx.touchpoints.accept([touch(0, clock()), touch(2, clock())], clock())


async def test_what_an_open_catch_up_has_to_compare_stays_until_it_is_over(memory, clock, crm):
    outage = await dropped(memory, clock(), crm)
    async with memory.begin() as tx:
        mark = {"as_of": clock().isoformat(), "after": 0, "through": 3}
        await tx.transfers.mark(outage.id, crm.id, Flow.TOUCHPOINTS, mark, 3)
    clock.advance(91 * DAY)
    await Retention(memory, KEEP, clock).run()
    assert (1, 1, 1) == await left(memory, crm)

    async with memory.begin() as tx:
        await tx.transfers.clear_marks(outage.id)
    await Retention(memory, KEEP, clock).run()
    assert (0, 1, 1) == await left(memory, crm)


async def test_what_one_crm_has_and_another_waits_for_still_reaches_the_other(memory, clock, crm):
    [other] = await connected(memory, clock(), platform="hubspot", flows=[Flow.TOUCHPOINTS])
    async with memory.begin() as tx:
        await tx.touchpoints.accept([touch(7, clock())], clock())
        await tx.touchpoints.settle(crm.id, [4], [], clock())
    clock.advance(91 * DAY)
    await Retention(memory, KEEP, clock).run()

    async with memory.begin() as tx:
        assert "TP2_7" in [d.touchpoint.id for d in await tx.touchpoints.batch(other.id, 9, clock())]


async def test_cost_and_the_outage_that_a_catch_up_compares_stay_until_it_is_over(memory, clock):
    [ads] = await connected(memory, clock())
    day = clock().date()
    outage = await dropped(memory, clock(), ads)
    async with memory.begin() as tx:
        await tx.costs.store(ads.id, [cost(day)], day, day, clock())
        mark = {"as_of": clock().isoformat(), "since": day.isoformat()}
        await tx.transfers.mark(outage.id, ads.id, Flow.COST, mark, 1)
        await tx.outages.close(outage.id, {}, {}, clock())
    clock.advance(91 * DAY)
    for clear, kept in ((False, ([day], [outage.id])), (True, ([], []))):
        async with memory.begin() as tx:
            if clear:
                await tx.transfers.clear_marks(outage.id)
        await Retention(memory, KEEP, clock).run()
        async with memory.read() as tx:
            assert kept == (await days(memory), [found.id for found in await tx.outages.latest()])


async def test_closed_outages_go_with_their_timeline_and_open_ones_stay(memory, clock):
    one, two = await connected(memory, clock(), "1", platform="hubspot"), await connected(memory, clock(), "2")
    closed, still_open = await dropped(memory, clock(), *one), await dropped(memory, clock(), *two)
    async with memory.begin() as tx:
        await tx.outbox.say_message(closed.id, 1, clock())
        await tx.outages.close(closed.id, {}, {}, clock())
    clock.advance(89 * DAY)
    await Retention(memory, KEEP, clock).run()
    async with memory.read() as tx:
        assert {closed.id, still_open.id} == {outage.id for outage in await tx.outages.latest()}

    clock.advance(2 * DAY)
    await Retention(memory, KEEP, clock).run()
    async with memory.begin() as tx:
        assert [still_open.id] == [outage.id for outage in await tx.outages.latest()]
        assert [] == await tx.outbox.claim(clock(), 9, "me", LEASE)


async def test_an_outage_whose_message_tells_of_an_open_one_stays(memory, clock):
    from sqlalchemy import update

    from storage.tables import outages

    one, two = await connected(memory, clock(), "1", platform="hubspot"), await connected(memory, clock(), "2")
    told, still_open = await dropped(memory, clock(), *one), await dropped(memory, clock(), *two)
    async with memory.begin() as tx:
        await tx.outages.close(told.id, {}, {}, clock())
        await tx.outages._tx.change(update(outages).where(outages.c.id == still_open.id).values(storm=told.id))
    clock.advance(91 * DAY)
    await Retention(memory, KEEP, clock).run()
    async with memory.read() as tx:
        assert {told.id, still_open.id} == {outage.id for outage in await tx.outages.latest()}


async def test_what_is_counted_day_by_day_does_not_grow_for_ever(memory, clock, crm):
    keep = Keep(touchpoints=10 * DAY)
    for day in range(30):
        async with memory.begin() as tx:
            await tx.touchpoints.accept([touch(day + 10, clock())], clock())
            await tx.touchpoints.settle(crm.id, [day + 4], [], clock())
            assert await tx.touchpoints.spend(crm.id, clock().date(), 5, 5)
        clock.advance(DAY)
        await Retention(memory, keep, clock).run()

    assert await rows_of(memory, sent_through) <= 12
    assert await rows_of(memory, credits_spent) <= 3
    assert (10, 1, 1) == await left(memory, crm)
    async with memory.begin() as tx:
        assert not await tx.touchpoints.spend(crm.id, clock().date() - DAY, 1, 5), "yesterday's calls were forgotten"
