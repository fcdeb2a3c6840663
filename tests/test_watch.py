"""Watching: a loss is noticed once, told for what it is, and heals by itself where nobody needs to log in."""

import asyncio
from datetime import timedelta

import pytest
from practice_story import ADA, GOOGLE, SALESFORCE, sqlite_only, telling

from bot.connection import Reach, Status
from bot.errors import AccessDenied, AuthorizationLost, TryLater
from bot.intents import KNOWN_LOST
from bot.memory import Work
from bot.pace import Pace
from platforms import open_gateways
from sandbox.faults import Fault, Kind
from sandbox.google_ads import AMERICAS, EMEA, MANAGER
from storage import new_key, open_memory

CHECK_EVERY = timedelta(minutes=5)


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        yield story


@pytest.fixture
async def google(story):
    """Acme EMEA and Acme Americas, loaded."""
    found = await story.connect(GOOGLE)
    await story.work()
    return found


@pytest.fixture
async def salesforce(story):
    (found,) = await story.connect(SALESFORCE)
    await story.work()
    return found


async def statuses(story):
    return [connection.status for connection in await story.connections()]


async def heals(story, outage_id, **amount):
    """Let so much time pass, and everything due be done: whether the outage ended confirmed."""
    await story.pass_by(**amount)
    return (await story.outage(outage_id)).caught_up_at is not None


# One loss, one outage


async def test_eight_accounts_that_see_the_loss_at_once_are_one_outage(story):
    for number in range(6):
        story.world.google_ads.add_account(f"400000000{number}", f"Acme {number}", ADA, under=MANAGER, ads=1)
    connections = await story.connect(GOOGLE)
    await story.work(Work.MOVE)
    story.world.google_ads.revoke()
    story.clock.advance(hours=2)
    moving = await story.workers[Work.MOVE].claim(50)
    probed = await story.workers[Work.CHECK].claim(50)
    await asyncio.gather(
        *(story.workers[Work.MOVE].run(each) for each in moving),
        *(story.workers[Work.CHECK].run(each) for each in probed),
    )

    assert (16, 8) == (len(moving), len(probed))
    (outage,) = await story.outages()
    assert {c.id for c in connections} == set(outage.connection_ids)
    assert (Reach.GRANT, "AuthorizationLost", "invalid_grant") == (outage.reach, outage.remedy, outage.cause.code)
    assert ["disconnected"] == [event.what for event in outage.timeline]
    assert {Status.AUTHORIZATION_REQUIRED} == set(await statuses(story))
    assert 0 == await story.work(Work.MOVE, Work.CHECK, Work.RENEW)
    await story.work(Work.SAY)
    assert 1 == len(story.posts())


async def test_a_loss_that_is_seen_again_and_again_is_told_once(story, salesforce):
    story.world.salesforce.oauth.change_secret("another")
    story.world.salesforce.expire_sessions()
    for _ in range(3):
        await story.pass_by(Work.CHECK, minutes=6)

    (outage,) = await story.outages()
    assert ["disconnected"] == [event.what for event in outage.timeline]


@sqlite_only
async def test_the_first_refused_token_is_no_loss(story, google):
    story.world.google_ads.oauth.expire_access_tokens()
    await story.pass_by(minutes=6)

    assert [] == await story.outages()
    assert 1 == story.asked(GOOGLE)


@sqlite_only
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": Kind.STATUS, "status": 500},
        {"kind": Kind.STATUS, "status": 429},
        {"kind": Kind.HTML, "status": 403},
        {"kind": Kind.HTML, "status": 401},
        {"kind": Kind.GARBAGE},
        {"kind": Kind.EMPTY},
        {"kind": Kind.RESET},
        {"kind": Kind.DROP},
        {"kind": Kind.REDIRECT},
    ],
    ids=lambda f: f"{f['kind']}-{f.get('status', '')}",
)
async def test_what_passes_by_itself_wakes_nobody(story, salesforce, fault):
    """At the API and at the token endpoint alike."""
    story.world.salesforce.expire_sessions()
    story.world.salesforce.faults.add(Fault(times=None, **fault))
    await story.touchpoints(1)
    for _ in range(5):
        await story.pass_by(minutes=5)

    assert [] == await story.outages()
    assert [Status.CONNECTED] == await statuses(story)

    story.world.salesforce.faults.clear()
    await story.pass_by(minutes=5)
    assert 1 == len(story.world.salesforce.records())


