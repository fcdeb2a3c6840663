"""Watching: a loss is noticed once, told for what it is, and heals by itself where nobody needs to log in."""

import asyncio
from datetime import timedelta

import pytest
from practice_story import ADA, GOOGLE, SALESFORCE, sqlite_only, token_fault
from structlog.testing import capture_logs

from bot.logins.intents import KNOWN_LOST
from bot.memory.memory import Work
from bot.words.connection import Reach, Status
from bot.words.errors import AccessDenied, AuthorizationLost, TryLater
from bot.words.pace import Pace
from sandbox.faults import Fault, Kind
from sandbox.google_ads import EMEA, MANAGER

CHECK_EVERY = timedelta(minutes=5)


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
    assert {Status.AUTHORIZATION_REQUIRED} == set(await story.statuses())
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
    assert [Status.CONNECTED] == await story.statuses()

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


# Late refusals, late accounts


async def test_a_refusal_of_older_tokens_says_nothing_about_newer_ones(story, google):
    await story.refresher.renewed(google[0].grant_id, 1)
    await story.watch.losses.lost(google[0].grant_id, 1, AuthorizationLost(KNOWN_LOST))
    await story.watch.losses.denied(google[0], AccessDenied(KNOWN_LOST), 1)

    assert [] == await story.outages()
    assert [Status.CONNECTED_WITH_AUTOTAGGING] * 2 == await story.statuses()


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


@sqlite_only
async def test_why_a_refresh_was_put_off_is_in_the_log(story, google):
    token_fault(story, GOOGLE, Kind.STATUS)
    story.clock.at = (await story.grant(google[0])).expires_at - timedelta(minutes=10)
    with capture_logs() as lines:
        await story.work(Work.RENEW)
    (told,) = [line for line in lines if line["event"] == "refresh put off"]
    assert (GOOGLE, google[0].grant_id) == (told["platform"], told["grant"])
    assert "503" in told["why"]
