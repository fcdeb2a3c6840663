"""The front desk: what a person asked for is done once, told truly, and nothing else is touched."""

import asyncio
from datetime import timedelta

import pytest
from practice_story import GOOGLE, SALESFORCE, sqlite_only, telling

from bot.desk.desk import FrontDesk
from bot.memory.memory import Work
from bot.people.people import NotFound
from bot.words.connection import Flow, Status
from sandbox.faults import Fault
from sandbox.google_ads import AMERICAS

ANNA, BRUNO = "U0ANNA000", "U0BRUNO00"


def beside_the_bot(story, sleep):
    """The desk of a command, which asks a bot that runs elsewhere and waits like this."""
    app = story.app
    parts = app.facts, app.watch, app.desk._connect, app.routes, app.leavers, app.guests
    return FrontDesk(story.memory, app.gateways, *parts, story.clock, sleep)


def events(outage):
    return [(event.what, event.who) for event in outage.timeline]


# Lists


async def test_lists_tell_what_there_is(story, google, salesforce):
    outage = await story.drop(SALESFORCE)
    shown = {each.connection.id: each for each in await story.desk.connections()}
    assert {c.id for c in (*google, salesforce)} == set(shown)
    lost = shown[salesforce.id]
    assert ("Salesforce", "C0REDKEY00", Status.AUTHORIZATION_REQUIRED, outage.id) == (
        lost.platform_name,
        lost.channel,
        lost.connection.status,
        lost.connection.outage_id,
    )
    assert f"http://127.0.0.1:8080/reauthorize/{salesforce.id}" == lost.reauthorize_url
    assert [outage.id] == [each.outage.id for each in await story.desk.outages(open_only=True)]
    assert outage.id == (await story.desk.outage(outage.id)).outage.id
    assert await story.desk.outage("no-such-outage") is None
    assert ("Google Ads", "Salesforce") == tuple(story.desk.platforms()[key] for key in (GOOGLE, SALESFORCE))


@sqlite_only
async def test_what_does_not_exist_is_named(story):
    for ask in (story.desk.check("con_x"), story.desk.pause("con_x", ANNA), story.desk.resume("con_x", ANNA)):
        with pytest.raises(NotFound, match="con_x"):
            await ask
    for ask in (story.desk.claim("out_x", ANNA), story.desk.snooze("out_x", ANNA, story.clock())):
        with pytest.raises(NotFound, match="out_x"):
            await ask
    with pytest.raises(NotFound, match=r"goggle_ads.*google_ads, .*salesforce"):
        await story.desk.connect_link("goggle_ads", ANNA)


# Claims and snoozes


