"""A refresh whose answer is lost, late, odd or cannot be stored: no token is overwritten, and nobody is left in the dark."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from practice_story import GOOGLE, MARGIN, SALESFORCE, Trouble, sqlite_only, token_fault

from bot.logins.refresh import GrantTokens
from bot.words.errors import AuthorizationLost, TryLater
from sandbox.faults import Kind
from storage import open_memory


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


async def test_the_intent_is_committed_before_the_request_is_sent(story, salesforce):
    token_fault(story, SALESFORCE, Kind.HANG)
    refreshing = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("fault")

    assert story.clock() == (await story.grant(salesforce)).refresh_started_at

    story.world.salesforce.faults.clear()
    with pytest.raises(TryLater):
        await refreshing


@sqlite_only
async def test_where_nothing_can_be_written_nothing_is_asked(story, salesforce):
    disk = Trouble(story.memory)
    refresher = story.another_refresher(disk)
    disk.next_writes_fail()
    with pytest.raises(TryLater):
        await refresher.renewed(salesforce.grant_id, 1)

    assert 0 == story.asked(SALESFORCE)
    assert 2 == (await refresher.renewed(salesforce.grant_id, 1)).generation


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.CUT])
async def test_a_lost_answer_of_a_rotating_platform_costs_one_retry_and_then_an_honest_word(story, salesforce, kind):
    """The platform has rotated, and the new token went down with the connection."""
    token_fault(story, SALESFORCE, kind)
    with pytest.raises(TryLater) as caught:
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert caught.value.unclear

    with pytest.raises(TryLater) as caught:
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert caught.value.after == MARGIN

    story.clock.advance(MARGIN - timedelta(seconds=1))
    with pytest.raises(TryLater) as caught:
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert caught.value.after == timedelta(seconds=1)
    assert 1 == story.asked(SALESFORCE)

    story.clock.advance(seconds=1)
    assert "lost_in_transfer" == await lost_with(story.refresher, salesforce)
    assert 2 == story.asked(SALESFORCE)


async def test_an_intent_that_a_killed_process_left_is_waited_out_and_then_the_old_token_works(story, salesforce):
    """It was killed before its request left."""
    async with story.memory.begin() as tx:
        assert await tx.grants.begin_refreshes([await tx.grants.get(salesforce.grant_id)], story.clock())
    with pytest.raises(TryLater):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)

    assert 2 == (await story.refresher.renewed(salesforce.grant_id, 1)).generation
    assert 1 == story.asked(SALESFORCE)


@sqlite_only
async def test_a_second_ambiguous_answer_is_waited_out_as_the_first_was(story, salesforce):
    """Nothing was done by either request: the third succeeds, and nobody was woken."""
    for _ in range(2):
        token_fault(story, SALESFORCE, Kind.RESET)
        with pytest.raises(TryLater):
            await story.refresher.renewed(salesforce.grant_id, 1)
        story.clock.advance(MARGIN)

    assert 2 == (await story.refresher.renewed(salesforce.grant_id, 1)).generation


@sqlite_only
async def test_what_was_lost_in_transfer_is_still_called_so_after_a_clear_put_off(story, salesforce):
    """The retry meets a busy server, the next one the refusal: the cause is still the answer that got lost."""
    token_fault(story, SALESFORCE, Kind.DROP)
    with pytest.raises(TryLater):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)
    token_fault(story, SALESFORCE, Kind.STATUS, status=503)
    with pytest.raises(TryLater):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)

    assert "lost_in_transfer" == await lost_with(story.refresher, salesforce)


@sqlite_only
async def test_a_lost_answer_of_a_platform_that_does_not_rotate_is_simply_asked_for_again(story, google):
    token_fault(story, GOOGLE, Kind.DROP)
    with pytest.raises(TryLater):
        await story.refresher.renewed(google.grant_id, 1)

    assert 2 == (await story.refresher.renewed(google.grant_id, 1)).generation
    assert 2 == story.asked(GOOGLE)


@sqlite_only
@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": Kind.STATUS, "status": 429, "retry_after": "7"},
        {"kind": Kind.STATUS, "status": 503},
        {"kind": Kind.HTML, "status": 502},
        {"kind": Kind.GARBAGE},
        {"kind": Kind.EMPTY},
        {"kind": Kind.REDIRECT},
        {"kind": Kind.GARBAGE, "body": '{"access_token": "a", "expires_in": "soon"}'},
        {"kind": Kind.GARBAGE, "body": '{"error": "invalid_grant"}'},
    ],
    ids=lambda t: f"{t['kind']}-{t.get('status', t.get('body', ''))}",
)
async def test_trouble_at_the_token_endpoint_overwrites_nothing(story, google, trouble):
    before = await story.tokens(google)
    token_fault(story, GOOGLE, **trouble)
    with pytest.raises(TryLater):
        await story.refresher.renewed(google.grant_id, 1)

    assert before == await story.tokens(google)
    assert 2 == (await story.refresher.renewed(google.grant_id, 1)).generation


@sqlite_only
async def test_an_answer_that_comes_after_a_new_login_is_dropped(story, salesforce):
    token_fault(story, SALESFORCE, Kind.LATE, seconds=0.2)
    refreshing = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token_request", grant_type="refresh_token")
    fresh = await story.tokens(salesforce)
    async with story.memory.begin() as tx:
        await tx.grants.replace(await tx.grants.get(salesforce.grant_id), fresh, story.clock())

    assert fresh.access_token == (await refreshing).secret
    assert fresh.refresh_token == (await story.tokens(salesforce)).refresh_token


@sqlite_only
async def test_an_answer_without_a_refresh_token_keeps_the_old_one(story, google):
    """Google's refreshes bring none."""
    before = await story.tokens(google)
    await story.refresher.renewed(google.grant_id, 1)
    after = await story.tokens(google)

    assert before.refresh_token == after.refresh_token
    assert before.access_token != after.access_token


