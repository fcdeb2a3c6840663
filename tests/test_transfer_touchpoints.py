"""Moving touchpoints: in order, each once, each with its own fate, and what the CRM has lost is sent again."""

from datetime import UTC, datetime

from practice_story import SALESFORCE, sqlite_only, telling

from bot.memory.memory import Work
from bot.words.connection import Flow, Status
from sandbox.faults import Fault, Kind
from sandbox.salesforce_job import Slowness


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
        (connection,) = await story.begin_with(SALESFORCE)
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


@sqlite_only
async def test_what_is_left_after_a_full_bulk_job_follows_at_once_in_small_calls(story, salesforce, monkeypatch):
    monkeypatch.setattr("platforms.salesforce._BULK_RECORDS", 2_600)
    await story.touchpoints(*range(2_930))
    await story.pass_by(Work.MOVE, minutes=1)

    jobs = story.world.salesforce.bulk.jobs.values()
    assert [2_600] == [len(job.outcomes) for job in jobs]
    assert (2_930, (0, [])) == (len(held(story)), await left(story, salesforce))
    assert {1} == {writes.total for writes in story.world.salesforce.writes.values()}


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