async def test_a_claim_counts_once_and_another_person_may_take_over(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await asyncio.gather(*(story.desk.claim(outage.id, ANNA) for _ in range(5)))
    told = await story.desk.claim(outage.id, BRUNO)

    assert BRUNO == told.outage.claimed_by
    assert [("claimed", ANNA), ("claimed", BRUNO)] == events(told.outage)[1:]


async def test_nothing_is_claimed_or_snoozed_that_is_over(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()
    before = await story.outage(outage.id)
    await story.desk.claim(outage.id, ANNA)
    await story.desk.snooze(outage.id, ANNA, story.clock() + timedelta(hours=1))

    assert before == await story.outage(outage.id)


@sqlite_only
async def test_the_same_snooze_twice_is_one(story, salesforce):
    outage = await story.drop(SALESFORCE)
    until = story.clock() + timedelta(hours=4)
    for _ in range(2):
        told = await story.desk.snooze(outage.id, ANNA, until)

    assert (until, [("snoozed", ANNA)]) == (told.outage.snoozed_until, events(told.outage)[1:])


# Pause and resume


async def test_a_pause_keeps_everything_and_ends_an_outage_that_was_about_nothing_else(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.touchpoints(1, 2)
    told = await story.desk.pause(salesforce.id, ANNA)
    assert Status.AUTHORIZATION_REQUIRED == told.connection.status
    ended = await story.outage(outage.id)
    assert ("paused", None, ("paused", ANNA)) == (ended.state, ended.caught_up_at, events(ended)[-1])
    assert {None} == {t.mark for t in (await story.transfers(salesforce)).values()}

    await story.desk.resume(salesforce.id, ANNA)
    (again,) = await story.outages(open_only=True)
    await story.reauthorize(SALESFORCE, again.id)
    await story.work()
    assert 2 == len(story.world.salesforce.records())


async def test_one_account_of_an_outage_is_paused_and_the_others_stay_in_it(story, google):
    emea, americas = google
    outage = await story.drop(GOOGLE)
    await story.desk.pause(emea.id, ANNA)

    open_one = await story.outage(outage.id)
    assert ((americas.id,), None) == (open_one.connection_ids, open_one.closed_at)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    assert (await story.outage(outage.id)).caught_up_at
    assert [Status.DISCONNECTED, Status.CONNECTED_WITH_AUTOTAGGING] == [c.status for c in await story.connections()]


async def test_a_resumed_connection_is_looked_at_and_worked_on_at_once(story, salesforce):
    await story.desk.pause(salesforce.id, ANNA)
    await story.touchpoints(1)
    await story.pass_by(hours=1)
    assert {} == dict(story.world.salesforce.records())
    told = await story.desk.resume(salesforce.id, ANNA)
    assert Status.CONNECTED == told.connection.status
    await story.work()

    assert 1 == len(story.world.salesforce.records())
    assert story.clock() == (await story.connection(salesforce.id)).checked_at


@sqlite_only
async def test_resuming_what_runs_changes_nothing(story, salesforce):
    outage = await story.drop(SALESFORCE)
    before = await story.outage(outage.id)
    await story.desk.resume(salesforce.id, ANNA)

    assert before == await story.outage(outage.id)
    assert [before] == await story.outages()


@sqlite_only
async def test_pausing_and_resuming_at_once_leaves_one_open_outage_at_most(memory, clock):
    async with telling(memory, clock) as story:
        emea, americas = await story.begin_with(GOOGLE)
        await story.work()
        await story.drop(GOOGLE)
        turns = [story.desk.pause, story.desk.resume] * 3
        await asyncio.gather(*(turn(each.id, ANNA) for turn in turns for each in (emea, americas)))
        found = await story.outages(open_only=True)
        about = [i for o in found for i in o.connection_ids]
        assert len(about) == len(set(about))


# Checks


@sqlite_only
async def test_a_check_without_a_running_bot_probes_by_itself(story, google, salesforce):
    story.world.salesforce.revoke()
    answers = {a.connection.id: a.problem for a in await story.desk.check()}

    assert ("", "") == (answers[google[0].id], answers[google[1].id])
    assert "expired or was revoked" in answers[salesforce.id]
    assert 1 == len(await story.outages())


@sqlite_only
async def test_a_check_tells_why_it_did_not_probe(story, google, salesforce):
    await story.desk.pause(google[0].id, ANNA)
    await story.drop(SALESFORCE)
    calls = story.world.salesforce.ledger.count("api")
    story.world.google_ads.take_down()
    story.clock.advance(seconds=1)
    paused, unclear, lost = [
        (await story.desk.check(each.id))[0].problem for each in (google[0], google[1], salesforce)
    ]

    assert "paused" in paused
    assert "tried again" in unclear
    assert "expired or was revoked" in lost
    assert calls == story.world.salesforce.ledger.count("api"), "a dead login is not tried again"


@sqlite_only
async def test_a_check_heals_what_needs_no_new_login(story, google):
    """Whoever gave the rights back asks at once, and need not wait for the next probe."""
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(minutes=6)
    assert "no access" in (await story.desk.check(google[1].id))[0].problem
    story.world.google_ads.give_back(AMERICAS)

    assert "" == (await story.desk.check(google[1].id))[0].problem
    await story.work()
    assert [] == await story.outages(open_only=True)


async def test_beside_a_running_bot_a_check_is_its_work_and_the_answer_is_waited_for(story, google, salesforce):
    """Two processes never hold one login. The bot is played by what happens while the desk waits."""
    async with story.memory.begin() as tx:
        await tx.replicas.beat("rep_bot", "all", story.clock())
    story.world.salesforce.revoke()
    waits = []

    async def a_moment(seconds):
        waits.append(seconds)
        story.clock.advance(seconds=seconds)
        if len(waits) == 3:
            await story.work(Work.CHECK)

    desk = beside_the_bot(story, a_moment)
    story.clock.advance(seconds=1)
    answers = {a.connection.id: a.problem for a in await desk.check()}

    assert 3 == len(waits)
    assert ("", "") == (answers[google[0].id], answers[google[1].id])
    assert "expired or was revoked" in answers[salesforce.id]


@sqlite_only
async def test_a_bot_that_does_not_answer_is_not_waited_for_for_ever(story, salesforce):
    async with story.memory.begin() as tx:
        await tx.replicas.beat("rep_bot", "web", story.clock())
    waits = []

    async def a_moment(seconds):
        waits.append(seconds)

    desk = beside_the_bot(story, a_moment)
    story.clock.advance(seconds=1)
    await desk.check(salesforce.id)

    assert 29 <= sum(waits) <= 31


@sqlite_only
async def test_a_check_does_not_wait_for_what_is_removed_meanwhile(story, google, salesforce):
    async with story.memory.begin() as tx:
        await tx.replicas.beat("rep_bot", "web", story.clock())
    waits = []

    async def a_moment(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            await story.desk.remove(salesforce.id, "U0ANNA000")
        if len(waits) == 4:
            await story.desk.remove(google[0].id, "U0ANNA000")
            await story.work(Work.CHECK)

    desk = beside_the_bot(story, a_moment)
    story.clock.advance(seconds=1)
    with pytest.raises(NotFound, match=salesforce.id):
        await desk.check(salesforce.id)
    assert [google[1].id] == [answer.connection.id for answer in await desk.check()]
    assert len(waits) < 10


# Freshness


@sqlite_only
async def test_freshness_is_true_while_data_comes_and_false_while_it_does_not(story, google, salesforce):
    async def fresh(connection):
        found = await story.app.ledger.freshness(connection.id)
        return found.fresh, found.why

    assert ((True, ""), (True, "")) == (await fresh(google[0]), await fresh(salesforce))
    story.world.salesforce.faults.add(Fault(match="composite", times=None))
    await story.touchpoints(1)
    await story.pass_by(minutes=1)
    assert (False, "1 touchpoints wait") == await fresh(salesforce)
    story.world.google_ads.take_down()
    await story.pass_by(hours=4)
    assert (False, "the last data is older than expected") == await fresh(google[0])
    story.world.google_ads.bring_up()
    await story.pass_by(hours=1)
    assert (True, "") == await fresh(google[0])
    await story.drop(GOOGLE)
    assert (False, "Authorization Required") == await fresh(google[0])
    assert {Flow.COST, Flow.TAGGING} == set(await story.transfers(google[0]))
    with pytest.raises(NotFound):
        await story.app.ledger.freshness("con_x")
