"""Confirming: "caught up" is said once, after every mark was passed and the source agreed, and the receipt is true."""

import asyncio
from datetime import timedelta

from practice_story import GOOGLE, SALESFORCE, colour, sqlite_only

from bot.logins.intents import KNOWN_LOST
from bot.memory.memory import Work
from bot.words.connection import Account, Flow, Kind, Reach, Status
from bot.words.errors import AccessDenied
from sandbox.faults import Fault
from sandbox.faults import Kind as FaultKind
from sandbox.google_ads import AMERICAS, EMEA
from sandbox.slack import MARKETING

AMBER, GREEN = "#F79009", "#12B76A"


async def reauthorized(story, platform):
    outage = await story.drop(platform)
    await story.reauthorize(platform, outage.id)
    return outage


def events(outage):
    return [event.what for event in outage.timeline]


async def tell(story):
    """What is due to be said, and what is said again now and then."""
    await story.pass_by(Work.SAY, minutes=1)


# Not before it is true


async def test_an_outage_is_open_until_the_source_has_agreed_for_every_flow(story, emea):
    outage = await reauthorized(story, GOOGLE)
    platform = story.gateways[GOOGLE].platform
    totals, asked = platform.cost_totals, asyncio.Event()
    answer = asyncio.Event()

    async def held_back(*given):
        asked.set()
        await answer.wait()
        return await totals(*given)

    platform.cost_totals = held_back
    moving = asyncio.create_task(story.once(Work.MOVE))
    await asyncio.wait_for(asked.wait(), 5)
    await story.app.confirm.sweep()
    await tell(story)
    cost = (await story.transfers(emea))[Flow.COST]
    assert (True, None) == (cost.passed_at is not None, cost.verified_at)
    assert (None, AMBER) == ((await story.outage(outage.id)).closed_at, colour(story))
    assert Status.CATCHING_UP == (await story.connection(emea.id)).status

    answer.set()
    await moving
    await story.work()
    assert ["disconnected", "reauthorized", "caught_up"] == events(await story.outage(outage.id))
    assert GREEN == colour(story)
    assert Status.CONNECTED_WITH_AUTOTAGGING == (await story.connection(emea.id)).status
    assert {None} == {t.mark for t in (await story.transfers(emea)).values()}


async def test_transfers_that_end_at_the_same_moment_close_it_once(story):
    """Neither waits for a sweep, and neither says it twice."""
    for number in range(3):
        story.world.google_ads.add_account(
            f"400000000{number}", f"Acme {number}", "ada.marsh@acme.example", under="1000000001", ads=1
        )
    connections = await story.begin_with(GOOGLE)
    await story.work(Work.MOVE)
    outage = await reauthorized(story, GOOGLE)
    await story.work(Work.MOVE)

    assert 5 == len(connections)
    told = await story.outage(outage.id)
    assert 1 == events(told).count("caught_up")
    assert told.caught_up_at


async def test_a_sweep_closes_what_nobody_waits_for_and_only_that(story, clock):
    """An outage whose connection carries no transfers, seen by eight replicas at once."""
    (connection,) = await story.begin_with(SALESFORCE)
    async with story.memory.begin() as tx:
        grant = await tx.grants.get(connection.grant_id)
        account = Account("no-flows", "Nothing flows here")
        bare = await tx.connections.add(grant, Kind.CRM, account, autotagging=False, utm="", flows=[], now=clock())
        await tx.connections.set_authorized([bare.id], False)
        await story.watch.losses._open(tx, Reach.ACCOUNT, [bare], AccessDenied(KNOWN_LOST))
    async with story.memory.read() as tx:
        outage = await tx.outages.open_of_connection(bare.id)
    await story.app.confirm.sweep()
    assert (await story.outage(outage.id)).closed_at is None
    await story.watch._healed(await story.connection(bare.id))
    await asyncio.gather(*(story.app.confirm.sweep() for _ in range(8)))

    assert ["disconnected", "reauthorized", "caught_up"] == events(await story.outage(outage.id))


@sqlite_only
async def test_new_traffic_after_the_mark_does_not_keep_it_open(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(5))
    await story.reauthorize(SALESFORCE, outage.id)
    story.world.salesforce.lock("TP2_00900", times=100)
    await story.touchpoints(*range(900, 930))
    await story.work()

    told = await story.outage(outage.id)
    assert (True, 5) == (told.caught_up_at is not None, told.recovered["touchpoints"])
    async with story.memory.read() as tx:
        assert 1 == await tx.touchpoints.waiting(salesforce.id)


