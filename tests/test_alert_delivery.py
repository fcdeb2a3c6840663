"""An alert arrives once and is not lost, whatever Slack, the database or the process does meanwhile."""

import asyncio
from datetime import timedelta

import pytest
from practice_story import BEN, SALESFORCE, Trouble, colour, kind_of, sqlite_only

from bot.alert.alert import Alert
from bot.alert.posting import LOOK_TRIES
from bot.memory.memory import Work
from handlers.slack.looks.messages import SlackComposer
from sandbox.slack import MARKETING

RED, AMBER, GREEN, GREY = "#D92D20", "#F79009", "#12B76A", "#98A2B3"


POST, UPDATE = "chat.postMessage", "chat.update"


@pytest.fixture
async def outage(story, salesforce):
    """A loss that was noticed and not told yet."""
    return await story.drop(SALESFORCE)


def posts(story):
    """How often something was posted, replies included."""
    return len([call for call in story.world.slack.calls_of(POST) if call.error is None])


async def once_more(story, **amount):
    """A process that knows nothing of what was said before looks at what is due."""
    story.alert = story.new_alert()
    story.workers = story.app.workers(story.alert, story.announce)
    await story.pass_by(Work.SAY, **amount)


def alert_on(story, memory):
    return story.new_alert(memory)


# Nothing twice


async def test_a_process_that_dies_after_posting_does_not_make_the_next_one_post_again(story, outage):
    """Killed between Slack's answer and the note of it: found by its metadata."""
    disk = Trouble(story.memory)
    saying = (await story.workers[Work.SAY].claim(1))[0]
    disk.next_writes_fail(1_000, after=1)
    dying = asyncio.create_task(alert_on(story, disk).say(saying))
    await story.world.slack.wait_for(story.posts)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with story.memory.begin() as tx:
        await tx.outbox.free([])
    await once_more(story, seconds=1)

    assert (1, 1) == (len(story.posts()), posts(story))
    assert story.posts()[0].ts == (await story.outage(outage.id)).ts


@pytest.mark.parametrize("what", ["message", "reply"])
async def test_a_database_that_is_away_after_posting_does_not_make_it_post_again(story, outage, what):
    if what == "reply":
        await story.work(Work.SAY)
        await story.desk.claim(outage.id, "U0ANNA000")
    disk = Trouble(story.memory)
    rows = await story.workers[Work.SAY].claim(9)
    saying = next(row for row in rows if row.kind == what)
    disk.next_writes_fail(1, after=1)
    await alert_on(story, disk).say(saying)
    async with story.memory.begin() as tx:
        await tx.outbox.free([])
    await once_more(story, minutes=6)

    assert 1 == len(story.posts())
    assert (1, 0) == (posts(story), 0) if what == "message" else (2, 1) == (posts(story), len(story.replies()))


async def test_an_answer_that_is_lost_is_looked_for_before_posting_again(story, outage):
    story.world.slack.drop_after(POST)
    await story.work(Work.SAY)
    assert (await story.outage(outage.id)).ts is None
    await once_more(story, minutes=6)

    assert 1 == len(story.posts())
    assert story.posts()[0].ts == (await story.outage(outage.id)).ts


@sqlite_only
async def test_a_clock_that_is_ahead_of_slacks_finds_its_post_all_the_same(story, outage):
    """A message carries Slack's time."""
    story.world.slack.drop_after(POST)
    ahead = Alert(
        story.memory,
        story.app.facts,
        SlackComposer(),
        story.voice,
        story.app.pace,
        timedelta(seconds=5),
        lambda: story.clock() + timedelta(minutes=4),
    )
    (saying,) = await story.workers[Work.SAY].claim(1)
    await ahead.say(saying)
    await once_more(story, minutes=10)

    assert 1 == len(story.posts())


@sqlite_only
async def test_a_post_that_is_not_there_is_made_again(story, outage):
    story.world.slack.fail(POST, "internal_error")
    await story.work(Work.SAY)
    assert [] == story.posts()
    await story.pass_by(Work.SAY, minutes=1)

    assert 1 == len(story.posts())


