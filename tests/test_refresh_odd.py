"""Refreshing when something is odd: a clock that was set back, a lock that did not hold, a process that ends, a bare login."""

import asyncio
import gc
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_story import GOOGLE, MARGIN, SALESFORCE, Trouble, sqlite_only, token_fault

from bot.logins.refresh import FreshTokens, GrantTokens, OnItsWay
from bot.memory.memory import Work
from bot.words.errors import AccessDenied, AuthorizationLost, TryLater
from sandbox.faults import Kind

pytestmark = sqlite_only


@pytest.fixture
async def google(story):
    return (await story.begin_with(GOOGLE))[0]


@pytest.fixture
async def salesforce(story):
    return (await story.begin_with(SALESFORCE))[0]


async def begun(story, connection, at):
    """As a process left it that was killed."""
    async with story.memory.begin() as tx:
        assert await tx.grants.begin_refreshes([await tx.grants.get(connection.grant_id)], at)


class Two:
    """Each of two waits here for the other, once."""

    def __init__(self):
        self._waiting, self.met = 0, asyncio.Event()

    async def wait(self):
        self._waiting += 1
        if self._waiting == 2:
            self.met.set()
        await self.met.wait()


class Unlocked(Trouble):
    """A memory whose lock excludes nobody: its database session was cut off. `two` write only once both are about to."""

    def __init__(self, memory, two):
        super().__init__(memory)
        self._two = two

    @asynccontextmanager
    async def alone(self, _name):
        yield

    @asynccontextmanager
    async def begin(self, **how):
        if not self._two.met.is_set():
            await self._two.wait()
        async with super().begin(**how) as tx:
            yield tx


async def test_a_refresh_that_began_by_a_clock_since_set_back_is_waited_out_from_now(story, salesforce):
    await begun(story, salesforce, story.clock() + timedelta(days=1))
    with pytest.raises(OnItsWay) as told:
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert told.value.after == MARGIN
    assert (await story.grant(salesforce)).refresh_started_at == story.clock()
    assert story.asked(SALESFORCE) == 0

    story.clock.advance(MARGIN)
    assert (await story.refresher.renewed(salesforce.grant_id, 1)).generation == 2


async def test_a_refresh_that_began_this_very_moment_is_not_taken_for_a_clock_set_back(story, google):
    """What a platform that does not rotate was asked before may simply be asked again."""
    await begun(story, google, story.clock())
    assert (await story.refresher.renewed(google.grant_id, 1)).generation == 2


async def test_two_whose_lock_does_not_hold_still_make_one_request(story, salesforce):
    two = Two()
    others = [story.another_refresher(Unlocked(story.memory, two)) for _ in range(2)]
    asked = [other.renewed(salesforce.grant_id, 1) for other in others]
    one, other = sorted(await asyncio.gather(*asked, return_exceptions=True), key=lambda it: isinstance(it, Exception))

    assert one.generation == 2
    assert type(other) is TryLater
    assert story.asked(SALESFORCE) == 1


async def test_an_answer_that_got_lost_is_asked_after_when_it_can_no_longer_come_even_if_nobody_asks(story, salesforce):
    async def due():
        async with story.memory.begin() as tx:
            return [grant.id for grant in await tx.grants.claim_renewals(story.clock(), 9)]

    await story.work(Work.RENEW)
    token_fault(story, SALESFORCE, Kind.DROP)
    with pytest.raises(OnItsWay):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN - timedelta(seconds=1))
    assert await due() == []
    story.clock.advance(seconds=1)
    assert await due() == [salesforce.grant_id]


async def test_a_lost_answer_is_told_even_where_the_next_try_cannot_be_noted(story, salesforce):
    disk = Trouble(story.memory)
    token_fault(story, SALESFORCE, Kind.DROP)
    disk.next_writes_fail(1, after=1)
    with pytest.raises(OnItsWay) as told:
        await story.another_refresher(disk).renewed(salesforce.grant_id, 1)
    assert (told.value.after, told.value.unclear) == (MARGIN, True)


@pytest.mark.parametrize("disk_is_full", [False, True])
async def test_a_retry_that_a_busy_platform_puts_off_leaves_the_lost_answer_as_old_as_it_was(
    story, salesforce, disk_is_full
):
    disk, lost_at = Trouble(story.memory), story.clock()
    refresher = story.another_refresher(disk)
    token_fault(story, SALESFORCE, Kind.DROP)
    with pytest.raises(OnItsWay):
        await refresher.renewed(salesforce.grant_id, 1)
    for seconds, more in ((1, {}), (7, {"retry_after": "7"})):
        story.clock.advance(MARGIN)
        token_fault(story, SALESFORCE, Kind.STATUS, status=503, **more)
        with pytest.raises(OnItsWay) as told:
            await refresher.renewed(salesforce.grant_id, 1)
        assert not told.value.unclear
        assert timedelta(seconds=seconds) <= told.value.after <= timedelta(seconds=7)
        assert (await story.grant(salesforce)).refresh_started_at == lost_at
    assert told.value.after == timedelta(seconds=7)
    if disk_is_full:
        story.clock.advance(seconds=7)
        token_fault(story, SALESFORCE, Kind.STATUS, status=503)
        disk.next_writes_fail(1, after=1)
        with pytest.raises(OnItsWay):
            await refresher.renewed(salesforce.grant_id, 1)


