"""Reminders: an alert that nobody acts on is brought up again, and whoever acts is left in peace."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from practice_memory import LOST, a_grant, an_account
from practice_story import GOOGLE, SALESFORCE, no_sleep

from bot.alert.remind import Quiet, Remind
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from bot.words.errors import AuthorizationLost
from handlers.slack.line.pacing import Pacing

GROUP = "S0MARKETIN"
NIGHT = Quiet(time(22), time(7), ZoneInfo("Europe/Berlin"))
ANNA = "U0ANNA000"


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
    assert "Salesforce is still disconnected after 5 h: Acme." in story.replies()[0]
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
