"""Somebody leaves: what rests on their login is named once, and taken off the list as others take over."""

import pytest
from deployment import deployed
from practice_room import opened
from practice_story import BEN, PUBLIC, SALESFORCE, sqlite_only, telling

from bot.announce.leavers import KIND, Leavers
from bot.memory.memory import Work
from bot.memory.routes import Route, Routes
from handlers.slack.looks.announcer import SlackAnnouncer
from sandbox.slack import ANNA, MARKETING
from sandbox.visitor import Visitor

LINKEDIN = "linkedin_ads"
SALES = "C0SALES000"


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        await story.begin_with(LINKEDIN, story.sandbox(LINKEDIN).demo_login)
        await story.begin_with(SALESFORCE)
        await story.work()
        yield story


async def told(story):
    await story.announce.run()
    await story.work(Work.ANNOUNCE)
    return story.posts()


async def test_what_rests_on_the_login_of_somebody_who_left_is_listed_once(story):
    for _ in range(3):  # Slack tells of every further change of their profile
        await story.desk.left(ANNA, "Anna Berg", "")
        (post,) = await told(story)
    assert "Anna Berg has left Slack, and 3 connections rest on their logins" in post.text
    assert "LinkedIn Ads (Acme Américas &amp; Co, Acme EMEA) and Salesforce (Acme)" in post.text
    assert "<@U0ANNA000>" not in post.words
    labels = [e["text"]["text"] for e in post.elements]
    assert labels == ["Renew with another login"] * 2


async def test_another_login_takes_over_by_the_button_and_the_list_says_so(story):
    await story.desk.left(ANNA, "Anna Berg", "")
    (post,) = await told(story)
    sandbox = story.sandbox(LINKEDIN)
    sandbox.entrance.roles[BEN] = dict(sandbox.entrance.roles[sandbox.demo_login])
    url = next(e["url"] for e in post.elements if "LinkedIn" in e["accessibility_label"])
    ref, _, asks = url.rpartition("/")[2].partition("?")
    hinted = (
        "login_hint" in (await story.door.begin(ref)).url,
        "login_hint" in (await story.door.begin(ref, another=True)).url,
    )
    assert (asks, hinted) == ("login=another", (True, False))
    assert (await story.reauthorize(LINKEDIN, ref, BEN)).ending == "restored"

    (post,) = await told(story)
    assert f"Taken over by {BEN}." in post.words
    assert len(post.elements) == 1
    assert "1 connection rests" in post.text
    for connection in await story.connections():
        await story.desk.pause(connection.id, ANNA)
    (post,) = await told(story)
    assert "Nothing rests any more" in post.text
    assert await story.outages() == []


@sqlite_only
async def test_each_channel_hears_of_its_own(story):
    routes = Routes(MARKETING, [Route(SALESFORCE, channel=SALES)])
    leavers = Leavers(story.memory, story.gateways, routes, PUBLIC, story.clock)
    story.app.tellers[KIND] = leavers
    await leavers.left(ANNA, "Anna Berg", "")
    (ours,) = await told(story)
    (theirs,) = story.world.slack.messages(SALES)
    assert "2 connections rest" in ours.text
    assert "1 connection rests" in theirs.text
    assert "Salesforce" in theirs.text


@sqlite_only
async def test_a_login_in_their_e_mails_name_counts_and_others_do_not(story):
    await story.desk.left("U0BEN0000", "Ben Okafor", "ADA.marsh@acme.example")
    (post,) = await told(story)
    assert "Ben Okafor has left Slack, and 3 connections" in post.text

    await story.desk.left("U0CHLOE00", "Chloé Martin", "chloe@practice.example")
    assert len(await told(story)) == 1


@sqlite_only
async def test_what_is_paused_or_down_already_is_not_listed(story):
    for connection in await story.connections():
        if connection.platform == LINKEDIN:
            await story.desk.pause(connection.id, ANNA)
    await story.drop(SALESFORCE)
    await story.desk.left(ANNA, "Anna Berg", "")
    await told(story)
    assert story.posts() == []


@sqlite_only
async def test_what_they_had_taken_is_open_to_everybody_again(story):
    outage = await story.drop(SALESFORCE)
    await story.desk.claim(outage.id, ANNA)
    await story.work(Work.SAY)
    story.world.slack.state.users[ANNA].deleted = True
    story.clock.advance(hours=1)
    await story.desk.left("U0BEN0000", "Ben Okafor", "")
    assert (await story.outage(outage.id)).claimed_by == ANNA
    await story.desk.left(ANNA, "Anna Berg", "")
    await story.work(Work.SAY)
    assert (await story.outage(outage.id)).claimed_by is None
    assert story.replies()[-1] == "Nobody is on this any more. It is open to everybody again."


@sqlite_only
async def test_a_missed_event_is_made_up_for_by_asking(story):
    await story.app.leavers.run(story.presence)
    assert await told(story) == []
    story.world.slack.state.users[ANNA].deleted = True
    story.clock.advance(hours=2)
    await story.app.leavers.run(story.presence)
    await story.app.leavers.run(story.presence)
    (post,) = await told(story)
    assert "Somebody has left Slack, and 3 connections" in post.text


async def test_slacks_event_reaches_the_desk_and_who_is_only_renamed_does_not():
    async with opened() as room:
        room.slack.change_profile("U0BEN0000", "Ben O.")
        room.slack.deactivate("U0BEN0000")
        await room.slack.wait_for(lambda: room.desk.asked)
        assert room.desk.asked == [("left", "U0BEN0000", "Ben O.", "ben@practice.example")]
        assert await room.ours.presence.gone("U0BEN0000")

        room.slack.state.scopes.remove("users:read.email")
        room.slack.deactivate(ANNA)
        await room.slack.wait_for(lambda: len(room.desk.asked) == 2)
        assert room.desk.asked[1] == ("left", ANNA, "Anna Berg", "")
        assert room.slack.messages(MARKETING) == []


async def test_the_running_bot_hears_of_it_and_tells_and_ticks_off_what_was_taken_over(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect(SALESFORCE)
        redkey.world.slack.deactivate(ANNA)
        slack = redkey.world.slack
        post = await slack.wait_for(lambda: next((p for p in redkey.posts() if "has left Slack" in p.text), None), 15)
        async with Visitor() as visitor:
            page = await visitor.log_in(post.element("reauthorize")["url"], BEN)
        assert page.status == 200
        announce = redkey.app.announcing(SlackAnnouncer(), None)
        await announce.run()
        await slack.wait_for(lambda: "Taken over by" in post.words, 15)
        assert len(redkey.posts()) == 1