@sqlite_only
async def test_an_account_that_is_paused_during_the_catch_up_is_not_waited_for(story):
    emea, americas = await story.begin_with(GOOGLE)
    await story.work()
    outage = await reauthorized(story, GOOGLE)
    await story.desk.pause(americas.id, "U0ANNA000")
    await story.work()
    await story.app.confirm.sweep()

    told = await story.outage(outage.id)
    assert ((emea.id,), True) == (told.connection_ids, told.caught_up_at is not None)
    assert {"EUR"} == set(told.recovered["cost_micros"])
    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.DISCONNECTED] == [c.status for c in await story.connections()]


# When the source does not agree


def off_by_one(platform, times):
    """Google's own total is a micro more than its rows say, so often."""
    totals, left = platform.cost_totals, [times]

    async def wrong(*given):
        found = await totals(*given)
        if left[0]:
            left[0] -= 1
            found[max(found)] += 1
        return found

    platform.cost_totals = wrong


async def test_a_source_that_disagrees_once_is_simply_read_again(story, emea):
    off_by_one(story.gateways[GOOGLE].platform, 1)
    outage = await reauthorized(story, GOOGLE)
    await story.work()

    assert ["disconnected", "reauthorized", "caught_up"] == events(await story.outage(outage.id))


async def test_a_source_that_goes_on_disagreeing_is_told_once_and_left_in_peace_between(story, emea):
    off_by_one(story.gateways[GOOGLE].platform, 8)
    outage = await reauthorized(story, GOOGLE)
    await story.work()
    assert 2 == (await story.transfers(emea))[Flow.COST].mark["disagreed"], "the second time it waits"
    for _ in range(5):
        await story.pass_by(minutes=5)
    told = await story.outage(outage.id)
    assert 7 == (await story.transfers(emea))[Flow.COST].mark["disagreed"]
    assert ("stalled", 1) == (told.state, events(told).count("stalled"))
    assert AMBER == colour(story)
    assert 1 == len([reply for reply in story.replies() if "has stalled" in reply])

    for _ in range(2):
        await story.pass_by(minutes=5)
    assert ["disconnected", "reauthorized", "stalled", "caught_up"] == events(await story.outage(outage.id))
    assert GREEN == colour(story)
    assert 1 == len([reply for reply in story.replies() if "caught up" in reply])


@sqlite_only
async def test_a_missed_day_that_never_came_is_not_overlooked(story, emea):
    """The first of the missed days was lost on its way: nothing that we hold lies before it, and still it counts."""
    outage = await story.drop(GOOGLE)
    async with story.memory.begin() as tx:
        first = outage.opened_at.date()
        await tx.costs.store(emea.id, [], first - timedelta(days=30), first, story.clock())
    story.clock.advance(days=3)
    platform = story.gateways[GOOGLE].platform
    platform.cost = without_day(platform.cost, first)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert told.caught_up_at
    totals = await story.totals(emea, first, first)
    assert story.world.google_ads.totals(EMEA, first, first) == totals


def without_day(cost, day):
    """Leaves out that day, and what lies before it, the first time."""
    once = [True]

    async def lossy(fetch, account, since, until):
        lose, once[0] = once[0], False
        async for page in cost(fetch, account, since, until):
            rows = [row for row in page.rows if not (lose and row.day <= day)]
            yield type(page)(rows, page.through)

    return lossy


@sqlite_only
async def test_tags_that_someone_takes_off_again_are_put_back_before_it_is_said(story, emea):
    outage = await story.drop(GOOGLE)
    (made,) = story.world.google_ads.add_ads(EMEA)
    await story.reauthorize(GOOGLE, outage.id)
    platform = story.gateways[GOOGLE].platform
    tag = platform.tag

    async def undone(*given):
        platform.tag = tag
        results = await tag(*given)
        made.final_url_suffix = None
        story.world.google_ads.book.touch(story.world.google_ads.account(EMEA), made)
        return results

    platform.tag = undone
    await story.work()

    assert (await story.outage(outage.id)).caught_up_at
    assert [] == story.world.google_ads.untagged(EMEA)


# When it does not get on


async def test_a_catch_up_that_does_not_move_says_so_once_and_that_it_moves_again(story, emea):
    outage = await reauthorized(story, GOOGLE)
    story.world.google_ads.faults.add(Fault(match="searchStream", times=None))
    for _ in range(8):
        await story.pass_by(minutes=5)
    told = await story.outage(outage.id)
    assert ("stalled", ["disconnected", "reauthorized", "stalled"]) == (told.state, events(told))
    assert "has stalled" in story.posts()[0].text

    story.world.google_ads.faults.clear()
    off_by_one(story.gateways[GOOGLE].platform, 2)
    story.clock.advance(minutes=5)
    await story.once(Work.MOVE)
    assert "catching_up" == (await story.outage(outage.id)).state
    await story.pass_by(minutes=6)
    await story.pass_by(minutes=6)
    told = await story.outage(outage.id)
    assert ["disconnected", "reauthorized", "stalled", "caught_up"] == events(told)
    assert GREEN == colour(story)


