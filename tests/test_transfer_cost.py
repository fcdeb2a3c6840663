"""Moving cost: what is restated is read again, no day is lost, and a mark is passed only by what came after it."""

from datetime import UTC, date, datetime

from practice_story import GOOGLE, agrees, days_ago, sqlite_only, telling

from bot.memory.memory import Work
from bot.outages.marks import account_day, cost_since
from bot.words.connection import Flow
from sandbox.faults import Fault, Kind
from sandbox.google_ads import AMERICAS, EMEA


async def test_what_the_platform_restates_is_read_again(story, emea):
    """Google corrects the last three days. The window is read whole once a day, and yesterday with every pass."""
    for _ in range(3):
        await story.pass_by(Work.MOVE, days=1)
        assert await agrees(story, emea, days_ago(story, 5))
    assert "2026-11-26" == (await story.transfers(emea))[Flow.COST].cursor["restated"]


@sqlite_only
async def test_a_later_pass_of_the_day_reads_two_days_only(story, emea):
    asked = []
    platform = story.gateways[GOOGLE].platform
    platform.cost = spied(platform.cost, asked)
    await story.pass_by(Work.MOVE, hours=1)

    assert [(date(2026, 11, 22), date(2026, 11, 23))] == asked


def spied(cost, asked):
    def spy(fetch, account, since, until):
        asked.append((since, until))
        return cost(fetch, account, since, until)

    return spy


async def test_a_pass_begun_before_the_mark_does_not_count_for_it(story, emea):
    """It was broken off by the drop itself, and is ended first; what it read may have changed since."""
    story.clock.advance(days=20)
    story.world.google_ads.faults.add(Fault(match="searchStream", kind=Kind.RESET, skip=3))
    await story.once(Work.MOVE)
    outage = await story.drop(GOOGLE)
    await story.reauthorize(GOOGLE, outage.id)
    marked = story.clock()
    await story.once(Work.MOVE)
    cost = (await story.transfers(emea))[Flow.COST]
    assert (True, None) == (datetime.fromisoformat(cost.cursor["as_of"]) < marked, cost.passed_at)

    await story.work()
    assert (await story.outage(outage.id)).caught_up_at
    assert await agrees(story, emea, days_ago(story, 23))


def test_a_day_is_the_accounts_own_day():
    """New York leaves summer time on 1 November 2026, at 2 in the morning."""
    zone = "America/New_York"
    assert date(2026, 10, 31) == account_day(datetime(2026, 11, 1, 3, 59, tzinfo=UTC), zone)
    assert date(2026, 11, 1) == account_day(datetime(2026, 11, 1, 4, 0, tzinfo=UTC), zone)
    assert date(2026, 11, 1) == account_day(datetime(2026, 11, 2, 4, 59, tzinfo=UTC), zone)
    assert date(2026, 11, 2) == account_day(datetime(2026, 11, 2, 5, 0, tzinfo=UTC), zone)
    assert date(2026, 11, 24) == account_day(datetime(2026, 11, 23, 15, 0, tzinfo=UTC), "Asia/Tokyo")
    for unknown in ("", "No/Such", "/etc/passwd", "\0"):
        assert date(2026, 11, 23) == account_day(datetime(2026, 11, 23, 15, 0, tzinfo=UTC), unknown)


@sqlite_only
async def test_an_outage_over_the_end_of_summer_time_loses_no_day(memory, clock):
    clock.at = datetime(2026, 10, 31, 3, 30, tzinfo=UTC)  # 30 October, 23:30 in New York
    async with telling(memory, clock) as story:
        (americas,) = await story.begin_with(GOOGLE, accounts=[AMERICAS])
        await story.work()
        outage = await story.drop(GOOGLE)
        cost = (await story.transfers(americas))[Flow.COST]
        assert date(2026, 10, 30) == cost_since(cost, americas, outage.opened_at)
        clock.at = datetime(2026, 11, 2, 4, 59, tzinfo=UTC)  # still 1 November there
        await story.reauthorize(GOOGLE, outage.id)
        mark = (await story.transfers(americas))[Flow.COST].mark
        assert ("2026-10-30", "2026-11-01") == (mark["since"], mark["until"])
        clock.at = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
        await story.work()

        told = await story.outage(outage.id)
        assert told.caught_up_at
        assert 3 == told.recovered["cost_days"]
        assert await agrees(story, americas, date(2026, 10, 26))


@sqlite_only
async def test_days_that_the_platform_no_longer_tells_are_named(story, emea):
    story.gateways[GOOGLE].platform.look_back_days = 4
    outage = await story.drop(GOOGLE)
    story.clock.advance(days=10)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert told.caught_up_at
    assert (5, 6) == (told.recovered["cost_days"], told.lost["cost_days_gone"])
    held = await story.totals(emea, days_ago(story, 10), days_ago(story, 1))
    assert days_ago(story, 4) == min(day for day in held if day > days_ago(story, 10))
    await story.work(Work.SAY)
    assert "6 days of cost are too old" in story.posts()[0].text


@sqlite_only
async def test_an_account_that_was_lost_before_its_first_load_gets_every_day_since(story):
    """Longer ago than a first load goes back."""
    (emea,) = await story.begin_with(GOOGLE, accounts=[EMEA])
    first = story.clock().date()
    outage = await story.drop(GOOGLE)
    story.clock.advance(days=9)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert (10, {}) == (told.recovered["cost_days"], told.lost)
    assert await agrees(story, emea, first)


@sqlite_only
async def test_cost_that_is_given_twice_is_not_stored_twice(story, emea):
    async with story.memory.read() as tx:
        before = [row async for row in tx.costs.export(None, None)]
    await story.pass_by(Work.MOVE, seconds=3601)
    async with story.memory.read() as tx:
        after = [row async for row in tx.costs.export(None, None)]

    assert [key(row) for row in before] == [key(row) for row in after]


def key(exported):
    _, row, _ = exported
    return row.day, row.campaign, row.ad_group, row.ad