async def test_a_post_that_slack_carries_out_after_its_sender_died_is_waited_for(story, outage):
    """Killed right after asking. Not to be seen at the first look is not the same as not made."""
    disk = Trouble(story.memory)
    (saying,) = await story.workers[Work.SAY].claim(1)
    story.world.slack.work_late(POST, 60)
    disk.next_writes_fail(1_000, after=1)
    dying = asyncio.create_task(alert_on(story, disk).say(saying))
    await story.world.slack.wait_for(lambda: story.world.slack.mishaps.planned[0].times == 0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with story.memory.begin() as tx:
        await tx.outbox.free([])
    await story.work(Work.SAY)
    assert [] == story.posts()
    story.world.slack.heal()
    await story.world.slack.wait_for(story.posts)
    await story.pass_by(Work.SAY, minutes=1)

    assert (1, 1) == (len(story.posts()), posts(story))
    assert story.posts()[0].ts == (await story.outage(outage.id)).ts


@sqlite_only
async def test_looking_ends_when_looking_is_not_possible(story, outage):
    """Rather told twice than never."""
    story.world.slack.fail(POST, "internal_error")
    await story.work(Work.SAY)
    story.world.slack.fail("conversations.history", "missing_scope", times=None)
    for _ in range(LOOK_TRIES + 1):
        assert [] == story.posts()
        await story.pass_by(Work.SAY, minutes=6)

    assert 1 == len(story.posts())


@sqlite_only
async def test_a_lost_answer_to_a_reply_is_looked_for_in_the_thread(story, outage):
    await story.work(Work.SAY)
    story.world.slack.drop_after(POST)
    await story.desk.claim(outage.id, "U0ANNA000")
    await story.work(Work.SAY)
    await once_more(story, minutes=6)

    assert ["takes care"] == [kind_of(reply) for reply in story.replies()]


# Nothing lost


@sqlite_only
async def test_too_many_requests_wait_as_long_as_slack_says(story, outage):
    story.world.slack.fail(POST, "ratelimited", retry_after=240)
    await story.work(Work.SAY)
    for _ in range(3):
        assert 0 == await story.pass_by(Work.SAY, seconds=79)
    assert [] == story.posts()
    await story.pass_by(Work.SAY, seconds=3)

    assert 1 == len(story.posts())


async def test_what_happened_while_slack_was_away_is_told_in_its_order_when_it_is_back(story, outage):
    """All of it: who took care, who logged in, the second drop, and the end."""
    story.world.slack.down()
    await story.work(Work.SAY)
    await story.desk.claim(outage.id, "U0ANNA000")
    await story.touchpoints(1)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.drop(SALESFORCE)
    await story.reauthorize(SALESFORCE, outage.id, BEN)
    for _ in range(4):
        await story.pass_by(minutes=5)
    assert [] == story.posts()
    assert (await story.outage(outage.id)).caught_up_at

    story.world.slack.up()
    for _ in range(6):
        await story.pass_by(Work.SAY, minutes=5)
    assert GREEN == colour(story)
    told = [kind_of(reply) for reply in story.replies()]
    assert ["takes care", "logged in again", "disconnected again", "logged in again", "caught up"] == told


@sqlite_only
async def test_a_message_that_someone_deletes_comes_back_with_its_thread(story, outage):
    await story.work(Work.SAY)
    story.world.slack.delete_message(MARKETING, story.posts()[0].ts)
    await story.desk.claim(outage.id, "U0ANNA000")
    for _ in range(3):
        await story.pass_by(Work.SAY, seconds=2)

    assert RED == colour(story)
    assert ["takes care"] == [kind_of(reply) for reply in story.replies()]


@sqlite_only
async def test_a_reply_whose_message_is_deleted_in_that_moment_follows_the_new_one(story, outage):
    await story.work(Work.SAY)
    await story.desk.claim(outage.id, "U0ANNA000")
    rows = await story.workers[Work.SAY].claim(9)
    (reply,) = [row for row in rows if row.kind == "reply"]
    async with story.memory.begin() as tx:
        await tx.outages.unposted(outage.id)
    story.world.slack.delete_message(MARKETING, story.posts()[0].ts)
    for row in (reply, *(row for row in rows if row is not reply)):
        await story.alert.say(row)
    await story.pass_by(Work.SAY, minutes=6)

    assert RED == colour(story)
    assert ["takes care"] == [kind_of(reply) for reply in story.replies()]


@sqlite_only
async def test_a_late_reply_to_a_deleted_message_does_not_lose_the_new_one(story, outage):
    """The reply is on its way while the message is found gone and posted anew."""
    await story.work(Work.SAY)
    await story.desk.claim(outage.id, "U0ANNA000")
    rows = await story.workers[Work.SAY].claim(9)
    (reply,) = [row for row in rows if row.kind == "reply"]
    (message,) = [row for row in rows if row.kind == "message"]
    known_before = await story.app.facts.of(outage.id)
    story.world.slack.delete_message(MARKETING, story.posts()[0].ts)
    await story.alert.say(message)
    await story.work(Work.SAY)
    new = (await story.outage(outage.id)).ts
    await story.alert._reply(reply, known_before)
    for _ in range(3):
        await story.pass_by(Work.SAY, seconds=2)

    assert new == (await story.outage(outage.id)).ts
    assert RED == colour(story)
    assert ["takes care"] == [kind_of(each) for each in story.replies()]


@sqlite_only
async def test_a_channel_that_takes_nothing_keeps_the_alert_waiting_and_not_lost(story, outage):
    story.world.slack.archive()
    for _ in range(3):
        await story.pass_by(Work.SAY, minutes=5)
    story.world.slack.unarchive()
    await story.pass_by(Work.SAY, minutes=6)

    assert RED == colour(story)
