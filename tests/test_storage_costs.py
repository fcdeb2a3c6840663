"""Costs: whole days replaced by what the platform says now, exact to the micro."""

import time
from datetime import date, timedelta

import pytest
from practice_memory import connected

from bot.words.errors import Refused
from bot.words.freight import CostRow

MONDAY = date(2026, 11, 16)
DAY = timedelta(days=1)


def cost(day=MONDAY, ad="7", micros=1_234_567, campaign="c1", clicks=3):
    return CostRow(day, campaign, f"Campaign {campaign}", "g1", ad, "EUR", micros, clicks, 100)


@pytest.fixture
async def account(memory, clock):
    return (await connected(memory, clock()))[0].id


async def store(memory, clock, account, rows, since=MONDAY, through=MONDAY):
    async with memory.begin() as tx:
        await tx.costs.store(account, rows, since, through, clock())


async def exported(memory, since=None, until=None):
    async with memory.read() as tx:
        return [row async for row in tx.costs.export(since, until)]


async def test_cost_comes_back_exactly_in_a_stable_order(memory, clock, account):
    large = cost(ad="8", micros=9_007_199_254_740_993, clicks=2**40)
    rows = [large, cost(), cost(MONDAY + DAY), cost()._replace(ad_group="", ad="", campaign="c0")]
    await store(memory, clock, account, rows, through=MONDAY + DAY)
    async with memory.read() as tx:
        connection = await tx.connections.get(account)
    wanted = [(connection, row, False) for row in (rows[3], rows[1], large, rows[2])]
    assert wanted == await exported(memory)
    assert wanted[3:] == await exported(memory, since=MONDAY + DAY)
    assert wanted[:3] == await exported(memory, until=MONDAY)


async def test_days_that_are_read_again_are_replaced_whole(memory, clock, account):
    await store(memory, clock, account, [cost(), cost(ad="gone"), cost(MONDAY + DAY)], through=MONDAY + DAY)
    await store(memory, clock, account, [cost(micros=5)])
    assert [cost(micros=5), cost(MONDAY + DAY)] == [row for _, row, _ in await exported(memory)]
    await store(memory, clock, account, [])
    assert [cost(MONDAY + DAY)] == [row for _, row, _ in await exported(memory)]


async def test_other_accounts_keep_theirs(memory, clock):
    one, two = await connected(memory, clock(), "111", "222")
    await store(memory, clock, one.id, [cost()])
    await store(memory, clock, two.id, [cost(micros=2)])
    await store(memory, clock, one.id, [])
    assert [(two.id, 2)] == [(connection.id, row.cost_micros) for connection, row, _ in await exported(memory)]


@pytest.mark.parametrize("rows", [[cost(), cost(micros=2)], [cost(MONDAY - DAY)], [cost(MONDAY + DAY)]])
async def test_doubled_rows_and_foreign_days_are_refused_and_nothing_changes(memory, clock, account, rows):
    await store(memory, clock, account, [cost()])
    with pytest.raises(Refused):
        await store(memory, clock, account, rows)
    assert [cost()] == [row for _, row, _ in await exported(memory)]


async def test_settled_days_are_complete_and_stay_so(memory, clock, account):
    await store(memory, clock, account, [cost(), cost(MONDAY + DAY)], through=MONDAY + DAY)
    async with memory.begin() as tx:
        await tx.costs.settle(account, MONDAY + DAY)
        await tx.costs.settle(account, MONDAY)
    assert [complete for _, _, complete in await exported(memory)] == [True, False]


async def test_totals_are_per_day_and_to_the_micro(memory, clock, account):
    rows = [cost(), cost(ad="8", micros=1), cost(MONDAY + 2 * DAY, micros=3)]
    await store(memory, clock, account, rows, through=MONDAY + 2 * DAY)
    async with memory.read() as tx:
        assert await tx.costs.totals(account, MONDAY, MONDAY + 2 * DAY) == {MONDAY: 1_234_568, MONDAY + 2 * DAY: 3}
        assert await tx.costs.totals(account, MONDAY + DAY, MONDAY + DAY) == {}


async def test_the_cost_of_some_ads_is_summed_from_a_day_on(memory, clock, account):
    rows = [cost(ad=str(n), micros=n, clicks=1) for n in range(1_200)] + [cost(MONDAY + DAY, ad="5", micros=7)]
    await store(memory, clock, account, rows, through=MONDAY + DAY)
    async with memory.read() as tx:
        assert (sum(range(1_200)) + 7, 1_203) == await tx.costs.of_ads(account, [str(n) for n in range(1_200)], MONDAY)
        assert await tx.costs.of_ads(account, ["5", "6", "none"], MONDAY + DAY) == (7, 3)
        assert await tx.costs.of_ads(account, [], MONDAY) == (0, 0)


async def test_twenty_thousand_rows_are_quick(memory, clock, account):
    rows = [cost(MONDAY + DAY * (n % 10), ad=str(n)) for n in range(20_000)]
    began = time.perf_counter()
    await store(memory, clock, account, rows, through=MONDAY + 9 * DAY)
    assert time.perf_counter() - began < 10, "about a second on a free machine"


async def test_names_with_anything_in_them_come_back_as_they_were(memory, clock):
    """Also where they are what the database's own loading format is made of."""
    [connection] = await connected(memory, clock())
    names = ["tab\tand\nline\r", "back\\slash \\N \\.", "'quotes\"", "Été 🦊", "nul\x00 and half \ud83e pair", ""]
    rows = [cost(ad=str(n))._replace(campaign_name=name) for n, name in enumerate(names)]
    async with memory.begin() as tx:
        await tx.costs.store(connection.id, rows, MONDAY, MONDAY, clock())
    async with memory.read() as tx:
        found = [row.campaign_name async for _, row, _ in tx.costs.export(None, None)]
    assert [*names[:4], "nul\ufffd and half \ufffd pair", ""] == found
