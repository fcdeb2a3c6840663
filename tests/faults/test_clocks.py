"""Clocks that are wrong, are set, or change with the season: no false alert, no refresh too many, no day lost."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import structlog
from practice_gateway import gateway_to
from practice_gateway_server import GOOD, Server, refresh, said, settings_of
from practice_story import ADA, GOOGLE, OWN, PUBLIC, SALESFORCE, Story, sqlite_only, telling

from bot.catch_up.cost import account_day
from bot.logins.refresh import OnItsWay
from bot.logins.turns import Turns
from bot.memory.memory import Work
from bot.words.connection import Flow
from bot.words.errors import TryLater
from bot.words.pace import CALM, Quota, Slowed
from platforms import open_gateways
from sandbox.google_ads import MANAGER
from sandbox.served import served
from sandbox.world import World

HUBSPOT = "hubspot"  # its tokens live for half an hour
TEN = timedelta(minutes=10)


@asynccontextmanager
async def two_clocks(memory, clock, patience=2):
    """Ours is `clock`; the platforms' goes with it, `ahead` of it by as much as is said. `patience`: real seconds."""
    skew = {"ahead": timedelta()}

    def theirs():
        return clock() + skew["ahead"]

    async with World.open(now=theirs) as world:
        world.slack.rates.on = False
        gateways = open_gateways(
            world.settings(PUBLIC, **OWN)["platforms"], timeout=timedelta(seconds=patience), now=clock
        )
        try:
            yield Story(world, memory, gateways, clock), skew
        finally:
            await gateways.aclose()


