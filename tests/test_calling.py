"""Whom an alert calls: whoever can fix it, never somebody who has left, and nobody for what they do."""

import pytest
from practice_story import SALESFORCE, sqlite_only, telling

from bot.app import App
from bot.memory.memory import Work
from bot.settings.settings import RouteSettings
from sandbox.slack import ANNA

BEN, CHLOE, GROUP = "U0BEN0000", "U0CHLOE00", "S0MARKETIN"


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        await story.begin_with(SALESFORCE)  # Anna asked for the link
        await story.work()
        yield story


def owned(story, *owners, otherwise=()):
    """As if the settings had named them."""
    routes = [RouteSettings(platform=SALESFORCE, owners=owners)] if owners else []
    slack = story.settings.slack.model_copy(update={"owners": otherwise})
    settings = story.settings.model_copy(update={"routes": tuple(routes), "slack": slack})
    story.app = App(settings, story.memory, story.gateways, "command", story.clock)
    story.watch, story.desk, story.door = story.app.watch, story.app.desk, story.app.door
    story.alert = story.new_alert()
    story.workers = story.app.workers(story.alert, story.announce)


def called(story):
    """Who is mentioned in the headline."""
    (post,) = story.posts()
    _, _, line = post.blocks[0]["text"]["text"].partition("\n")
    return line.split()


async def down(story):
    outage = await story.drop(SALESFORCE)
    await story.work(Work.SAY)
    return outage


async def test_whoever_gave_the_login_is_called_first_then_the_owners(story):
    owned(story, BEN, GROUP, otherwise=(CHLOE,))
    await down(story)
    assert called(story) == [f"<@{ANNA}>", f"<@{BEN}>", f"<!subteam^{GROUP}>"]


async def test_whoever_logged_in_last_is_the_one_who_can_fix_it_next_time(story):
    outage = await story.drop(SALESFORCE)
    begun = await story.door.begin(outage.id, BEN)  # signed in with Slack
    params, browser = await story.way_back(begun)
    await story.door.finish(SALESFORCE, params, browser)
    await story.work()
    story.clock.advance(days=2)
    await story.work()
    story.sandbox(SALESFORCE).revoke()
    await story.pass_by(Work.CHECK, minutes=6)
    await story.work(Work.SAY)

    assert f"<@{BEN}>" in story.posts()[1].words
    assert f"<@{ANNA}>" not in story.posts()[1].words


@sqlite_only
async def test_whoever_had_taken_it_counts_where_nobody_signs_in(story):
    outage = await down(story)
    await story.desk.claim(outage.id, CHLOE)
    await story.reauthorize(SALESFORCE, outage.id)
    (connection,) = await story.connections()
    assert (await story.grant(connection)).authorized_by == CHLOE


async def test_people_who_have_left_are_not_called_and_then_it_is_those_for_want_of_others(story):
    owned(story, BEN, otherwise=(GROUP,))
    users = story.world.slack.state.users
    users[ANNA].deleted = users[BEN].deleted = True
    await down(story)
    assert called(story) == [f"<!subteam^{GROUP}>"]

    users[BEN].deleted = False
    story.clock.advance(hours=2)
    await story.work(Work.SAY)
    assert called(story) == [f"<@{BEN}>"]


@sqlite_only
async def test_slack_is_asked_about_a_person_once_an_hour_and_its_silence_changes_nothing(story):
    story.world.slack.fail("users.info", times=None)
    await down(story)
    assert called(story) == [f"<@{ANNA}>"]
    story.world.slack.heal()
    asked = len(story.world.slack.calls_of("users.info"))
    for _ in range(5):
        await story.pass_by(Work.SAY, minutes=2)
    assert len(story.world.slack.calls_of("users.info")) == asked + 1


@sqlite_only
async def test_nobody_is_called_for_what_they_do(story):
    owned(story, BEN)
    outage = await down(story)
    await story.desk.claim(outage.id, ANNA)
    await story.work(Work.SAY)
    assert called(story) == []
    async with story.memory.begin() as tx:
        await tx.outages.claim(outage.id, None, story.clock())
        await tx.outbox.say_message(outage.id, outage.revision, story.clock())
    await story.work(Work.SAY)
    assert called(story) == [f"<@{BEN}>"]
    await story.pass_by(Work.SAY, hours=1)
    assert called(story) == [f"<@{ANNA}>", f"<@{BEN}>"]


@sqlite_only
async def test_a_claim_of_somebody_who_has_left_is_given_back_without_calling_them(story):
    outage = await down(story)
    await story.desk.claim(outage.id, BEN)
    story.world.slack.state.users[BEN].deleted = True
    await story.work(Work.SAY)
    story.clock.advance(hours=5)
    await story.app.remind.run()
    await story.work(Work.SAY)
    assert story.replies()[-1] == "Nobody is on this any more. It is open to everybody again."


@sqlite_only
async def test_a_name_from_the_command_line_is_nobody_to_call(story):
    (connection,) = await story.connections()
    link = await story.desk.connect_link(SALESFORCE, "root@server")
    params, browser = await story.way_back(await story.door.connect(link.rpartition("/")[2]))
    await story.door.finish(SALESFORCE, params, browser)
    assert (await story.grant(connection)).authorized_by == ANNA
