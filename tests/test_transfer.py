"""Moving data: a pass goes on where the last one ended, whatever broke it, and a mark is passed only by what came after."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from practice_story import GOOGLE, SALESFORCE, Trouble, sqlite_only, telling

from bot.connection import Flow, Status
from bot.marks import account_day, cost_since
from bot.memory import Work
from bot.transfer import Mover, Walk
from bot.undo import Undo
from sandbox.faults import Fault, Kind
from sandbox.google_ads import AMERICAS, EMEA
from sandbox.salesforce_job import Slowness


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        yield story


@pytest.fixture
async def emea(story):
    (connection,) = await story.connect(GOOGLE, accounts=[EMEA])
    await story.work()
    return connection


@pytest.fixture
async def salesforce(story):
    (connection,) = await story.connect(SALESFORCE)
    await story.work()
    return connection


async def agrees(story, connection, since):
    """Whether what we hold is what was spent, to the micro and day, from `since` to yesterday."""
    sandbox = story.world.google_ads
    yesterday = sandbox.today(connection.account.id) - timedelta(days=1)
    ours = await story.totals(connection, since, yesterday)
    return ours == sandbox.totals(connection.account.id, since, yesterday)


def queries(story, customer=EMEA):
    """Cost queries that Google has answered: two a page."""
    found = story.world.google_ads.ledger.where("query", customer=customer)
    return [e for e in found if e["resource"] in ("campaign", "ad_group_ad") and e["rows"] > 30]


def days_ago(story, days):
    return (story.clock() - timedelta(days=days)).date()


# Cost


async def test_a_pass_that_broke_off_goes_on_after_its_last_page(story, emea):
    story.clock.advance(days=20)
    begun = story.clock()
    story.world.google_ads.faults.add(Fault(match="searchStream", kind=Kind.RESET, skip=3))
    await story.once(Work.MOVE)
    walk = (await story.transfers(emea))[Flow.COST].cursor["walk"]
    assert walk["through"] < story.clock().date().isoformat()

    before = len(queries(story))
    await story.pass_by(Work.MOVE, minutes=1)
    cursor = (await story.transfers(emea))[Flow.COST].cursor
    assert (begun.isoformat(), None) == (cursor["as_of"], cursor.get("walk"))
    assert len(queries(story)) - before <= 6
    assert await agrees(story, emea, days_ago(story, 23))


async def test_a_pass_that_was_killed_goes_on_when_its_claim_is_free(story, emea):
    story.clock.advance(days=20)
    story.world.google_ads.faults.add(Fault(match="searchStream", kind=Kind.HANG, skip=2))
    killed = asyncio.create_task(story.app.mover.run(await story.claim(Flow.COST)))
    await story.world.google_ads.ledger.wait_for("fault")
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    story.world.google_ads.faults.clear()
    assert 0 == await story.once(Work.MOVE) - 1, "only the tagging is free"
    async with story.memory.begin() as tx:
        await tx.transfers.free([])
    await story.work(Work.MOVE)

    assert await agrees(story, emea, days_ago(story, 23))


async def test_a_pass_whose_claim_was_lost_stores_nothing_more(story, emea):
    """It was away for longer than its lease, and another worker has done the work meanwhile."""
    story.clock.advance(days=20)
    story.world.google_ads.faults.add(Fault(match="searchStream", kind=Kind.LATE, seconds=0.5, skip=3))
    late = asyncio.create_task(story.app.mover.run(await story.claim(Flow.COST)))
    await story.world.google_ads.ledger.wait_for("fault")
    story.clock.advance(minutes=6)
    await story.work(Work.MOVE)
    done = (await story.transfers(emea))[Flow.COST]
    await late

    assert done == (await story.transfers(emea))[Flow.COST]
    assert await agrees(story, emea, days_ago(story, 23))


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
        (americas,) = await story.connect(GOOGLE, accounts=[AMERICAS])
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
    (emea,) = await story.connect(GOOGLE, accounts=[EMEA])
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


# Tagging


def ad(story, number):
    return list(story.world.google_ads.account(EMEA).ads.values())[number]


async def test_a_change_is_written_down_before_it_is_asked_for(story):
    """The answer is lost, the change is made: it is ours all the same, and can be undone."""
    (emea,) = await story.connect(GOOGLE, accounts=[EMEA])
    story.world.google_ads.faults.add(Fault(match="ads:mutate", kind=Kind.DROP))
    was = ad(story, 2).final_url_suffix
    transfer = await story.claim(Flow.TAGGING)
    story.world.google_ads.faults.add(Fault(match="googleAds:search", kind=Kind.HANG, skip=1))
    await story.app.mover.run(transfer)
    async with story.memory.read() as tx:
        planned = await tx.tags.unanswered(emea.id)
    assert planned[ad(story, 2).id] == ad(story, 2).final_url_suffix != was
    story.world.google_ads.faults.clear()

    await story.pass_by(Work.MOVE, minutes=1)
    assert [] == story.world.google_ads.untagged(EMEA)
    async with story.memory.read() as tx:
        assert {} == await tx.tags.unanswered(emea.id)
        mine = {change.ad.id: change.before for change in await tx.tags.ours(emea.id)}
    assert was == mine[ad(story, 2).id]
    undone = await Undo(story.memory, story.gateways, story.watch, story.clock).run(emea.id, really=True)
    assert was == undone.restored[ad(story, 2).id] == ad(story, 2).final_url_suffix


@sqlite_only
async def test_an_ad_is_changed_once_and_a_strangers_is_left_alone(story, emea):
    changed = [e["ad"] for e in story.world.google_ads.ledger.where("ad.changed")]
    await story.pass_by(Work.MOVE, hours=5)

    assert len(changed) == len(set(changed)) == story.world.google_ads.ledger.count("ad.changed")
    assert ad(story, 1).id not in changed, "a third party does its tagging"
    assert "&utm_source=google&utm_medium=cpc&utm_campaign=old" in ad(story, 3).final_urls[0]
    assert "utm_content={creative}" == ad(story, 3).final_url_suffix
    assert ad(story, 5).id in changed, "a paused ad may be switched on any time"


@sqlite_only
async def test_new_ads_are_tagged_with_the_next_pass(story, emea):
    story.world.google_ads.add_ads(EMEA, 3)
    await story.pass_by(Work.MOVE, hours=2)

    assert [] == story.world.google_ads.untagged(EMEA)


async def test_ads_made_during_an_outage_are_tagged_and_counted_as_lost(story, emea):
    outage = await story.drop(GOOGLE)
    made = story.world.google_ads.add_ads(EMEA, 7)
    story.clock.advance(hours=30)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert [] == story.world.google_ads.untagged(EMEA)
    assert (7, 7) == (told.recovered["ads_tagged"], told.lost["ads_untagged"])
    async with story.memory.read() as tx:
        micros, clicks = await tx.costs.of_ads(emea.id, [each.id for each in made], outage.opened_at.date())
    assert (clicks, {"EUR": micros}) == (told.lost["clicks"], told.lost["cost_micros"])
    assert clicks > 0


@sqlite_only
async def test_ads_whose_tagging_was_answered_too_late_are_counted_as_lost_too(story, emea):
    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 4)
    await story.reauthorize(GOOGLE, outage.id)
    story.world.google_ads.faults.add(Fault(match="ads:mutate", kind=Kind.DROP))
    await story.work()
    await story.pass_by(minutes=5)

    told = await story.outage(outage.id)
    assert (4, 4) == (told.recovered["ads_tagged"], told.lost["ads_untagged"])


@sqlite_only
async def test_an_ad_that_the_platform_refuses_holds_nobody_up_and_hides_nothing(story, emea):
    """Also in the outages after: the ads made meanwhile are still counted."""
    refused, *_ = story.world.google_ads.add_ads(EMEA, 2)
    story.world.google_ads.refuse_ad(refused.id)
    await story.pass_by(Work.MOVE, hours=3)
    async with story.memory.read() as tx:
        assert {refused.id} == await tx.tags.refused(emea.id)

    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 5)
    story.clock.advance(hours=1)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    told = await story.outage(outage.id)
    assert told.caught_up_at
    assert 5 == told.lost["ads_untagged"]
    assert [refused] == story.world.google_ads.untagged(EMEA)


@sqlite_only
async def test_tagging_that_is_switched_off_during_the_catch_up_is_not_waited_for(story, emea):
    outage = await story.drop(GOOGLE)
    story.world.google_ads.add_ads(EMEA, 2)
    await story.reauthorize(GOOGLE, outage.id)
    async with story.memory.begin() as tx:
        await tx.connections.set_autotagging(emea.id, False)
    await story.work()

    assert (await story.outage(outage.id)).caught_up_at
    assert 2 == len(story.world.google_ads.untagged(EMEA))
    assert Status.CONNECTED == (await story.connection(emea.id)).status


# Touchpoints


def ids(*numbers):
    return [f"TP2_{n:05d}" for n in numbers]


def held(story):
    """External ids in the order in which Salesforce made the records."""
    records = story.world.salesforce.records()
    return sorted(records, key=lambda each: records[each]["Id"])


async def left(story, connection):
    async with story.memory.read() as tx:
        return await tx.touchpoints.waiting(connection.id), await tx.touchpoints.set_aside(connection.id)


async def test_touchpoints_arrive_in_order_and_each_once(story, salesforce):
    await story.touchpoints(*range(450))
    await story.touchpoints(*range(440, 460))
    await story.pass_by(Work.MOVE, minutes=1)

    assert ids(*range(460)) == held(story)
    assert {1} == {w.total for w in story.world.salesforce.writes.values()}


async def test_each_record_has_its_own_fate(story, salesforce):
    """One is locked for a moment, one is refused for good, the others are not held up."""
    story.world.salesforce.lock("TP2_00001")
    story.world.salesforce.refuse("TP2_00002", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No bots, please.")
    await story.touchpoints(*range(5))
    await story.pass_by(Work.MOVE, minutes=1)
    assert ids(0, 3, 4) == held(story)
    waiting, ((aside, reason),) = await left(story, salesforce)
    assert (1, "TP2_00002") == (waiting, aside)
    assert "No bots" in reason

    await story.pass_by(Work.MOVE, minutes=1)
    assert ids(0, 3, 4, 1) == held(story)
    story.world.salesforce.accept("TP2_00002")
    await story.pass_by(Work.MOVE, hours=23)
    assert 4 == len(held(story)), "what is set aside is tried again once a day"
    await story.pass_by(Work.MOVE, hours=2)
    assert ids(0, 3, 4, 1, 2) == held(story)
    assert (0, []) == await left(story, salesforce)


@sqlite_only
async def test_a_record_that_the_answer_says_nothing_about_is_sent_again(story, salesforce):
    story.world.salesforce.mischief.lose_results(2)
    await story.touchpoints(*range(5))
    await story.pass_by(Work.MOVE, minutes=1)
    assert 5 == (await left(story, salesforce))[0]
    await story.pass_by(Work.MOVE, minutes=2)

    assert (0, []) == await left(story, salesforce)
    assert 5 == len(held(story))


async def test_a_batch_whose_answer_is_lost_is_not_doubled(story, salesforce):
    story.world.salesforce.faults.add(Fault(match="composite", kind=Kind.DROP))
    await story.touchpoints(*range(30))
    await story.pass_by(Work.MOVE, minutes=1)
    assert (30, 30) == (len(held(story)), (await left(story, salesforce))[0])
    await story.pass_by(Work.MOVE, minutes=2)

    assert {1} == {w.created for w in story.world.salesforce.writes.values()}
    assert (30, 0) == (len(held(story)), (await left(story, salesforce))[0])


@sqlite_only
async def test_a_batch_that_is_never_answered_is_taken_apart_and_one_record_holds_up_no_other(story, salesforce):
    """30, 25, then one by one: the first of them is never answered, and waits behind the others from then on."""
    await story.touchpoints(*range(30))
    story.world.salesforce.faults.add(Fault(match="composite", kind=Kind.HTML, status=504, times=3))
    await story.pass_by(Work.MOVE, seconds=31)
    await story.pass_by(Work.MOVE, seconds=31)
    assert (1, []) == ((await story.transfers(salesforce))[Flow.TOUCHPOINTS].cursor["batch"], held(story))
    await story.pass_by(Work.MOVE, seconds=31)
    assert ids(*range(1, 30)) == held(story)
    await story.pass_by(Work.MOVE, minutes=2)

    assert ids(*range(1, 30), 0) == held(story)
    assert (await story.transfers(salesforce))[Flow.TOUCHPOINTS].cursor["batch"] > 30, "it grows again"


async def test_when_the_days_calls_are_used_up_the_rest_waits_for_midnight_utc_and_nobody_is_woken(memory, clock):
    async with telling(memory, clock, daily_credits=2, batch_size=10) as story:
        (connection,) = await story.connect(SALESFORCE)
        await story.touchpoints(*range(25))
        await story.pass_by(minutes=1)
        assert 20 == len(held(story))
        clock.at = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
        await story.work()
        assert 20 == len(held(story))
        assert Status.CONNECTED == (await story.connection(connection.id)).status
        await story.pass_by(seconds=1)

        assert 25 == len(held(story))
        assert ([], []) == (await story.outages(), story.posts())


async def test_a_bulk_job_that_runs_is_asked_for_again_and_not_sent_again(story, salesforce):
    story.gateways[SALESFORCE].platform.pauses = (0.0,)
    story.world.salesforce.bulk.slowness = Slowness(polls=3)
    await story.touchpoints(*range(2_100))
    await story.pass_by(Work.MOVE, minutes=1)
    assert (await story.transfers(salesforce))[Flow.TOUCHPOINTS].notes["jobs"]
    for _ in range(3):
        await story.pass_by(Work.MOVE, minutes=1)

    assert (0, []) == await left(story, salesforce)
    assert {1} == {w.total for w in story.world.salesforce.writes.values()}
    assert {} == (await story.transfers(salesforce))[Flow.TOUCHPOINTS].notes


async def test_a_catch_up_counts_what_was_missed_and_not_what_comes_meanwhile(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(30))
    await story.reauthorize(SALESFORCE, outage.id)
    await story.touchpoints(*range(100, 150))
    await story.once(Work.MOVE)
    transfer = (await story.transfers(salesforce))[Flow.TOUCHPOINTS]
    await story.work()

    assert (30, 30) == (transfer.done, transfer.total) or transfer.mark is None
    assert 80 == len(held(story))
    assert 30 == (await story.outage(outage.id)).recovered["touchpoints"]


@sqlite_only
async def test_what_the_crm_has_lost_is_found_by_the_check_and_sent_again(story, salesforce):
    """Also in the second outage, and also what lies before the place that the first check got to."""
    for batch in (range(10), range(10, 20)):
        outage = await story.drop(SALESFORCE)
        await story.touchpoints(*batch)
        await story.reauthorize(SALESFORCE, outage.id)
        story.world.salesforce.org.tables["bizible2__Bizible_Touchpoint__c"].index.clear()
        platform = story.gateways[SALESFORCE].platform
        platform.find = forgetful(platform.find, {ids(*batch)[3]})
        await story.work()
        await story.pass_by(minutes=1)
        del platform.find
        assert 2 == story.world.salesforce.writes[ids(*batch)[3]].total
        assert (await story.outage(outage.id)).caught_up_at


def forgetful(find, missing):
    """The CRM does not know these the first time it is asked."""

    async def asked(fetch, account, touchpoints):
        found = await find(fetch, account, touchpoints)
        found, lost = found - missing, set(missing)
        missing.difference_update(lost)
        return found

    return asked


@sqlite_only
async def test_an_older_record_that_waits_again_is_checked_as_well(story, salesforce):
    """The first check got to number 3. Number 1 was refused then, and is accepted when the second outage is over."""
    story.world.salesforce.refuse("TP2_00001", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not now.")
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(1, 2, 3)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()
    async with story.memory.begin() as tx:
        await tx.touchpoints.resend(salesforce.id, ["TP2_00001"], story.clock())
    story.world.salesforce.accept("TP2_00001")
    outage = await story.drop(SALESFORCE)
    await story.reauthorize(SALESFORCE, outage.id)
    asked = []
    platform = story.gateways[SALESFORCE].platform
    find = platform.find

    async def spy(fetch, account, touchpoints):
        asked.extend(t.id for t in touchpoints)
        return await find(fetch, account, touchpoints)

    platform.find = spy
    await story.work()

    assert "TP2_00001" in asked
    assert (await story.outage(outage.id)).caught_up_at


# The pass itself


@sqlite_only
async def test_trouble_makes_passes_rarer_and_success_makes_them_regular_again(story, emea):
    story.world.google_ads.take_down()
    story.clock.advance(hours=1)
    for attempt in range(1, 4):
        await story.work(Work.MOVE)
        assert attempt == (await story.transfers(emea))[Flow.COST].attempts
        story.clock.advance(minutes=5)
    story.world.google_ads.bring_up()
    await story.work(Work.MOVE)
    assert 0 == (await story.transfers(emea))[Flow.COST].attempts
    assert [] == await story.outages()


@sqlite_only
async def test_a_pass_that_ends_while_the_database_is_away_gives_its_row_back_when_it_can(story, emea):
    """Else it would be idle until its claim runs out."""
    disk = Trouble(story.memory)
    app = story.app
    mover = Mover(
        disk, story.gateways, story.watch, app._carriers(), app.confirm, app.mover._every, app.pace, story.clock
    )
    story.clock.advance(hours=2)
    transfer = await story.claim(Flow.COST)
    disk.next_writes_fail(3)
    await mover.run(transfer)
    again = (await story.transfers(emea))[Flow.COST]

    assert 1 == again.attempts
    assert await story.pass_by(Work.MOVE, seconds=2)


@sqlite_only
async def test_only_passes_that_move_nothing_count_towards_a_stall(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(1_000))
    await story.reauthorize(SALESFORCE, outage.id)
    for _ in range(4):
        story.world.salesforce.faults.add(Fault(match="composite", kind=Kind.STATUS, skip=1))
        await story.pass_by(Work.MOVE, minutes=5)
        assert 1 == (await story.transfers(salesforce))[Flow.TOUCHPOINTS].attempts
        story.world.salesforce.faults.clear()
    await story.pass_by(minutes=5)

    assert ["disconnected", "reauthorized", "caught_up"] == [e.what for e in (await story.outage(outage.id)).timeline]


@sqlite_only
async def test_a_walk_says_whether_it_got_anywhere(story, emea):
    transfer = await story.claim(Flow.COST) if await story.pass_by(Work.SAY, hours=2) is not None else None
    walk = Walk(story.memory, emea, transfer, None, story.clock)
    async with story.memory.begin() as tx:
        await walk.keep(tx, done=walk.transfer.done)
    assert not walk.moved
    await walk.save({"job": "1"})
    assert not walk.moved
    async with story.memory.begin() as tx:
        await walk.keep(tx, cursor={**walk.transfer.cursor, "walk": {}})
    assert walk.moved
    assert {"job": "1"} == walk.value