async def four_hours(story, skew, jumps):
    """Every five minutes what is due; meanwhile our clock is set so that theirs is ahead by each of `jumps`."""
    before = story.asked(HUBSPOT)
    for step in range(48):
        if jumps and step % 6 == 0:
            ahead = jumps[step // 6 % len(jumps)]
            story.clock.advance(skew["ahead"] - ahead)
            skew["ahead"] = ahead
            await story.app.takeover.beat()
        await story.pass_by(Work.CHECK, Work.RENEW, minutes=5)
    return story.asked(HUBSPOT) - before


@sqlite_only
@pytest.mark.parametrize(
    "jumps",
    [
        pytest.param([TEN], id="behind", marks=pytest.mark.sweep),
        pytest.param([-TEN], id="ahead", marks=pytest.mark.sweep),
        pytest.param([TEN, timedelta(), -TEN, timedelta()], id="jumps"),
    ],
)
async def test_a_clock_that_is_ten_minutes_wrong_ends_no_login_and_refreshes_no_more_often(memory, clock, jumps):
    async with two_clocks(memory, clock) as (story, skew):
        await story.connect(HUBSPOT)
        await story.work()
        usual = await four_hours(story, skew, [])
        wrong = await four_hours(story, skew, jumps)
        assert 8 <= usual <= 17
        assert wrong <= usual + 8, "more than one for each time that the clock was set"
        assert [] == await story.outages()
        assert all(clock() - c.last_good_at <= TEN for c in await story.connections())


async def test_after_a_clock_that_was_a_day_ahead_everything_is_looked_at_at_once(memory, clock):
    """Whatever was put off meanwhile was put off by a day."""
    async with telling(memory, clock) as story:
        (connection,) = await story.connect(SALESFORCE)
        await story.app.takeover.beat()
        clock.advance(days=1)
        await story.work()
        await story.app.takeover.beat()
        clock.advance(days=-1)
        clock.advance(seconds=2)
        story.world.salesforce.revoke()
        assert 0 == await story.work(Work.CHECK)
        await story.app.takeover.beat()
        await story.work(Work.CHECK, Work.SAY)
        (outage,) = await story.outages()
        assert outage.alerted_at == clock()
        assert connection.id in outage.connection_ids
        clock.advance(seconds=2)
        await story.app.takeover.beat()
        assert 0 == await story.work(Work.CHECK), "told once"


async def test_an_alert_that_was_to_be_said_tomorrow_by_a_wrong_clock_is_said_now(memory, clock):
    async with telling(memory, clock) as story:
        await story.connect(SALESFORCE)
        await story.work()
        await story.app.takeover.beat()
        clock.advance(days=1)
        await story.app.takeover.beat()
        await story.drop(SALESFORCE)
        clock.advance(days=-1)
        assert 0 == await story.work(Work.SAY)
        await story.app.takeover.beat()
        assert 0 < await story.work(Work.SAY)
        assert 1 == len(story.posts())


async def test_a_refresh_that_a_wrong_clock_began_tomorrow_is_waited_out_in_seconds(memory, clock):
    async with telling(memory, clock) as story:
        (connection,) = await story.connect(SALESFORCE)
        async with memory.begin() as tx:
            grant = await tx.grants.get(connection.grant_id)
            assert await tx.grants.begin_refreshes([grant], clock() + timedelta(days=1))
        for _ in range(2):
            with pytest.raises(OnItsWay) as told:
                await story.refresher.renewed(grant.id, grant.generation)
            assert timedelta(0) < told.value.after <= timedelta(seconds=4)
        assert 0 == story.asked(SALESFORCE)
        clock.advance(told.value.after)
        assert grant.generation + 1 == (await story.refresher.renewed(grant.id, grant.generation)).generation


async def test_a_limit_that_a_wrong_clock_used_up_until_tomorrow_is_free_today(memory, clock):
    async with telling(memory, clock) as story:
        turns, few = Turns(memory, clock), Quota(4, timedelta(seconds=8))
        await story.app.takeover.beat()
        clock.advance(days=1)
        await turns.hold("hubspot:1", TEN)
        await story.app.takeover.beat()
        clock.advance(days=-1)
        with pytest.raises(TryLater):
            await turns.take("hubspot:1", few)
        await story.app.takeover.beat()
        await turns.take("hubspot:1", few)


async def test_a_platform_that_a_wrong_clock_slowed_tomorrow_is_slowed_by_today_s_trouble_and_calm_again_today(
    memory, clock
):
    async with telling(memory, clock) as story:
        await story.app.takeover.beat()
        clock.advance(days=1)
        await story.app.takeover.beat()
        wrong = replace(Slowed.begun(clock().timestamp()), rate=10.0).troubled(clock().timestamp())
        async with memory.begin() as tx:
            await tx.quotas.slow("google_ads", wrong)
        clock.advance(days=-1)
        await story.app.takeover.beat()
        async with memory.read() as tx:
            slowed = await tx.quotas.slowed("google_ads")
        soon = clock().timestamp() + 2
        assert slowed.troubled(soon).rate < slowed.rate
        assert slowed.answered(soon).answered(soon + CALM + 1) is None


# Days: of 23, 25 and 24 hours, the 29th of February, and a place where it is tomorrow already.
CALENDARS = [
    ("Europe/Berlin", datetime(2026, 3, 28, 22, 30, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, 3, 30, tzinfo=UTC)),
    ("Pacific/Kiritimati", datetime(2026, 12, 31, 9, 30, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2027, 4, 3, 10, 0, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2028, 2, 28, 18, 0, tzinfo=UTC)),
]


@sqlite_only
@pytest.mark.parametrize(("zone", "begin"), CALENDARS, ids=[zone for zone, _ in CALENDARS])
async def test_an_outage_over_an_odd_day_loses_none_of_it_and_counts_none_twice(memory, clock, zone, begin):
    clock.at = begin
    async with telling(memory, clock) as story:
        google = story.world.google_ads
        google.add_account("4000000000", "Acme far away", ADA, under=MANAGER, ads=3, time_zone=zone)
        (account,) = await story.connect(GOOGLE, accounts=["4000000000"])
        await story.work()
        first = account_day(clock(), zone)
        outage = await story.drop(GOOGLE)
        clock.advance(days=2)
        await story.reauthorize(GOOGLE, outage.id)
        await story.work()
        clock.advance(hours=30)
        await story.work()

        assert (await story.outage(outage.id)).caught_up_at
        today = google.today(account.account.id)
        assert account_day(clock(), zone) == today
        since, until = first - timedelta(days=2), today - timedelta(days=1)
        held = await story.totals(account, since, until)
        assert google.totals(account.account.id, since, until) == held
        assert (until - since).days + 1 == len(held)
        assert not (await story.transfers(account))[Flow.COST].mark


def test_the_29th_of_february_is_a_day_like_any_other_and_only_every_fourth_year():
    assert date(2028, 2, 29) == account_day(datetime(2028, 2, 28, 18, 30, tzinfo=UTC), "Asia/Kolkata")
    assert date(2027, 3, 1) == account_day(datetime(2027, 2, 28, 18, 30, tzinfo=UTC), "Asia/Kolkata")


def now(ahead):
    return datetime.now(UTC) + ahead


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(minutes=-10), timedelta()], ids=str)
async def test_a_clock_that_is_not_the_platform_s_is_said_once_and_ends_nothing(ahead):
    """Whoever answers says when it was: the server's own Date."""
    server = Server()
    server.token_answers = [said(GOOD) for _ in range(3)]
    async with served(server.app) as url, gateway_to("google_ads", settings_of(url), now=lambda: now(ahead)) as gateway:
        with structlog.testing.capture_logs() as told:
            for _ in range(3):
                await refresh(gateway)
    said_ahead = [line["ahead"] for line in told if "is this machine's clock right?" in line["event"]]
    assert len(said_ahead) == bool(ahead)
    assert all(abs(each - ahead.total_seconds()) < 10 for each in said_ahead)
