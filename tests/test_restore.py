"""Letting a login in: proven first, swapped in one step, and what was not wanted is given back."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_story import ADA, BEN, CLEO, GOOGLE, SALESFORCE, Trouble, sqlite_only, telling

from bot.connection import Reach, Status
from bot.door import Doorway
from bot.memory import Work
from bot.people import Ending, NotFound
from bot.reauthorize import Consents, Reauthorize
from bot.restore import Restore
from sandbox.faults import Fault, Kind
from sandbox.google_ads import AMERICAS, EMEA
from storage import new_key, open_memory


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        yield story


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


def revoked(story, platform, person):
    return story.sandbox(platform).ledger.count("grant.revoked", person=person)


# The way back


async def test_of_eight_callbacks_with_one_state_one_counts(story):
    _, outage = await lost(story, SALESFORCE)
    params, browser = await story.leave_for(outage.id)
    endings = await asyncio.gather(*(story.door.finish(SALESFORCE, params, browser) for _ in range(8)))

    assert sorted([Ending.RESTORED, *[Ending.UNKNOWN] * 7]) == sorted(each.ending for each in endings)
    assert 2 == story.asked(SALESFORCE, "authorization_code")


@sqlite_only
async def test_only_the_browser_that_left_may_come_back_in_time_and_to_the_right_place(story):
    _, outage = await lost(story, GOOGLE)
    params, browser = await story.leave_for(outage.id)
    wrong = [
        (GOOGLE, params, "another browser"),
        (GOOGLE, params, None),
        (SALESFORCE, params, browser),
        ("no_such_platform", params, browser),
        (GOOGLE, params | {"iss": "https://evil.example"}, browser),
        (GOOGLE, params | {"state": params["state"][:-1]}, browser),
        (GOOGLE, {k: v for k, v in params.items() if k != "state"}, browser),
    ]
    for attempt in wrong:
        assert Ending.UNKNOWN == (await story.door.finish(*attempt)).ending
    assert 1 == story.asked(GOOGLE, "authorization_code")
    assert Ending.RESTORED == (await story.door.finish(GOOGLE, params, browser)).ending

    params, browser = await story.leave_for(outage.id)
    story.clock.advance(minutes=10)
    assert Ending.UNKNOWN == (await story.door.finish(GOOGLE, params, browser)).ending


@sqlite_only
async def test_a_person_who_says_no_is_told_apart_from_a_platform_that_does(story):
    _, outage = await lost(story, SALESFORCE)
    declined = await story.reauthorize(SALESFORCE, outage.id, allow=False)
    assert Ending.DECLINED == declined.ending

    for odd in ({"error": "server_error"}, {"error": "OAUTH_APP_BLOCKED"}, {}):
        params, browser = await story.leave_for(outage.id)
        failed = await story.door.finish(SALESFORCE, {"state": params["state"], **odd}, browser)
        assert (Ending.FAILED, outage.id) == (failed.ending, failed.ref)
        assert odd.get("error", "no login code") in failed.why

    assert ["disconnected", "declined"] == events(await story.outage(outage.id))
    assert Ending.RESTORED == (await story.reauthorize(SALESFORCE, outage.id)).ending


@sqlite_only
async def test_a_code_that_the_platform_refuses_changes_nothing(story):
    (connection,), outage = await lost(story, SALESFORCE)
    params, browser = await story.leave_for(outage.id)
    failed = await story.door.finish(SALESFORCE, params | {"code": "made-up"}, browser)

    assert Ending.FAILED == failed.ending
    assert (await story.grant(connection)).lost_at
    assert "made-up" not in failed.why


# Who it is, and what they reach


async def test_one_login_brings_back_everything_it_carried(story):
    connections, outage = await lost(story, GOOGLE)
    told = await story.reauthorize(GOOGLE, outage.id)

    assert (Ending.RESTORED, ADA) == (told.ending, told.used_login)
    assert {AMERICAS, EMEA} == {account.id for account in told.accounts}
    assert [Status.CATCHING_UP] * 2 == [c.status for c in await story.connections()]
    assert [c.id for c in connections] == [c.id for c in await story.connections()]
    grant = await story.grant(connections[0])
    assert (None, 2) == (grant.lost_at, grant.generation)
    await story.work()
    assert ["disconnected", "reauthorized", "caught_up"] == events(await story.outage(outage.id))


async def test_a_login_that_does_not_reach_the_account_is_refused_and_given_back(story):
    (connection,), outage = await lost(story, SALESFORCE)
    before = await story.grant(connection)
    told = await story.reauthorize(SALESFORCE, outage.id, CLEO)

    assert (Ending.WRONG_ACCOUNT, CLEO, ADA) == (told.ending, told.used_login, told.expected_login)
    assert ["Acme"] == [account.name for account in told.accounts]
    assert before == await story.grant(connection)
    assert 1 == revoked(story, SALESFORCE, CLEO)
    assert "wrong_account" in events(await story.outage(outage.id))
    await story.work(Work.SAY)
    assert 1 == len([said for said in story.replies() if "cleo" in said])


@sqlite_only
async def test_a_login_that_reaches_nothing_at_all_is_a_wrong_one(story):
    """Cleo has no Google Ads account."""
    _, outage = await lost(story, GOOGLE)
    assert Ending.WRONG_ACCOUNT == (await story.reauthorize(GOOGLE, outage.id, CLEO)).ending
    assert 1 == revoked(story, GOOGLE, CLEO)


async def test_another_person_may_take_over_and_the_old_login_is_given_back(story):
    (connection,) = await story.connect(SALESFORCE)
    await story.work()
    old = await story.grant(connection)
    told = await story.reauthorize(SALESFORCE, connection.id, BEN)
    await story.work()

    after = await story.connection(connection.id)
    assert (Ending.RESTORED, BEN, connection.id) == (told.ending, after.login, after.id)
    assert old.id != after.grant_id
    async with story.memory.read() as tx:
        assert await tx.grants.tokens(old.id) is None
    assert (1, 0) == (revoked(story, SALESFORCE, ADA), revoked(story, SALESFORCE, BEN))
    assert [] == await story.outages()


async def test_a_login_that_reaches_only_some_heals_those_and_the_others_go_on_alone(story):
    (americas, emea), outage = reversed_(await lost(story, GOOGLE))
    story.world.google_ads.oauth.people[BEN].accounts.append(EMEA)
    told = await story.reauthorize(GOOGLE, outage.id, BEN)

    assert (Ending.PARTLY, [EMEA], [AMERICAS]) == (told.ending, ids(told.accounts), ids(told.missing))
    await story.work()
    healed, alone = await story.outage(outage.id), (await story.outages(open_only=True))[0]
    assert ["disconnected", "partly", "reauthorized", "caught_up"] == events(healed)
    assert (emea.id,) == healed.connection_ids
    assert ((americas.id,), Reach.ACCOUNT, "AuthorizationLost") == (alone.connection_ids, alone.reach, alone.remedy)
    assert (await story.grant(americas)).lost_at

    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, alone.id)).ending
    await story.work()
    assert [] == await story.outages(open_only=True)
    assert [BEN, ADA] == [c.login for c in await story.connections()]


def ids(accounts):
    return sorted(account.id for account in accounts)


def reversed_(found):
    connections, outage = found
    return connections[::-1], outage


async def test_a_login_that_lives_again_without_one_of_its_accounts_asks_for_access_there(story):
    """Logging in once more would not help: an administrator must act, and then it heals by itself."""
    (emea, americas), outage = await lost(story, GOOGLE)
    story.world.google_ads.withdraw(AMERICAS)
    told = await story.reauthorize(GOOGLE, outage.id)
    await story.work()

    (alone,) = await story.outages(open_only=True)
    assert (Ending.PARTLY, (americas.id,)) == (told.ending, alone.connection_ids)
    assert ("AccessDenied", "no_access") == (alone.remedy, alone.cause.code)
    assert emea.id not in alone.connection_ids
    story.world.google_ads.give_back(AMERICAS)
    await story.pass_by(minutes=6)
    assert [] == await story.outages(open_only=True)


@sqlite_only
async def test_a_login_that_reaches_only_a_paused_account_heals_nothing(story):
    (emea, americas) = await story.connect(GOOGLE)
    await story.work()
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.revoke()
    await story.pass_by(Work.CHECK, minutes=6)
    (outage,) = await story.outages()
    story.world.google_ads.oauth.people[BEN].accounts.append(AMERICAS)

    assert Ending.WRONG_ACCOUNT == (await story.reauthorize(GOOGLE, outage.id, BEN)).ending
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, outage.id)).ending
    statuses = [c.status for c in await story.connections()]
    assert [Status.CATCHING_UP, Status.DISCONNECTED] == statuses
    assert emea.id


@sqlite_only
async def test_a_consent_without_the_box_that_matters_says_which(story):
    _, outage = await lost(story, GOOGLE)
    unticked = ("https://www.googleapis.com/auth/adwords",)
    told = await story.reauthorize(GOOGLE, outage.id, without_scopes=unticked)

    assert Ending.FAILED == told.ending
    assert "box" in told.why
    assert ["disconnected"] == events(await story.outage(outage.id))


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


# Healthy connections, old tokens


@sqlite_only
async def test_a_healthy_connection_may_be_renewed_and_its_old_token_is_given_back(story):
    (connection,) = await story.connect(SALESFORCE)
    old = await story.tokens(connection)
    assert Ending.RESTORED == (await story.reauthorize(SALESFORCE, connection.id)).ending
    await story.work()

    assert old.refresh_token != (await story.tokens(connection)).refresh_token
    assert 1 == len(list(story.world.salesforce.oauth.grants.alive(ADA)))
    assert [] == await story.outages()
    assert Status.CONNECTED == (await story.connection(connection.id)).status


@sqlite_only
async def test_renewing_at_google_revokes_nothing(story):
    connection = (await story.connect(GOOGLE))[0]
    await story.reauthorize(GOOGLE, connection.id)
    await story.work()

    assert 0 == story.world.google_ads.ledger.count("revoke_request")
    assert "" == await story.watch.check(await story.connection(connection.id))


@sqlite_only
async def test_a_wrong_login_at_google_is_not_given_back_where_it_carries_other_accounts(story):
    _, outage = await lost(story, GOOGLE)
    (shoes,) = await story.connect(GOOGLE, BEN)
    assert Ending.WRONG_ACCOUNT == (await story.reauthorize(GOOGLE, outage.id, BEN)).ending

    assert 0 == revoked(story, GOOGLE, BEN)
    assert "" == await story.watch.check(shoes)


@sqlite_only
async def test_a_revocation_that_had_to_wait_does_not_end_what_was_granted_since(story):
    """Ben used the wrong login while Google took no revocations, and then connected his own account."""
    _, outage = await lost(story, GOOGLE)
    fault = story.world.google_ads.faults.add(Fault(match="revoke", kind=Kind.STATUS, times=None))
    await story.reauthorize(GOOGLE, outage.id, BEN)
    (shoes,) = await story.connect(GOOGLE, BEN)
    story.world.google_ads.faults.remove(fault)
    await story.pass_by(minutes=10)

    assert 0 == revoked(story, GOOGLE, BEN)
    assert "" == await story.watch.check(shoes)
    async with story.memory.begin() as tx:
        assert [] == await tx.revocations.claim(story.clock() + timedelta(days=1), 9)


@sqlite_only
async def test_a_revocation_is_repeated_until_the_platform_has_taken_it(story):
    _, outage = await lost(story, SALESFORCE)
    story.world.salesforce.faults.add(Fault(match="revoke", kind=Kind.STATUS, times=2))
    await story.reauthorize(SALESFORCE, outage.id, CLEO)
    assert 0 == revoked(story, SALESFORCE, CLEO)
    for _ in range(2):
        await story.pass_by(Work.REVOKE, minutes=6)

    assert 1 == revoked(story, SALESFORCE, CLEO)


@sqlite_only
async def test_a_hiccup_while_a_healthy_login_is_renewed_does_not_end_it(story):
    """Nobody knows yet whose the new tokens are, so at Google nothing may be revoked."""
    (connection, _) = await story.connect(GOOGLE)
    params, browser = await story.leave_for(connection.id)
    story.world.google_ads.faults.add(Fault(match="userinfo", kind=Kind.STATUS))
    assert Ending.FAILED == (await story.door.finish(GOOGLE, params, browser)).ending
    params, browser = await story.leave_for(connection.id)
    story.world.google_ads.faults.add(Fault(match="listAccessible", kind=Kind.STATUS))
    assert Ending.FAILED == (await story.door.finish(GOOGLE, params, browser)).ending

    assert 0 == story.world.google_ads.ledger.count("revoke_request")
    assert "" == await story.watch.check(connection)


# A login without a refresh token


@sqlite_only
async def test_a_consent_without_a_refresh_token_goes_on_with_the_one_there_is(story):
    """As at Google without prompt=consent."""
    connection = (await story.connect(GOOGLE))[0]
    old = await story.tokens(connection)
    told = await story.reauthorize(GOOGLE, connection.id, without=("prompt",))
    new = await story.tokens(connection)

    assert Ending.RESTORED == told.ending
    assert old.refresh_token == new.refresh_token
    assert old.access_token != new.access_token
    assert 3 == (await story.refresher.renewed(connection.grant_id, 2)).generation


async def test_a_consent_without_a_refresh_token_is_refused_where_the_old_login_is_dead(story):
    """It would be lost again within the hour. Giving it back makes Google ask anew, so the next try brings one."""
    (connection, _) = await story.connect(GOOGLE)
    story.world.google_ads.change_password()
    await story.pass_by(Work.CHECK, minutes=6)
    (outage,) = await story.outages()
    told = await story.reauthorize(GOOGLE, outage.id, without=("prompt",))

    assert Ending.FAILED == told.ending
    assert "refresh token" in told.why
    assert (await story.grant(connection)).lost_at
    assert ["disconnected"] == events(await story.outage(outage.id))
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, outage.id)).ending


@sqlite_only
async def test_a_login_that_cannot_be_refreshed_but_lives_long_is_taken(story, clock):
    (connection, _) = await story.connect(GOOGLE)
    restore = Restore(story.memory, story.gateways, clock, timedelta(minutes=15))
    bare = replace(await story.tokens(connection), refresh_token=None, expires_at=clock() + timedelta(days=60))
    proof = await restore.prove(GOOGLE, bare)
    async with story.memory.begin() as tx:
        await tx.grants.forget(connection.grant_id)
        taken = await restore.adopt(tx, GOOGLE, proof)
        assert (await tx.grants.tokens(taken.id)).refresh_token is None


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


# Bad days


@sqlite_only
async def test_a_database_that_cannot_be_written_leaves_everything_as_it_was(story, clock):
    (connection,), outage = await lost(story, SALESFORCE)
    disk = Trouble(story.memory)
    restore = Restore(disk, story.gateways, clock, timedelta(minutes=15))
    consents = Consents(disk, story.gateways, "http://127.0.0.1:8080", clock)
    reauthorize = Reauthorize(disk, story.gateways, story.app.facts, consents, restore, clock)
    door = Doorway(story.gateways, consents, reauthorize, None, None)
    params, browser = await story.leave_for(outage.id)
    disk.next_writes_fail(after=1)
    told = await door.finish(SALESFORCE, params, browser)

    assert Ending.FAILED == told.ending
    assert (await story.grant(connection)).lost_at
    assert [] == list(story.world.salesforce.oauth.grants.alive())
    assert Ending.RESTORED == (await story.reauthorize(SALESFORCE, outage.id)).ending


@sqlite_only
async def test_a_new_login_wins_over_a_refresh_under_way(story):
    (connection,) = await story.connect(SALESFORCE)
    story.world.salesforce.faults.add(Fault(match="token", kind=Kind.LATE, seconds=60))
    refreshing = asyncio.create_task(story.refresher.renewed(connection.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token.rotated")
    assert Ending.RESTORED == (await story.reauthorize(SALESFORCE, connection.id)).ending
    story.world.salesforce.faults.release()
    token = await refreshing
    await story.work()

    assert token.secret == (await story.tokens(connection)).access_token
    assert "" == await story.watch.check(connection)


async def test_revoking_everything_leaves_what_does_not_open(story, database_url, keys, clock):
    connection = (await story.connect(GOOGLE))[0]
    (salesforce,) = await story.connect(SALESFORCE)
    other = await open_memory(database_url, [new_key(["k1"]), *keys], on_due=None, now=clock)
    async with other.begin() as tx:
        await tx.grants.replace(
            await tx.grants.get(salesforce.grant_id), await tx.grants.tokens(salesforce.grant_id), clock()
        )
    await other.close()

    assert 1 == await story.app.revoke.everything()
    assert await story.tokens(connection) is None
    assert 1 == revoked(story, GOOGLE, ADA)
    assert {Status.AUTHORIZATION_REQUIRED, Status.CONNECTED} == {c.status for c in await story.connections()}
