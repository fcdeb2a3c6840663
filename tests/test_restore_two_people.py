"""Two people at one door, and accounts chosen under another login: who is believed, and which link still counts."""

import asyncio

import pytest
from practice_memory import drop
from practice_story import ADA, BEN, GOOGLE, SALESFORCE, sqlite_only

from bot.memory.memory import Work
from bot.people.people import Ending, NotFound
from bot.words.connection import Reach, Status
from sandbox.google_ads import AMERICAS, EMEA


async def lost(story, platform, accounts=None):
    """A connected login that was revoked, and its outage."""
    connections = await story.connect(platform, accounts=accounts)
    await story.work()
    story.sandbox(platform).revoke()
    await story.pass_by(Work.CHECK, minutes=6)
    (outage,) = await story.outages()
    return connections, outage


def events(outage):
    return [event.what for event in outage.timeline]


# Two people


@pytest.mark.parametrize("second", [BEN, ADA])
async def test_of_two_who_finish_at_once_one_is_believed_and_the_other_told(story, second):
    (connection,), outage = await lost(story, SALESFORCE)
    trips = [await story.leave_for(outage.id, person) for person in (ADA, second)]
    told = await asyncio.gather(*(story.door.finish(SALESFORCE, *trip) for trip in trips))

    assert {Ending.RESTORED, Ending.ALREADY} == {each.ending for each in told}
    winner = next(each for each in told if each.ending is Ending.RESTORED)
    late = next(each for each in told if each.ending is Ending.ALREADY)
    assert winner.used_login == late.who == (await story.connection(connection.id)).login
    await story.work()
    assert ["disconnected", "reauthorized", "caught_up"] == events(await story.outage(outage.id))
    assert Status.CONNECTED == (await story.connection(connection.id)).status
    assert 1 == len(list(story.world.salesforce.oauth.grants.alive()))


@sqlite_only
async def test_who_comes_late_to_google_keeps_the_login_that_is_in_use(story):
    """Revoking one of a person's tokens ends them all there."""
    (connection, _), outage = await lost(story, GOOGLE)
    trips = [await story.leave_for(outage.id) for _ in range(2)]
    told = [await story.door.finish(GOOGLE, *trip) for trip in trips]
    await story.pass_by(minutes=6)

    assert [Ending.RESTORED, Ending.ALREADY] == [each.ending for each in told]
    assert [] == await story.outages(open_only=True)
    assert (await story.grant(connection)).lost_at is None


@sqlite_only
async def test_an_old_link_leads_to_the_outage_there_is_now(story):
    (connection,), first = await lost(story, SALESFORCE)
    await story.reauthorize(SALESFORCE, first.id)
    await story.work()
    params, browser = await story.leave_for(first.id)
    story.world.salesforce.revoke()
    await story.pass_by(minutes=6)
    (second,) = await story.outages(open_only=True)

    assert second.id == (await story.door.start_page(first.id)).ref
    assert second.id == (await story.door.start_page(connection.id)).ref
    # A consent that was begun before the second drop was noticed is as good as a new one.
    assert Ending.RESTORED == (await story.door.finish(SALESFORCE, *await story.leave_for(first.id))).ending
    assert Ending.ALREADY == (await story.door.finish(SALESFORCE, *await story.leave_for(second.id))).ending
    assert params
    assert browser


@sqlite_only
async def test_an_account_that_was_lost_by_itself_before_its_login_was_gets_no_second_outage_when_only_others_heal(
    story,
):
    emea, americas = await story.connect(GOOGLE)
    async with story.memory.begin() as tx:
        own = await drop(tx, story.clock(), americas, reach=Reach.ACCOUNT, remedy="AccessDenied")
        both = await drop(tx, story.clock(), emea, americas)
        await tx.connections.set_authorized([emea.id, americas.id], False)
    story.world.google_ads.oauth.people[BEN].accounts.append(EMEA)
    assert Ending.PARTLY == (await story.reauthorize(GOOGLE, both.id, BEN)).ending

    assert (emea.id,) == (await story.outage(both.id)).connection_ids
    assert {own.id, both.id} == {outage.id for outage in await story.outages()}
    assert (americas.id,) == (await story.outage(own.id)).connection_ids


# New logins


@sqlite_only
async def test_an_account_that_is_lost_under_one_login_can_be_chosen_under_another(story):
    (connection,), outage = await lost(story, SALESFORCE)
    (chosen,) = await story.connect(SALESFORCE, BEN)
    await story.work()

    assert (connection.id, BEN) == (chosen.id, chosen.login)
    assert (await story.outage(outage.id)).caught_up_at
    assert BEN == (await story.outage(outage.id)).reauthorized_by


@sqlite_only
async def test_an_account_that_is_healthy_or_paused_stays_with_its_login(story):
    (connection,) = await story.connect(SALESFORCE)
    (same,) = await story.connect(SALESFORCE, BEN)
    assert (connection.id, ADA) == (same.id, same.login)
    await story.desk.pause(connection.id, "U0ANNA000")
    story.world.salesforce.revoke()
    (same,) = await story.connect(SALESFORCE, BEN)
    assert (ADA, Status.DISCONNECTED) == (same.login, same.status)


@sqlite_only
async def test_connecting_a_lost_login_anew_restores_it_on_the_way(story):
    connections, outage = await lost(story, GOOGLE)
    again = await story.connect(GOOGLE)
    await story.work()

    assert [c.id for c in connections] == [c.id for c in again]
    assert (await story.outage(outage.id)).caught_up_at


@sqlite_only
async def test_a_connect_link_counts_once_and_a_second_use_ends_no_login(story):
    token = (await story.desk.connect_link(GOOGLE, "U0ANNA000")).rpartition("/")[2]
    trips = [await story.way_back(await story.door.connect(token)) for _ in range(2)]
    first, second = [await story.door.finish(GOOGLE, *trip) for trip in trips]

    assert (Ending.CHOOSE, Ending.FAILED) == (first.ending, second.ending)
    with pytest.raises(NotFound):
        await story.door.connect(token)
    (connection,) = await story.door.choose(first.connect.token, [EMEA])
    with pytest.raises(NotFound):
        await story.door.choose(first.connect.token, [AMERICAS])
    assert "" == await story.watch.check(connection.connection)