@sqlite_only
async def test_a_revoked_login_is_seen_within_two_check_intervals_and_two_seconds(story, google):
    """Nothing else is due: only the probe can see it. Seconds pass one by one, as the tick sees them."""
    async with story.memory.begin() as tx:
        for connection in google:
            for transfer in await tx.transfers.claim(story.clock() + timedelta(days=1), 9, "nobody", CHECK_EVERY * 9):
                assert transfer.connection_id in {c.id for c in google}, connection
    await story.pass_by(Work.CHECK, minutes=6)
    story.world.google_ads.revoke()
    revoked = story.clock()
    while not await story.outages():
        await story.pass_by(Work.CHECK, seconds=1)
    (outage,) = await story.outages()

    assert outage.opened_at - revoked <= 2 * CHECK_EVERY + timedelta(seconds=2)


def test_probes_are_spread_and_pauses_grow_to_their_limit():
    pace = Pace(CHECK_EVERY, timedelta(minutes=5))
    spread = {pace.next_check() for _ in range(200)}
    assert CHECK_EVERY * 0.9 <= min(spread) < max(spread) <= CHECK_EVERY * 1.1
    assert all(pace.back_off(1, None) <= timedelta(seconds=1) for _ in range(50))
    assert all(timedelta(minutes=2.5) <= pace.back_off(99, None) <= timedelta(minutes=5) for _ in range(50))
    assert timedelta(hours=1) == pace.back_off(1, timedelta(hours=1))


# One account


async def test_an_account_that_is_taken_away_is_an_outage_of_its_own_and_its_sibling_goes_on(story, google):
    emea, americas = google
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(hours=1, minutes=1)

    (outage,) = await story.outages()
    assert (Reach.ACCOUNT, "AccessDenied", (americas.id,)) == (outage.reach, outage.remedy, outage.connection_ids)
    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.AUTHORIZATION_REQUIRED] == await statuses(story)
    assert story.clock() == (await story.connection(emea.id)).last_data_at

    story.world.google_ads.give_back(AMERICAS)
    assert await heals(story, outage.id, minutes=6)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)
    assert 1 == len(story.posts())


async def test_an_account_that_is_taken_away_while_its_login_catches_up_lets_its_sibling_finish(story, google):
    emea, americas = google
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    await story.reauthorize(GOOGLE, outage.id)
    story.world.google_ads.withdraw(AMERICAS)
    await story.work()

    first, second = sorted(await story.outages(), key=lambda o: o.reach is Reach.ACCOUNT)
    assert ((emea.id,), True) == (first.connection_ids, first.caught_up_at is not None)
    assert ((americas.id,), None, "AccessDenied") == (second.connection_ids, second.closed_at, second.remedy)
    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.AUTHORIZATION_REQUIRED] == await statuses(story)
    assert ["disconnected", "reauthorized", "partly", "caught_up"] == [e.what for e in first.timeline]

    story.world.google_ads.give_back(AMERICAS)
    assert await heals(story, second.id, minutes=6)


@sqlite_only
async def test_one_account_that_loses_its_access_while_catching_up_reopens_its_outage(story, salesforce):
    story.world.salesforce.revoke()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    await story.touchpoints(1)
    await story.reauthorize(SALESFORCE, outage.id)
    story.world.salesforce.withdraw_access()
    await story.work()

    (again,) = await story.outages()
    assert ("AccessDenied", None) == (again.remedy, again.reauthorized_at)
    assert ["disconnected", "reauthorized", "reopened"] == [e.what for e in again.timeline]
    story.world.salesforce.give_access_back()
    assert await heals(story, outage.id, minutes=6)