@sqlite_only
async def test_a_stall_is_over_only_when_every_transfer_moves_again(story, emea):
    outage = await reauthorized(story, GOOGLE)
    cost = story.world.google_ads.faults.add(Fault(match="searchStream", times=None))
    tagging = story.world.google_ads.faults.add(Fault(match="googleAds:search", times=None))
    for _ in range(8):
        await story.pass_by(minutes=5)
    story.world.google_ads.faults.remove(tagging)
    story.world.google_ads.faults.add(Fault(match="googleAds:searchStream", times=None))
    for _ in range(3):
        await story.pass_by(minutes=5)
    assert "stalled" == (await story.outage(outage.id)).state
    assert cost.struck
    story.world.google_ads.faults.clear()
    await story.pass_by(minutes=6)

    assert ["disconnected", "reauthorized", "stalled", "caught_up"] == events(await story.outage(outage.id))


@sqlite_only
async def test_a_record_that_stays_locked_is_told_as_a_stall_and_not_waited_for_in_silence(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(3))
    story.world.salesforce.lock("TP2_00001", times=9)
    await story.reauthorize(SALESFORCE, outage.id)
    for _ in range(7):
        await story.pass_by(minutes=5)
    assert "stalled" == (await story.outage(outage.id)).state
    for _ in range(4):
        await story.pass_by(minutes=5)

    assert 3 == (await story.outage(outage.id)).recovered["touchpoints"]


# The receipt


async def test_the_receipt_tells_money_by_currency_and_days_once(story):
    emea, americas = await story.begin_with(GOOGLE)
    await story.work()
    outage = await story.drop(GOOGLE)
    story.clock.advance(days=2)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    since, until = outage.opened_at.date(), story.clock().date()
    spent = {
        currency: sum((await story.totals(c, since, until)).values())
        for c, currency in ((emea, "EUR"), (americas, "USD"))
    }
    assert {"cost_days": 3, "cost_micros": spent, "ads_tagged": 0} == told.recovered
    assert {} == told.lost
    assert min(spent.values()) > 0
    assert AMERICAS == americas.account.id


async def test_the_receipt_names_what_the_crm_refused(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(10))
    for number in (2, 7):
        story.world.salesforce.refuse(f"TP2_0000{number}", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No bots, please.")
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert (8, 2) == (told.recovered["touchpoints"], told.lost["set_aside_count"])
    assert ["TP2_00002", "TP2_00007"] == [each["id"] for each in told.lost["set_aside"]]
    assert "TP2_00002" in story.posts()[0].text.replace("\u200b", "").replace("\u2060", "")


@sqlite_only
async def test_the_receipt_is_about_the_whole_outage_also_when_it_dropped_again_in_between(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(*range(300))
    await story.reauthorize(SALESFORCE, outage.id)
    story.world.salesforce.faults.add(Fault(match="composite", skip=1, times=None))
    await story.once(Work.MOVE)
    assert 200 == len(story.world.salesforce.records())
    await story.drop(SALESFORCE)
    story.world.salesforce.faults.clear()
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert ["disconnected", "reauthorized", "reopened", "reauthorized", "caught_up"] == events(told)
    assert 300 == told.recovered["touchpoints"] == len(story.world.salesforce.records())


@sqlite_only
async def test_the_receipt_of_a_second_drop_reaches_back_to_the_first(story, emea):
    """The first catch-up got all days, and was not confirmed any more."""
    outage = await story.drop(GOOGLE)
    story.clock.advance(days=3)
    story.world.google_ads.add_ads(EMEA, 3)
    await story.reauthorize(GOOGLE, outage.id)
    story.world.google_ads.faults.add(Fault(match="searchStream", kind=FaultKind.RESET, skip=3, times=None))
    await story.once(Work.MOVE)
    story.clock.advance(hours=1)
    await story.drop(GOOGLE)
    story.world.google_ads.faults.clear()
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    told = await story.outage(outage.id)
    assert (4, 3, 3) == (told.recovered["cost_days"], told.recovered["ads_tagged"], told.lost["ads_untagged"])
    assert 1 == len([m for m in story.world.slack.messages(MARKETING) if "Google" in m.text])
