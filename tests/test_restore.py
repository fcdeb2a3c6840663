"""Letting a login in: proven first, swapped in one step, and nothing half done on a bad day."""

import asyncio
from datetime import timedelta

from practice_story import ADA, BEN, CLEO, GOOGLE, SALESFORCE, Trouble, sqlite_only

from bot.memory.memory import Work
from bot.people.people import Ending
from bot.reauthorize import patience
from bot.reauthorize.door import Doorway
from bot.reauthorize.reauthorize import Consents, Reauthorize, in_words
from bot.reauthorize.restore import Restore
from bot.words.connection import Cause, Reach, Status
from bot.words.errors import AuthorizationLost, Refused
from bot.words.tenant import Tenant
from sandbox.faults import Fault, Kind
from sandbox.google_ads import AMERICAS, EMEA
from storage import new_key, open_memory


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
    trip = await story.leave_for(outage.id, allow=False)
    assert [Ending.DECLINED, Ending.UNKNOWN] == [(await story.door.finish(SALESFORCE, *trip)).ending for _ in range(2)]

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
    assert "leave all boxes ticked" in told.why
    assert ["disconnected"] == events(await story.outage(outage.id))


# Bad days


def test_why_a_login_failed_is_said_with_its_cure_and_the_platform_s_own_word():
    cause = Cause("190.463", "The login ran out.", "Log in again.", "vendor")
    assert "The login ran out. Log in again. (190.463)" == in_words(AuthorizationLost(cause))
    assert "no" == in_words(Refused("no", code="x"))


@sqlite_only
async def test_a_database_that_cannot_be_written_leaves_everything_as_it_was(story, clock, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 0)
    (connection,), outage = await lost(story, SALESFORCE)
    disk = Trouble(story.memory)
    restore = Restore(disk, story.gateways, clock, timedelta(minutes=15))
    consents = Consents(disk, story.gateways, Tenant("", "http://127.0.0.1:8080"), clock)
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
