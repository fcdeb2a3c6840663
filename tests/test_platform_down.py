"""A platform that is down is said once per channel, is no outage of any login, and its return is said too."""

import pytest
from practice_memory import a_grant, an_account
from practice_story import GOOGLE, telling

from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from bot.watch.platform_down import KIND, PlatformDown
from bot.words.connection import Checked, Status
from sandbox.slack import MARKETING

SALES = "C0SALES000"


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        async with memory.begin() as tx:
            for n in range(3):
                grant = await a_grant(tx, clock(), f"person{n}", GOOGLE)
                await an_account(tx, grant, clock(), f"{n:010d}", flows=())
        await answer(story, True, True, True)
        yield story


async def answer(story, *good):
    """Each connection was checked now, with this result; None: it was not."""
    now, each = story.clock(), zip(await story.connections(), good, strict=True)
    found = [Checked(c.id, now, now, good=g) for c, g in each if g is not None]
    async with story.memory.begin() as tx:
        await tx.connections.checked(found)


async def go_on(story, minutes, *good, looks=None):
    """Checks every five minutes, all with this result, and the looks of two replicas between them."""
    looks = looks or two_replicas(story)
    for _ in range(minutes // 5):
        story.clock.advance(minutes=5)
        await answer(story, *good)
        for look in looks:
            await look.run()
        await story.announce.run()
        await story.work(Work.ANNOUNCE)
    return story.posts()


def two_replicas(story):
    return story.app.platform_down, replica(story)


def replica(story, routes=None):
    after = story.settings.timing.platform_down_after
    return PlatformDown(story.memory, story.gateways, routes or story.app.routes, after, story.clock)


async def test_it_is_said_once_without_a_reauthorize_button_and_so_is_its_return(story):
    looks = two_replicas(story)
    await go_on(story, 60, False, False, False, looks=looks)
    (post,) = story.posts()
    assert "Google Ads has given no good answer since" in post.text
    assert "3 connections wait. Nobody has to log in" in post.text
    assert post.elements == []

    await go_on(story, 20, True, True, True, looks=looks)
    (post,) = story.posts()
    assert post.text == "Google Ads answers again, after 1\u00a0h 5\u00a0min."
    assert post.attachments[0]["color"] == "#12B76A"
    assert [m.text for m in story.world.slack.thread(MARKETING, post.ts)] == [post.text]
    assert await story.outages() == []
    assert {c.status for c in await story.connections()} == {Status.CONNECTED_WITH_AUTOTAGGING}


async def test_a_short_wobble_or_one_login_that_still_works_says_nothing(story):
    assert await go_on(story, 15, False, False, False) == []
    await go_on(story, 5, True, True, True)
    assert await go_on(story, 120, False, True, False) == []


async def test_a_restart_says_it_no_second_time_and_still_says_that_it_is_back(story):
    await go_on(story, 30, False, False, False)
    fresh = (replica(story),)
    await go_on(story, 30, False, False, False, looks=fresh)
    assert len(story.posts()) == 1
    again = (replica(story),)
    await go_on(story, 10, True, True, True, looks=again)
    assert "answers again" in story.posts()[0].text
    assert len(story.world.slack.thread(MARKETING, story.posts()[0].ts)) == 1


async def test_after_a_night_in_which_the_bot_was_off_one_failed_check_says_nothing(story):
    story.clock.advance(hours=9)
    assert await go_on(story, 10, False, False, False) == []


async def test_a_platform_that_is_down_once_more_is_told_once_more(story):
    looks = two_replicas(story)
    for _ in range(2):
        await go_on(story, 60, False, False, False, looks=looks)
        await go_on(story, 20, True, True, True, looks=looks)
    assert [post.text for post in story.posts()] == ["Google Ads answers again, after 1\u00a0h 5\u00a0min."] * 2


async def test_each_channel_hears_once_how_many_of_its_own_wait(story):
    first, *_ = await story.connections()
    routes = Routes(MARKETING, [Route(connection=first.id, channel=SALES)])
    story.app.tellers[KIND] = replica(story, routes)
    await go_on(story, 60, False, False, False, looks=(story.app.tellers[KIND], replica(story, routes)))

    (ours,), (theirs,) = story.posts(), story.world.slack.messages(SALES)
    assert "2 connections wait" in ours.text
    assert "1 connection waits" in theirs.text


async def test_what_is_paused_or_lost_neither_waits_nor_is_a_sign_of_it(story):
    paused, lost, _ = await story.connections()
    await story.desk.pause(paused.id, "U0ANNA000")
    async with story.memory.begin() as tx:
        await tx.connections.set_authorized([lost.id], False)
    assert await go_on(story, 60, False, False, None) == []

    (post,) = await go_on(story, 60, False, False, False)
    assert "1 connection waits" in post.text


async def test_what_was_over_before_slack_was_told_of_it_is_told_no_more(story):
    for good in (False, False, False, False, True):
        story.clock.advance(minutes=10)
        await answer(story, good, good, good)
        await story.app.platform_down.run()
    async with story.memory.read() as tx:
        assert [told.kind for told in await tx.announcements.living(9)] == [KIND]
    await story.announce.run()
    await story.work(Work.ANNOUNCE)
    assert story.posts() == []
