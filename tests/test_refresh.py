"""Refreshing a login: one worker at a time, each token used while it lives, and a refusal counts for its own tokens only."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_story import ADA, GOOGLE, MARGIN, SALESFORCE, Trouble, rotten, sqlite_only, token_fault

from bot.logins.refresh import FreshTokens, GrantTokens, renew_at
from bot.memory.memory import SealBroken
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, TryLater
from sandbox.faults import Kind
from storage import new_key, open_memory


@pytest.fixture
async def google(story):
    return (await story.begin_with(GOOGLE))[0]


@pytest.fixture
async def salesforce(story):
    return (await story.begin_with(SALESFORCE))[0]


async def lost_with(refresher, connection, refused=1):
    with pytest.raises(AuthorizationLost) as caught:
        await refresher.renewed(connection.grant_id, refused)
    return caught.value.cause.code


async def test_fifty_callers_at_once_make_one_request(story, salesforce):
    tokens = await asyncio.gather(*(story.refresher.renewed(salesforce.grant_id, 1) for _ in range(50)))

    assert 1 == story.asked(SALESFORCE)
    assert {2} == {token.generation for token in tokens}
    assert 1 == len({token.secret.reveal() for token in tokens})


async def test_two_processes_at_once_make_one_request(story, salesforce, database_url, keys, clock):
    second = await open_memory(database_url, keys, on_due=None, now=clock)
    memory = second if "postgresql" in database_url else story.memory
    others = [story.refresher, story.another_refresher(memory)]
    tokens = await asyncio.gather(*(others[n % 2].renewed(salesforce.grant_id, 1) for n in range(20)))
    await second.close()

    assert 1 == story.asked(SALESFORCE)
    assert {2} == {token.generation for token in tokens}


@sqlite_only
async def test_whoever_holds_an_older_generation_just_gets_the_new_one(story, google):
    new = await story.refresher.renewed(google.grant_id, 1)
    late = await story.refresher.renewed(google.grant_id, 1)
    newer = await story.refresher.renewed(google.grant_id, 2)

    assert 2 == story.asked(GOOGLE)
    assert new == late
    assert 3 == newer.generation


@sqlite_only
async def test_a_transfer_reads_its_token_once_a_second_and_at_once_after_a_refusal(story, google):
    tokens = GrantTokens(story.refresher, google.grant_id, 1)
    first = await tokens.current()
    await story.another_refresher(story.memory).renewed(google.grant_id, 1)

    assert first == await tokens.current()
    assert 2 == (await tokens.renewed(1)).generation
    assert 2 == (await tokens.current()).generation

    await story.another_refresher(story.memory).renewed(google.grant_id, 2)
    story.clock.advance(seconds=1)
    assert 3 == (await tokens.current()).generation


@sqlite_only
async def test_a_refusal_of_a_newer_token_is_not_answered_by_a_refresh_about_an_older_one(story, google):
    """Both ask at once: one about the token of generation 1, one about that of generation 2."""
    older, newer = await asyncio.gather(
        story.refresher.renewed(google.grant_id, 1), story.refresher.renewed(google.grant_id, 2)
    )

    assert (2, 3) == (older.generation, newer.generation)


@sqlite_only
async def test_a_refusal_counts_only_for_the_tokens_it_is_about(story, salesforce):
    """While the old token was being refused, a person logged in: the new tokens are used."""
    token_fault(story, SALESFORCE, Kind.LATE, seconds=0.2)
    story.world.salesforce.revoke()
    refreshing = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token_request", grant_type="refresh_token")
    fresh = await story.tokens(salesforce)
    async with story.memory.begin() as tx:
        await tx.grants.replace(await tx.grants.get(salesforce.grant_id), fresh, story.clock())

    assert 2 == (await refreshing).generation


async def test_a_login_that_does_not_open_any_more_is_lost_and_left_as_it_is(story, google, database_url, keys, clock):
    other = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    assert "key_lost" == await lost_with(story.another_refresher(other), google)
    with pytest.raises(SealBroken):
        async with other.read() as tx:
            await tx.grants.tokens(google.grant_id)
    await other.close()

    assert (await story.tokens(google)).refresh_token
    assert 0 == story.asked(GOOGLE)


@sqlite_only
async def test_a_cancelled_caller_does_not_cancel_the_refresh(story, salesforce):
    token_fault(story, SALESFORCE, Kind.LATE, seconds=0.2)
    caller = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token.rotated")
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await story.refresher.drain()

    grant = await story.grant(salesforce)
    assert (2, None) == (grant.generation, grant.refresh_started_at)
    assert 1 == story.asked(SALESFORCE)


@sqlite_only
async def test_draining_ends_in_time_and_leaves_the_intent_for_the_next_process(story, salesforce):
    token_fault(story, SALESFORCE, Kind.HANG)
    caller = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("fault")
    async with asyncio.timeout(1):  # the request would take two
        await story.refresher.drain(within=0.01)

    assert (await story.grant(salesforce)).refresh_started_at
    story.world.salesforce.faults.clear()
    with pytest.raises(TryLater):
        await caller


@sqlite_only
async def test_a_login_that_is_known_to_be_lost_is_never_tried_again(story, salesforce):
    story.world.salesforce.revoke()
    assert "invalid_grant" == await lost_with(story.refresher, salesforce)
    async with story.memory.begin() as tx:
        await tx.grants.mark_lost(await tx.grants.get(salesforce.grant_id), story.clock())

    assert "known_lost" == await lost_with(story.refresher, salesforce)
    with pytest.raises(AuthorizationLost):
        await story.refresher.current(salesforce.grant_id)
    assert 1 == story.asked(SALESFORCE)


@sqlite_only
async def test_a_definite_refusal_leaves_no_intent_behind(story, salesforce):
    """Else the next one to ask would believe that an answer got lost."""
    story.world.salesforce.deactivate()
    for _ in range(2):
        with pytest.raises(AccessDenied):
            await story.refresher.renewed(salesforce.grant_id, 1)
    story.world.salesforce.oauth.change_secret("another")
    with pytest.raises(Misconfigured):
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert (await story.grant(salesforce)).refresh_started_at is None

    story.world.salesforce.oauth.change_secret(story.settings.platforms[SALESFORCE]["client_secret"])
    story.world.salesforce.reactivate()
    story.world.salesforce.revoke()
    assert "invalid_grant" == await lost_with(story.refresher, salesforce)
    assert (await story.grant(salesforce)).refresh_started_at is None


@sqlite_only
async def test_a_token_is_refreshed_just_before_it_ends(story, google):
    story.clock.advance((await story.tokens(google)).expires_at - story.clock() - timedelta(seconds=31))
    assert 1 == (await story.refresher.current(google.grant_id)).generation
    story.clock.advance(seconds=1)
    assert 2 == (await story.refresher.current(google.grant_id)).generation


@sqlite_only
async def test_a_token_that_still_works_is_used_while_no_newer_one_can_be_had(story, google):
    story.world.google_ads.take_down()
    story.clock.advance((await story.tokens(google)).expires_at - story.clock() - timedelta(seconds=10))
    assert 1 == (await story.refresher.current(google.grant_id)).generation
    story.clock.advance(seconds=10)
    with pytest.raises(TryLater):
        await story.refresher.current(google.grant_id)


@sqlite_only
async def test_a_login_without_a_refresh_token_is_used_to_its_end(story, google):
    tokens = await story.tokens(google)
    async with story.memory.begin() as tx:
        await tx.grants.forget(google.grant_id)
        forgotten = await tx.grants.get(google.grant_id)
        bare = await tx.grants.replace(forgotten, replace(tokens, refresh_token=None), story.clock())
    story.clock.advance(tokens.expires_at - story.clock() - timedelta(seconds=1))

    assert bare.generation == (await story.refresher.current(google.grant_id)).generation
    assert "expired" == await lost_with(story.refresher, google, bare.generation)


@sqlite_only
async def test_a_fresh_login_that_is_refused_says_what_the_platform_says(story, google):
    """Not that it has run out: the person may have left a box unticked."""
    tokens = rotten(await story.tokens(google))
    fetch = story.gateways[GOOGLE].fetch(FreshTokens(tokens))
    with pytest.raises(AuthorizationLost) as caught:
        await story.gateways[GOOGLE].platform.accounts(fetch)
    assert "OAUTH_TOKEN_INVALID" == caught.value.cause.code


@sqlite_only
async def test_a_grants_tokens_know_which_generation_they_gave_last(story, google):
    tokens = GrantTokens(story.refresher, google.grant_id, (await story.grant(google)).generation)
    assert 1 == tokens.generation
    await tokens.renewed(1)
    await tokens.current()
    assert 2 == tokens.generation
    await tokens.tested()
    assert 3 == tokens.generation
    assert ADA == google.login


@sqlite_only
async def test_the_next_refresh_is_ahead_of_the_end_and_at_least_weekly(story, google, clock):
    tokens, ahead = await story.tokens(google), timedelta(minutes=15)

    def after(lives):
        ends = None if lives is None else clock() + lives
        return renew_at(replace(tokens, expires_at=ends), clock(), ahead) - clock()

    assert timedelta(minutes=45) == after(timedelta(hours=1))
    assert timedelta(minutes=10) == after(timedelta(minutes=20))
    assert timedelta(seconds=30) == after(timedelta(seconds=2))
    assert timedelta(days=7) == after(timedelta(days=60)) == after(None)


@sqlite_only
async def test_an_end_that_cannot_be_noted_hides_no_refusal(story, salesforce):
    """What the platform said counts more than a full disk; the next refresh finds the intent."""
    disk = Trouble(story.memory)
    token_fault(story, SALESFORCE, Kind.STATUS, status=503)
    disk.next_writes_fail(1, after=1)
    with pytest.raises(TryLater):
        await story.another_refresher(disk).renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)
    assert 2 == (await story.refresher.renewed(salesforce.grant_id, 1)).generation


async def test_draining_with_nothing_under_way_is_done_at_once(story):
    await story.refresher.drain(0.1)
