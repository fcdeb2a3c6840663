"""Somebody is at the platform's page, and meanwhile what they were asked for changes: mended, lost again, taken out."""

import asyncio
from time import monotonic

import pytest
from practice_memory import a_grant, drop
from practice_story import ADA, BEN, CLEO, SALESFORCE, sqlite_only
from sample_facts import ANNA

from bot.memory.memory import Work
from bot.people.people import Ending, NotFound
from bot.words.connection import Secret
from sandbox.faults import Fault, Kind

pytestmark = sqlite_only


@pytest.fixture
async def story(story):
    await story.begin_with(SALESFORCE)
    await story.work()
    return story


async def test_a_page_of_nothing_that_we_know_begins_nothing(story):
    with pytest.raises(NotFound):
        await story.door.begin("out_unknown")


async def test_who_was_asked_about_an_outage_that_is_over_mends_the_one_that_is_open_now(story):
    first = await story.drop(SALESFORCE)
    params, browser = await story.leave_for(first.id)
    async with story.memory.begin() as tx:
        await tx.outages.close(first.id, {}, {}, story.clock(), caught_up=False)
        second = await drop(tx, story.clock(), (await story.connections())[0])
    done = await story.door.finish(SALESFORCE, params, browser)

    assert (Ending.RESTORED, ADA) == (done.ending, done.used_login)
    assert ADA == (await story.outage(second.id)).reauthorized_by


async def test_a_connection_that_was_taken_out_meanwhile_lets_no_login_in(story):
    (connection,) = await story.connections()
    params, browser = await story.leave_for(connection.id, BEN)
    await story.desk.remove(connection.id, ANNA)
    done = await story.door.finish(SALESFORCE, params, browser)

    assert (Ending.WRONG_ACCOUNT, BEN, "", ()) == (done.ending, done.used_login, done.expected_login, done.accounts)
    assert [] == list(story.world.salesforce.oauth.grants.alive())[1:]


async def test_a_healthy_connection_takes_no_login_that_does_not_reach_it_and_tells_no_outage(story):
    (connection,) = await story.connections()
    done = await story.reauthorize(SALESFORCE, connection.id, CLEO)

    assert (Ending.WRONG_ACCOUNT, ADA) == (done.ending, done.expected_login)
    assert ["Acme"] == [account.name for account in done.accounts]
    assert [] == await story.outages()


async def test_a_link_that_is_taken_back_while_its_login_is_proven_lets_nobody_in(story):
    outage = await story.drop(SALESFORCE)
    await story.work(Work.SAY)
    url = await story.desk.ask_guest(outage.id, ANNA, same_login=True)
    await story.work(Work.SAY)
    params, browser = await story.way_back(await story.door.guest(url.rpartition("/")[2]), ADA)
    story.world.salesforce.faults.add(Fault(match="token", kind=Kind.LATE, seconds=60))
    finishing = asyncio.create_task(story.door.finish(SALESFORCE, params, browser))
    await story.world.salesforce.ledger.wait_for("token_request", times=2, grant_type="authorization_code")
    (link,) = [act.subject for act in await acts(story) if act.what == "guest_link"]
    assert await story.desk.take_back(link, ANNA)
    story.world.salesforce.faults.release()
    late = await finishing

    assert (Ending.FAILED, True) == (late.ending, "taken back" in late.why)
    assert not (await story.outage(outage.id)).reauthorized_at


async def acts(story):
    async with story.memory.read() as tx:
        return [act async for act in tx.audit.rows()]


async def test_a_token_that_its_platform_does_not_take_back_today_is_given_back_when_it_does(story):
    tokens = await story.tokens((await story.connections())[0])
    async with story.memory.begin() as tx:
        await tx.revocations.add(SALESFORCE, tokens.refresh_token, story.clock())
    story.world.salesforce.faults.add(Fault(match="revoke", status=403, body='{"error": "try_later"}'))
    await story.app.revoke.due_ones()
    await story.app.revoke.due_ones()
    assert 0 == story.world.salesforce.ledger.count("grant.revoked")

    story.clock.advance(minutes=10)
    await story.app.revoke.due_ones()
    assert 1 == story.world.salesforce.ledger.count("grant.revoked")
    story.clock.advance(days=1)
    assert [] == await story.app.revoke.claim(9)


async def test_a_token_of_a_platform_that_was_switched_off_is_given_up(story):
    async with story.memory.begin() as tx:
        await tx.revocations.add("tiktok_ads", Secret("old"), story.clock())
    await story.app.revoke.due_ones()
    story.clock.advance(days=1)
    assert [] == await story.app.revoke.claim(9)


async def test_revoking_all_tells_how_far_it_is_and_takes_nothing_twice(story):
    async with story.memory.begin() as tx:
        await a_grant(tx, story.clock(), "ben", SALESFORCE)
    steps = []
    assert 2 == await story.app.revoke.everything("root", lambda *step: steps.append(step))
    assert [(1, 4), (2, 4), (3, 4), (4, 4)] == steps
    assert 0 == await story.app.revoke.everything()
    assert 1 == story.world.salesforce.ledger.count("grant.revoked")


async def test_as_many_tokens_are_given_back_at_once_as_there_are_hands(story):
    async with story.memory.begin() as tx:
        for number in range(3):
            await tx.revocations.add(SALESFORCE, Secret(f"tok{number}"), story.clock())
    assert [2, 1, 0] == [len(await story.app.revoke.claim(2)) for _ in range(3)]


async def test_who_comes_back_twice_for_one_outage_heals_it_once(story):
    outage = await story.drop(SALESFORCE)
    params, browser = await story.leave_for(outage.id)
    assert Ending.RESTORED == (await story.reauthorize(SALESFORCE, outage.id)).ending
    assert Ending.ALREADY == (await story.door.finish(SALESFORCE, params, browser)).ending
    await story.work()

    healed = await story.outage(outage.id)
    assert (1, ADA) == ([event.what for event in healed.timeline].count("reauthorized"), healed.reauthorized_by)


async def test_a_login_that_sees_the_account_but_may_not_read_it_is_the_wrong_one(story):
    outage = await story.drop(SALESFORCE)
    denied = '[{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]'
    story.world.salesforce.faults.add(Fault(match="/query", status=403, body=denied, times=None))

    assert Ending.WRONG_ACCOUNT == (await story.reauthorize(SALESFORCE, outage.id, BEN)).ending
    assert ADA == (await story.connections())[0].login


async def test_in_an_emergency_tokens_are_given_back_side_by_side(story):
    """A platform may take a second for each, and there may be ten thousand."""
    story.world.salesforce.faults.add(Fault(match="revoke", kind=Kind.SLOW, times=None, seconds=0.2))
    async with story.memory.begin() as tx:
        for number in range(20):
            await tx.revocations.add(SALESFORCE, Secret(f"tok{number}"), story.clock())
    assert 20 == await story.app.revoke.waiting()
    began = monotonic()
    await story.app.revoke.due_ones()
    assert 0 == await story.app.revoke.waiting()
    assert monotonic() - began < 2, "one after the other they take four seconds"
