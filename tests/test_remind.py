"""Reminders: an alert that nobody acts on is brought up again, and whoever acts is left in peace."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from practice_memory import LOST, a_grant, an_account
from practice_story import GOOGLE, SALESFORCE, no_sleep, sqlite_only
from sample_facts import OUTAGES

from bot.alert.remind import Quiet, Remind, uncalled_for
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from bot.words.errors import AuthorizationLost
from handlers.slack.line.pacing import Pacing

GROUP = "S0MARKETIN"
NIGHT = Quiet(time(22), time(7), ZoneInfo("Europe/Berlin"))
ANNA = "U0ANNA000"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CLAIMED = {"claimed_by": ANNA, "claimed_at": NOON}


@pytest.fixture
async def down(story):
    """An outage that was told, at nine in the morning."""
    await story.connect(SALESFORCE)
    await story.work()
    outage = await story.drop(SALESFORCE)
    await story.work()
    return outage


def reminding(story, quiet=None, **route):
    routes = Routes("C0REDKEY00", [Route(SALESFORCE, **route)] if route else [])
    after = (timedelta(hours=4), timedelta(days=1), timedelta(days=3))
    return Remind(story.memory, routes, after, timedelta(hours=4), quiet, story.clock)


async def later(story, remind, **amount):
    """Some time goes by, and two replicas look whether something is due."""
    story.clock.advance(**amount)
    await remind.run()
    await remind.run()
    await story.work()
    return story.replies()


async def test_it_is_brought_up_after_four_hours_a_day_and_three_days_once_each(story, down):
    remind = reminding(story)

    counts = [
        len(await later(story, remind, **amount)) for amount in ({"hours": 3}, {"hours": 2}, {"hours": 20}, {"days": 5})
    ]
    assert counts == [0, 1, 2, 3]
    assert "Salesforce is still disconnected after 5\u00a0h: Acme." in story.replies()[0]
    assert [e.detail for e in (await story.outage(down.id)).timeline if e.what == "reminded"] == ["1", "2", "3"]
    assert len(story.posts()) == 1


async def test_whoever_takes_it_is_left_in_peace_for_four_hours_and_then_asked_once(story, down):
    remind = reminding(story)
    await story.desk.claim(down.id, ANNA)
    await story.work()
    assert len(await later(story, remind, hours=3, minutes=50)) == 1  # who takes care of it

    said = await later(story, remind, minutes=11)
    assert said[1:] == [f"<@{ANNA}>, are you still on this? It is open to everybody again."]
    assert (await story.outage(down.id)).claimed_by is None


async def test_a_snoozed_alert_is_not_brought_up_before_its_time(story, down):
    remind = reminding(story)
    await story.desk.snooze(down.id, ANNA, story.clock() + timedelta(days=2))

    assert await later(story, remind, days=1, hours=23) == []
    assert len(await later(story, remind, hours=2)) == 1


async def test_a_reminder_of_the_night_is_said_in_the_morning(story, down):
    remind = reminding(story, NIGHT)
    story.clock.advance(hours=13)  # half past ten in the evening

    assert await later(story, remind) == []
    assert len(await later(story, remind, hours=8, minutes=30)) == 1


async def test_when_nobody_acts_someone_else_is_called_once(story, down):
    remind = reminding(story, escalate_to=GROUP, escalate_after=timedelta(hours=2))

    assert await later(story, remind, hours=1) == []
    (said,) = await later(story, remind, hours=1)
    assert said.startswith(f"<!subteam^{GROUP}> Salesforce is still disconnected after ")
    assert said.endswith("Nobody has taken it up yet.")


async def test_once_someone_has_logged_in_nobody_is_called(story, down):
    remind = reminding(story, escalate_to=GROUP, escalate_after=timedelta(hours=2))
    await story.reauthorize(SALESFORCE, down.id)
    await story.work()
    before = story.replies()

    assert await later(story, remind, days=4) == before


@pytest.mark.parametrize(("hour", "quiet"), [(20, False), (21, True), (23, True), (3, True), (5, True), (6, False)])
def test_quiet_hours_go_over_midnight_in_their_own_zone(hour, quiet):
    assert NIGHT.holds(datetime(2026, 11, 23, hour, 30, tzinfo=UTC)) is quiet


async def test_a_call_that_waited_is_not_made_once_someone_acts(story, down):
    remind = reminding(story, owners=(ANNA,), escalate_to=GROUP, escalate_after=timedelta(hours=2))
    story.clock.advance(hours=5)
    await remind.run()  # both wait now
    await story.desk.claim(down.id, ANNA)
    await story.work()

    assert [text for text in story.replies() if "still disconnected" in text] == []


async def test_whoever_is_asked_has_half_an_hour_before_others_are_called(story, down):
    remind = reminding(story, escalate_to=GROUP, escalate_after=timedelta(hours=2))
    await story.desk.claim(down.id, ANNA)
    await later(story, remind, hours=4, minutes=1)

    assert not any(GROUP in text for text in await later(story, remind, minutes=20))
    assert any(GROUP in text for text in await later(story, remind, minutes=11))


async def test_a_storm_is_brought_up_once_for_all_of_it(story):
    story.voice._pacing = Pacing(story.ticks, no_sleep)
    async with story.memory.begin() as tx:
        grants = [await a_grant(tx, story.clock(), f"person{n}", GOOGLE) for n in range(9)]
        for n, grant in enumerate(grants):
            await an_account(tx, grant, story.clock(), f"{n:010d}")
    for grant in grants:
        await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))
    await story.work(Work.SAY)
    story.clock.advance(hours=5)
    for _ in range(2):
        await reminding(story).run()
        await story.pass_by(Work.SAY, seconds=30)  # a channel takes one post a second

    said = [story.replies(post) for post in story.posts()]
    assert sorted(map(len, said)) == [1] * 5
    (storm,) = (texts[0] for texts in said if "5 Google Ads logins need reauthorization." in texts[0])
    assert "Cost has been missing since" in storm


@pytest.mark.parametrize("what", ["reminded", "escalated", "soon_gone"])
@pytest.mark.parametrize(
    ("marks", "needless"),
    [
        ({}, False),
        (CLAIMED, True),
        ({"reauthorized_at": NOON}, True),
        ({"closed_at": NOON}, True),
        ({"snoozed_until": NOON + timedelta(seconds=1)}, True),
        ({"snoozed_until": NOON}, False),
    ],
)
def test_no_call_is_made_any_more_once_it_is_taken_healed_or_put_off(what, marks, needless):
    outage = replace(OUTAGES["google_disconnected"].outage, **marks)
    assert uncalled_for(what, outage, NOON) is needless


@pytest.mark.parametrize(
    ("marks", "needless"),
    [({}, False), (CLAIMED, True), ({"closed_at": NOON}, True), ({"snoozed_until": NOON + timedelta(hours=1)}, False)],
)
def test_whoever_is_asked_is_asked_although_it_was_put_off_meanwhile(marks, needless):
    outage = replace(OUTAGES["google_disconnected"].outage, **marks)
    assert uncalled_for("claim_lapsed", outage, NOON) is needless


def test_what_calls_nobody_is_said_whatever_has_become_of_it():
    outage = replace(OUTAGES["google_disconnected"].outage, closed_at=NOON, claimed_by=ANNA)
    assert not uncalled_for("caught_up", outage, NOON)


@pytest.mark.parametrize(
    ("begins", "ends", "quiet"),
    [
        (time(12), time(13), True),
        (time(11), time(12), False),
        (time(9), time(17), True),
        (time(13), time(17), False),
        (time(12), time(7), True),
        (time(22), time(12), False),
        (time(12), time(12), False),
        (time(7), time(7), False),
    ],
)
def test_quiet_hours_hold_from_their_first_moment_to_before_their_last(begins, ends, quiet):
    assert Quiet(begins, ends, ZoneInfo("UTC")).holds(NOON) is quiet


@sqlite_only
@pytest.mark.parametrize("act", ["put off", "taken", "logged in", "over", "deleted"])
async def test_whoever_acts_while_a_round_looks_what_is_due_is_left_in_peace(story, down, act):
    async def meanwhile(_tx, _red):
        async with story.memory.begin() as tx:
            if act == "put off":
                await tx.outages.snooze(down.id, story.clock() + timedelta(hours=1))
            elif act == "taken":
                await tx.outages.claim(down.id, ANNA, story.clock())
            elif act == "logged in":
                await tx.outages.reauthorized(down.id, "ada", story.clock())
            elif act == "over":
                await tx.outages.close(down.id, {}, {}, story.clock())
            else:
                await tx.outages.unposted(down.id)
        return {}

    routes = Routes("C0REDKEY00", [Route(SALESFORCE, escalate_to=GROUP, escalate_after=timedelta(hours=2))])
    remind = Remind(story.memory, routes, (timedelta(hours=4),), timedelta(hours=9), None, story.clock, meanwhile)
    story.clock.advance(hours=5)
    await remind.run()

    assert {"reminded", "escalated"}.isdisjoint(e.what for e in (await story.outage(down.id)).timeline)


def warning(story, last, asked):
    """Reminds of nothing but a last day; `asked` is added to each time it is asked for."""

    async def last_days(_tx, red):
        asked.append(story.clock())
        return {outage.id: last for outage in red}

    return Remind(story.memory, Routes("C0REDKEY00"), (), timedelta(days=99), None, story.clock, last_days)


async def warned(story, outage, remind, moment):
    story.clock.at = moment
    await remind.run()
    return [e.detail for e in (await story.outage(outage.id)).timeline if e.what == "soon_gone"]


@sqlite_only
async def test_a_last_day_is_asked_for_once_an_hour_and_warned_of_a_week_and_a_day_before_it(story, down):
    last, asked = (story.clock() + timedelta(days=9)).date(), []
    midnight, remind = datetime.combine(last, time(), UTC), warning(story, last, asked)
    week, day, second = midnight - timedelta(days=7), midnight - timedelta(days=1), timedelta(seconds=1)

    moments = week - second, week, week + second, week - second + timedelta(hours=1), day - second, day, day + second
    counts = [await warned(story, down, remind, moment) for moment in moments]
    assert counts == [[], ["1"], ["1"], ["1"], ["1"], ["1", "2"], ["1", "2"]]
    assert [moments[n] for n in (0, 3, 4)] == asked


@sqlite_only
async def test_whoever_has_taken_it_is_not_warned_of_its_last_day(story, down):
    last = (story.clock() + timedelta(days=1)).date()
    await story.desk.claim(down.id, ANNA)
    assert await warned(story, down, warning(story, last, []), story.clock()) == []


@sqlite_only
async def test_whoever_was_away_until_its_last_day_gives_one_warning(story, down):
    last = (story.clock() + timedelta(days=1)).date()
    assert await warned(story, down, warning(story, last, []), story.clock() + timedelta(minutes=1)) == ["2"]


@sqlite_only
async def test_a_last_day_that_comes_near_calls_others_in_before_their_time(story, down):
    last, routes = (
        (story.clock() + timedelta(days=8)).date(),
        [Route(SALESFORCE, escalate_to=GROUP, escalate_after=90 * DAY)],
    )
    remind = warning(story, last, [])
    remind._routes = Routes("C0REDKEY00", routes)
    called = []
    for days in (7.5, 6.5, 6, 5):
        await warned(story, down, remind, datetime.combine(last, time(), UTC) - days * DAY)
        called.append([e.who for e in (await story.outage(down.id)).timeline if e.what == "escalated"])
    assert called == [[], [GROUP], [GROUP], [GROUP]]
