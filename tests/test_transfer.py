"""Moving data: a pass goes on where the last one ended, whatever broke it, and says whether it got anywhere."""

import asyncio

from practice_story import SALESFORCE, Trouble, agrees, days_ago, sqlite_only

from bot.catch_up.transfer import Mover, Walk
from bot.memory.memory import Work
from bot.words.connection import Flow
from sandbox.faults import Fault, Kind
from sandbox.google_ads import EMEA


def queries(story, customer=EMEA):
    """Cost queries that Google has answered: two a page."""
    found = story.world.google_ads.ledger.where("query", customer=customer)
    return [e for e in found if e["resource"] in ("campaign", "ad_group_ad") and e["rows"] > 30]


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