@sqlite_only
async def test_a_rotated_token_that_cannot_be_stored_is_stored_when_it_can_be(story, salesforce):
    disk = Trouble(story.memory)
    refresher = story.another_refresher(disk)
    disk.next_writes_fail(2, after=1)  # the intent is written, then the disk is full for a while
    token = await refresher.renewed(salesforce.grant_id, 1)

    assert token.secret == (await story.tokens(salesforce)).access_token
    assert 1 == story.asked(SALESFORCE)
    await refresher.renewed(salesforce.grant_id, 2)
    assert 0 == story.world.salesforce.ledger.count("token.reused")


@sqlite_only
async def test_a_rotated_token_that_no_time_was_left_to_store_costs_one_try_and_an_honest_word(story, salesforce):
    """The process ends while the database is away: the intent that it left tells the next one."""
    disk = Trouble(story.memory)
    ending = story.another_refresher(disk)
    disk.next_writes_fail(1_000, after=1)
    caller = asyncio.create_task(ending.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token.rotated")
    await ending.drain(within=0.05)
    (storing,) = ending._running.values()
    storing.cancel()  # as the end of the process does
    with pytest.raises(asyncio.CancelledError):
        await caller

    with pytest.raises(TryLater):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)
    assert "lost_in_transfer" == await lost_with(story.refresher, salesforce)
    assert (2, 1) == (story.asked(SALESFORCE), story.world.salesforce.ledger.count("token.reused"))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_lock_whose_session_dies_while_the_platform_answers_lets_nobody_ask_twice(
    story, salesforce, database_url, keys
):
    """The lock is free then, but the intent stands; and what the platform has answered is stored all the same."""
    token_fault(story, SALESFORCE, Kind.LATE, seconds=60)
    refreshing = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("token_request", grant_type="refresh_token")
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'redkey'")
    replica = await open_memory(database_url, keys, on_due=None, now=story.clock)
    with pytest.raises(TryLater, match="an earlier refresh"):
        await story.another_refresher(replica).renewed(salesforce.grant_id, 1)
    await replica.close()
    assert not refreshing.done()
    story.world.salesforce.faults.release()
    assert (await refreshing).generation == 2 == (await story.grant(salesforce)).generation
    assert (1, 0) == (story.asked(SALESFORCE), story.world.salesforce.ledger.count("token.reused"))


@sqlite_only
async def test_a_new_token_that_ended_while_it_waited_for_the_database_is_no_loss(story, salesforce):
    """A disk that is full for hours outlives an access token. It is refused then, and yet the login lives."""
    disk, sandbox = Trouble(story.memory), story.world.salesforce
    refresher = story.another_refresher(disk)
    tokens = GrantTokens(refresher, salesforce.grant_id, 1)
    gateway = story.gateways[SALESFORCE]
    sandbox.oauth.grants.expire_access()
    disk.next_writes_fail(2, after=1)
    probing = asyncio.create_task(gateway.platform.probe(gateway.fetch(tokens), salesforce.account))
    await sandbox.ledger.wait_for("token.rotated")
    sandbox.oauth.grants.expire_access()
    with pytest.raises(TryLater, match="it may have ended meanwhile"):
        await probing
    await gateway.platform.probe(gateway.fetch(tokens), salesforce.account)
    assert (2, 3) == (story.asked(SALESFORCE), (await story.grant(salesforce)).generation)