@sqlite_only
async def test_an_account_without_access_keeps_its_outage_when_the_login_is_lost_too(story, google):
    """And one login heals both: no outage is left behind."""
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(minutes=6)
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    login, account = await story.outages(open_only=True)
    assert [(google[0].id,), (google[1].id,)] == [login.connection_ids, account.connection_ids]
    assert "AccessDenied" == account.remedy

    story.world.google_ads.give_back(AMERICAS)
    await story.reauthorize(GOOGLE, login.id)
    await story.work()

    assert [] == await story.outages(open_only=True)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)


@sqlite_only
async def test_an_account_without_access_says_so_when_its_login_is_lost_and_nobody_else_would(story, salesforce):
    """The only account of its login: giving the rights back would not help any more."""
    story.world.salesforce.withdraw_access()
    await story.pass_by(minutes=6)
    story.world.salesforce.revoke()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AuthorizationLost", "invalid_grant") == (outage.remedy, outage.cause.code)


# The operator's matters


async def test_a_wrong_client_secret_is_the_operators_matter_and_heals_when_put_right(story, google):
    right = story.settings.platforms[GOOGLE]["client_secret"]
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.oauth.expire_access_tokens()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("Misconfigured", Reach.GRANT, 2) == (outage.remedy, outage.reach, len(outage.connection_ids))
    assert (await story.grant(google[0])).lost_at is None

    story.world.google_ads.oauth.change_secret(right)
    assert await heals(story, outage.id, minutes=6)
    assert "" == (await story.outage(outage.id)).reauthorized_by
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)


@sqlite_only
async def test_a_token_that_still_works_does_not_hide_that_the_client_is_refused(story, google):
    """Noticed when refreshing ahead. Were the probe enough, the outage would heal and open again for ever."""
    story.world.google_ads.oauth.change_secret("another")
    await story.pass_by(minutes=45)
    await story.pass_by(minutes=6)
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ["disconnected"] == [e.what for e in outage.timeline]


@sqlite_only
async def test_a_login_that_dies_while_the_client_is_refused_asks_for_a_new_login(story, google):
    right = story.settings.platforms[GOOGLE]["client_secret"]
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    story.world.google_ads.oauth.change_secret(right)
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AuthorizationLost", "invalid_grant") == (outage.remedy, outage.cause.code)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    assert (await story.outage(outage.id)).caught_up_at


async def test_a_login_that_the_token_endpoint_denies_is_one_outage_for_all_it_carries(story, salesforce):
    """A deactivated user: nobody needs to log in, an administrator must act."""
    story.world.salesforce.deactivate()
    await story.pass_by(minutes=6)

    (outage,) = await story.outages()
    assert ("AccessDenied", Reach.GRANT, "inactive_user") == (outage.remedy, outage.reach, outage.cause.code)
    story.world.salesforce.reactivate()
    assert await heals(story, outage.id, minutes=6)


@sqlite_only
async def test_a_denial_at_the_token_endpoint_is_noticed_by_the_refresh_ahead(story, salesforce):
    story.world.salesforce.deactivate()
    await story.pass_by(Work.RENEW, minutes=80)

    (outage,) = await story.outages()
    assert "inactive_user" == outage.cause.code


async def test_a_missing_key_is_told_once_and_its_logins_live_again_when_it_is_back(
    story, google, database_url, keys, clock
):
    without = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    other = type(story)(story.world, without, story.gateways, clock)
    await other.pass_by(minutes=6)
    (outage,) = await other.outages()
    assert ("key_lost", 2) == (outage.cause.code, len(outage.connection_ids))
    await other.watch.unlock()
    assert (await other.grant(google[0])).lost_at
    await without.close()

    await story.watch.unlock()
    await story.work()
    assert (await story.outage(outage.id)).caught_up_at
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)


@sqlite_only
async def test_connections_of_a_platform_that_was_switched_off_are_left_alone(story, google, clock):
    off = open_gateways({}, timeout=timedelta(seconds=2), now=clock)
    other = type(story)(story.world, story.memory, off, clock)
    await other.pass_by(hours=3)
    await off.aclose()

    assert [] == await other.outages()
    assert (await story.grant(google[0])).refresh_started_at is None
    await story.pass_by(hours=3)
    assert story.clock() == (await story.connection(google[0].id)).last_data_at


# Paused ones