async def test_a_retry_that_finds_the_person_denied_says_that_and_the_lost_answer_stays_known(story, salesforce):
    token_fault(story, SALESFORCE, Kind.DROP)
    with pytest.raises(OnItsWay):
        await story.refresher.renewed(salesforce.grant_id, 1)
    story.clock.advance(MARGIN)
    story.world.salesforce.deactivate()
    with pytest.raises(AccessDenied):
        await story.refresher.renewed(salesforce.grant_id, 1)
    assert (await story.grant(salesforce)).refresh_started_at == story.clock()


async def test_a_process_that_ends_in_the_middle_of_a_refresh_reports_no_error_about_it(story, salesforce):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: complaints.append(told))
    token_fault(story, SALESFORCE, Kind.HANG)
    caller = asyncio.create_task(story.refresher.renewed(salesforce.grant_id, 1))
    await story.world.salesforce.ledger.wait_for("fault")
    for task in asyncio.all_tasks():
        if task.get_coro().__qualname__ == "Refresher._renew":
            task.cancel()  # as asyncio.run does at its end
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(0)

    assert complaints == []
    assert (await story.grant(salesforce)).refresh_started_at, "the next process finds the intent"


async def test_an_error_that_nobody_waited_for_is_not_reported_as_unseen(story, google):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: complaints.append(told))
    token_fault(story, GOOGLE, Kind.LATE, seconds=0.05)
    story.world.google_ads.revoke()
    caller = asyncio.create_task(story.refresher.renewed(google.grant_id, 1))
    await story.world.google_ads.ledger.wait_for("token_request", grant_type="refresh_token")
    caller.cancel()
    await asyncio.wait([caller])
    await story.refresher.drain()
    await asyncio.sleep(0)
    del caller
    gc.collect()  # asyncio complains of an error that is thrown away unread

    assert complaints == []
    with pytest.raises(AuthorizationLost):
        await story.refresher.renewed(google.grant_id, 1)


async def test_a_token_that_never_ends_is_used_until_it_is_refused(story, google):
    tokens = await story.tokens(google)
    async with story.memory.begin() as tx:
        grant = await tx.grants.get(google.grant_id)
        await tx.grants.replace(grant, replace(tokens, expires_at=None), story.clock())
    story.clock.advance(days=300)

    assert (await story.refresher.current(google.grant_id)).generation == 2
    assert story.asked(GOOGLE) == 0


async def test_a_short_lived_token_is_refreshed_when_a_quarter_of_its_life_is_left(story, google):
    tokens = await story.tokens(google)
    async with story.memory.begin() as tx:
        grant = await tx.grants.get(google.grant_id)
        ends = story.clock() + timedelta(seconds=40)
        await tx.grants.replace(grant, replace(tokens, expires_at=ends), story.clock())
    story.clock.advance(seconds=29)
    assert (await story.refresher.current(google.grant_id)).generation == 2
    story.clock.advance(seconds=1)
    assert (await story.refresher.current(google.grant_id)).generation == 3


async def test_testing_a_login_that_cannot_be_refreshed_leaves_it_to_the_next_call(story, google):
    """It has no refresh token, so the token endpoint can say nothing about it."""
    tokens = await story.tokens(google)
    async with story.memory.begin() as tx:
        await tx.grants.forget(google.grant_id)
        forgotten = await tx.grants.get(google.grant_id)
        bare = await tx.grants.replace(forgotten, replace(tokens, refresh_token=None), story.clock())
    await GrantTokens(story.refresher, google.grant_id, bare.generation).tested()

    async with story.memory.begin() as tx:
        await tx.grants.mark_lost(await tx.grants.get(google.grant_id), story.clock())
    with pytest.raises(AuthorizationLost) as told:
        await GrantTokens(story.refresher, google.grant_id, bare.generation).tested()
    assert told.value.cause.code == "known_lost"


async def test_a_denial_by_the_token_endpoint_is_known_to_be_about_the_whole_login(story, salesforce):
    tokens = GrantTokens(story.refresher, salesforce.grant_id, 1)
    assert tokens.denial is None
    story.world.salesforce.deactivate()
    with pytest.raises(AccessDenied) as told:
        await tokens.renewed(1)
    assert tokens.denial is told.value


async def test_a_fresh_login_goes_on_with_its_token_however_often_it_is_refused(story, google):
    held = await story.tokens(google)
    fresh = FreshTokens(replace(held, kept={"org": "https://acme.example"}))
    first = await fresh.current()
    again = await fresh.renewed(7)

    assert (first.secret, first.generation, first.kept) == (held.access_token, 0, {"org": "https://acme.example"})
    assert again == replace(first, generation=8)


async def test_a_rotated_token_is_stored_however_long_the_disk_is_full(story, salesforce, monkeypatch):
    monkeypatch.setattr("bot.logins.refresh.STORE_TRIES", (0.001, 0.002))
    disk = Trouble(story.memory)
    disk.next_writes_fail(6, after=1)
    token = await story.another_refresher(disk).renewed(salesforce.grant_id, 1)

    assert token.secret == (await story.tokens(salesforce)).access_token
    assert disk.writes == 8, "the intent, and seven times the token"
