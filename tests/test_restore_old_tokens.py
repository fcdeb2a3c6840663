"""Renewing a login that still works, or without a refresh token: what is kept, and which token is given back."""

from dataclasses import replace
from datetime import timedelta

from practice_story import ADA, BEN, CLEO, GOOGLE, SALESFORCE, Trouble, sqlite_only

from bot.memory.memory import Work
from bot.people.people import Ending
from bot.reauthorize.restore import Restore
from bot.words.connection import Secret, Status
from sandbox.faults import Fault, Kind


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


@sqlite_only
async def test_of_tokens_that_are_not_wanted_only_those_in_use_are_kept_whoever_they_are_of(story, clock):
    (connection,) = await story.connect(SALESFORCE)
    restore = Restore(story.memory, story.gateways, clock, timedelta(minutes=15))
    held, ada = await story.tokens(connection), (await story.grant(connection)).identity
    await restore.discard(SALESFORCE, held, ada)
    await restore.discard(SALESFORCE, replace(held, refresh_token=None), ada)
    assert 0 == story.world.salesforce.ledger.count("revoke_request")

    await restore.discard(SALESFORCE, replace(held, refresh_token=Secret("another of hers")), ada)
    await restore.discard(SALESFORCE, replace(held, refresh_token=Secret("of nobody knows whom")), None)
    assert 2 == story.world.salesforce.ledger.count("revoke_request")


@sqlite_only
async def test_a_token_that_is_not_wanted_waits_for_its_platform_and_is_left_alone_where_that_cannot_be_noted(
    story, clock
):
    (connection,) = await story.connect(SALESFORCE)
    disk = Trouble(story.memory)
    restore = Restore(disk, story.gateways, clock, timedelta(minutes=15))
    unwanted = replace(await story.tokens(connection), refresh_token=Secret("another of hers"))
    ada = (await story.grant(connection)).identity
    story.world.salesforce.faults.add(Fault(match="revoke", status=503, times=2))
    disk.next_writes_fail()
    for _ in range(2):
        await restore.discard(SALESFORCE, unwanted, ada)
        assert 0 == story.world.salesforce.ledger.count("revoke_request")

    assert 1 == len(await story.app.revoke.claim(9))
