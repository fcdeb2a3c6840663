"""What a storm's thread says: whom a reminder calls, whose login was the wrong one, what does not get on; late ones join."""

from datetime import timedelta

import pytest
from practice_memory import LOST, a_grant, an_account
from practice_story import GOOGLE, no_sleep, telling

from bot.alert.remind import Remind
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from bot.words.connection import Event
from bot.words.errors import AuthorizationLost
from handlers.slack.line.pacing import Pacing


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        story.voice._pacing = Pacing(story.ticks, no_sleep)  # a channel takes one post a second
        yield story


async def lose(story, *numbers):
    grants = []
    async with story.memory.begin() as tx:
        for n in numbers:
            grants.append(await a_grant(tx, story.clock(), f"person{n}", GOOGLE))
            await an_account(tx, grants[-1], story.clock(), f"{n:010d}", flows=())
    for grant in grants:
        await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))
    await told(story)
    return {o.login: o for o in await story.outages()}


async def told(story):
    await story.work(Work.SAY)
    for _ in range(3):
        await story.pass_by(Work.SAY, seconds=4)


def digest(story):
    return next(post for post in story.posts() if "logins need" in post.text)


async def test_what_drops_minutes_later_joins_the_storm_that_goes_on(story):
    await lose(story, *range(8))
    story.clock.advance(minutes=4)
    await lose(story, *range(8, 14))

    assert len(story.posts()) == 5
    assert "10 Google Ads logins need reauthorization" in digest(story).text


async def test_a_storm_that_is_over_takes_in_nobody(story):
    for outage in (await lose(story, *range(6))).values():
        async with story.memory.begin() as tx:
            await tx.outages.close(outage.id, {}, {}, story.clock())
    story.clock.advance(minutes=2)
    await lose(story, 20)
    assert len(story.posts()) == 6


async def test_a_reminder_calls_the_owners_of_all_that_are_still_lost_and_of_no_others(story):
    outages = await lose(story, *range(9))
    members = [o for o in outages.values() if o.storm]
    owners = [f"S0OWNER{n:02}" for n in range(len(members))]
    routes = [
        Route(connection=o.connection_ids[0], channel="C0REDKEY00", owners=(who,))
        for o, who in zip(members, owners, strict=True)
    ]
    story.app.facts._routes = Routes("C0REDKEY00", routes)
    async with story.memory.begin() as tx:
        await tx.outages.reauthorized(members[1].id, "ada", story.clock())
    remind = Remind(story.memory, Routes("C0REDKEY00"), (timedelta(hours=4),), timedelta(hours=4), None, story.clock)
    story.clock.advance(hours=5)
    await remind.run()
    await told(story)

    (said,) = story.replies(digest(story))
    assert [who in said for who in owners] == [True, False, True, True, True]


async def test_a_wrong_login_and_a_stalled_catch_up_of_one_of_them_stand_in_its_thread(story):
    outages = await lose(story, *range(7))
    first, second = [o for o in outages.values() if o.storm][:2]
    detail = {"used_login": "bob@agency.example", "expected_login": first.login, "expected_account": "Account 4"}
    async with story.memory.begin() as tx:
        for outage, what, more in ((first, "wrong_account", detail), (second, "stalled", {"why": "HTTP 503"})):
            revision = await tx.outages.event(outage.id, Event(story.clock(), what))
            for _ in range(2):
                await tx.outbox.say_reply(outage.id, what, revision, more, story.clock())
    await told(story)

    said = story.replies(digest(story))
    assert len(said) == 2
    assert any("logged in as bob@agency.example" in text for text in said)
    assert any(text.startswith(f"{second.login}: Catching up has stalled") for text in said)


async def test_a_thousand_stalled_ones_are_not_a_thousand_replies(story):
    outages = [o for o in (await lose(story, *range(40))).values() if o.storm]
    async with story.memory.begin() as tx:
        for outage in outages:
            await tx.outbox.say_reply(outage.id, "stalled", 5, {"why": "HTTP 503"}, story.clock())
    for _ in range(30):
        await story.pass_by(Work.SAY, seconds=2)
    assert len([text for text in story.replies(digest(story)) if "has stalled" in text]) == 20


async def test_of_the_last_days_in_a_storm_the_earliest_is_warned_of_and_once_for_all(story):
    outages = await lose(story, *range(9))
    members = sorted((o for o in outages.values() if o.storm), key=lambda o: (o.opened_at, o.id))
    today = story.clock().date()

    async def last_days(_tx, red):
        days = {o.id: today + timedelta(days=30) for o in members} | {members[-1].id: today + timedelta(days=12)}
        return {o.id: days[o.id] for o in red if o.id in days}

    remind = Remind(story.memory, Routes("C0REDKEY00"), (), timedelta(hours=4), None, story.clock, last_days)
    warned = []
    for day in range(1, 14):
        story.clock.advance(days=1)
        for _ in range(2):
            await remind.run()
            await told(story)
        if len(story.replies(digest(story))) > len(warned):
            warned.append(day)
    assert warned == [5, 11]