async def test_a_paused_connection_is_neither_probed_nor_told_of_and_its_resume_tells(story, salesforce):
    await story.desk.pause(salesforce.id, "U0ANNA000")
    calls = story.world.salesforce.ledger.count("api")
    story.world.salesforce.revoke()
    await story.pass_by(hours=3)
    assert [] == await story.outages()
    assert calls == story.world.salesforce.ledger.count("api")

    await story.desk.resume(salesforce.id, "U0ANNA000")
    await story.work()
    (outage,) = await story.outages()
    assert (salesforce.id,) == outage.connection_ids
    assert 1 == len(story.posts())


@sqlite_only
async def test_a_paused_account_whose_login_was_lost_meanwhile_joins_the_outage_there_is(story, google):
    emea, americas = google
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.desk.resume(americas.id, "U0ANNA000")

    (outage,) = await story.outages()
    assert (emea.id, americas.id) == outage.connection_ids
    assert ["disconnected", "joined"] == [e.what for e in outage.timeline]


@sqlite_only
async def test_a_paused_account_is_well_again_when_its_login_is(story, google):
    """Else its resume would tell of a loss that is over."""
    americas = google[1]
    right = story.settings.platforms[GOOGLE]["client_secret"]
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.oauth.change_secret("another")
    story.world.google_ads.oauth.expire_access_tokens()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    story.world.google_ads.oauth.change_secret(right)
    assert await heals(story, outage.id, minutes=6)

    assert [Status.CONNECTED_WITH_AUTOTAGGING, Status.DISCONNECTED] == await statuses(story)
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()
    assert 1 == len(await story.outages())


@sqlite_only
async def test_an_account_that_was_paused_because_it_had_no_access_is_asked_anew_on_resume(story, google):
    """The login is alive, so nothing may be said of a login that died."""
    americas = google[1]
    story.world.google_ads.withdraw(AMERICAS)
    await story.pass_by(minutes=6)
    await story.desk.pause(americas.id, "U0ANNA000")
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()

    (outage,) = await story.outages(open_only=True)
    assert ("AccessDenied", Reach.ACCOUNT) == (outage.remedy, outage.reach)
    await story.desk.pause(americas.id, "U0ANNA000")
    story.world.google_ads.give_back(AMERICAS)
    await story.desk.resume(americas.id, "U0ANNA000")
    await story.work()
    assert [] == await story.outages(open_only=True)
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)


# Late refusals, late accounts


async def test_a_refusal_of_older_tokens_says_nothing_about_newer_ones(story, google):
    await story.refresher.renewed(google[0].grant_id, 1)
    await story.watch.losses.lost(google[0].grant_id, 1, AuthorizationLost(KNOWN_LOST))
    await story.watch.losses.denied(google[0], AccessDenied(KNOWN_LOST), 1)

    assert [] == await story.outages()
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await statuses(story)


async def test_an_account_connected_during_the_catch_up_is_in_the_outage_when_the_login_drops_again(story):
    (emea,) = await story.connect(GOOGLE, accounts=[EMEA])
    await story.work()
    story.world.google_ads.revoke()
    await story.pass_by(minutes=6)
    (outage,) = await story.outages()
    await story.reauthorize(GOOGLE, outage.id)
    both = await story.connect(GOOGLE)
    story.world.google_ads.revoke()
    await story.work()

    (again,) = await story.outages()
    assert {c.id for c in both} == set(again.connection_ids)
    assert emea.id in again.connection_ids
    assert 1 == len([e for e in again.timeline if e.what == "reopened"])


@sqlite_only
async def test_a_database_that_cannot_be_written_leaves_the_loss_for_the_next_call(story, salesforce):
    from practice_story import Trouble

    disk = Trouble(story.memory)
    watch = type(story.watch)(disk, story.gateways, story.refresher, story.app.routes, story.app.pace, story.clock)
    story.world.salesforce.revoke()
    disk.next_writes_fail()
    with pytest.raises(TryLater):
        async with watch.using(salesforce) as fetch:
            await story.gateways[SALESFORCE].platform.probe(fetch, salesforce.account)
    assert [] == await story.outages()
    await story.pass_by(Work.CHECK, minutes=6)
    assert 1 == len(await story.outages())
