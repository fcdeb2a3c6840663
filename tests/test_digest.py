"""The week in one message: told once, with a picture where Slack takes one, and in words where it does not."""

import struct
import zlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from deployment import deployed
from practice_memory import a_grant, an_account, dropped
from practice_story import ADA, SALESFORCE, sqlite_only, telling

from bot.announce.digest import Digest, Weekly
from bot.memory.memory import Work
from bot.words.connection import Reach
from handlers.slack.looks import drawing
from sandbox.slack import MARKETING

MONDAYS = Weekly(0, time(9), ZoneInfo("Europe/Paris"))
LINKEDIN = "linkedin_ads"


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:  # a Monday, 9:00 UTC
        await story.begin_with(LINKEDIN, story.sandbox(LINKEDIN).demo_login)
        await story.begin_with(SALESFORCE)
        await story.work()
        yield story


def digest(story, weekly=MONDAYS):
    made = Digest(story.memory, story.gateways, weekly, MARKETING, "http://127.0.0.1:8080", story.clock)
    story.app.tellers["digest"] = made
    return made


async def told(story, *replicas):
    for each in replicas:
        await each.run()
    await story.work(Work.ANNOUNCE)
    return [post for post in story.posts() if "The week from" in post.text]


async def a_week_with_an_outage(story):
    story.clock.advance(days=2)
    outage = await story.drop(SALESFORCE)
    await story.work()
    story.clock.advance(hours=3)
    await story.reauthorize(SALESFORCE, outage.id)
    story.clock.advance(hours=1)  # in which it catches up, and is down no more
    await story.work()
    story.clock.at = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)


async def test_it_says_what_broke_how_long_and_who_mended_it_once_a_week(story):
    await a_week_with_an_outage(story)
    (post,) = await told(story, digest(story), digest(story))
    story.clock.advance(hours=5)
    assert len(await told(story, digest(story))) == 1  # started anew, the same day

    assert "Salesforce" in post.words
    assert "down for 3\u00a0h" in post.words
    assert f"{ADA} logged in again." in post.words
    assert "2 connections were never down" in post.words
    story.clock.advance(days=7)
    assert len(await told(story, digest(story))) == 2
    assert "nothing broke." in story.posts()[-1].text


async def test_the_longest_outage_comes_first_and_what_broke_after_the_week_waits_for_the_next(story):
    short, long, later = await story.connections()
    for connection, hours in ((long, 5), (short, 2)):
        outage = await dropped(story.memory, story.clock(), connection, reach=Reach.ACCOUNT)
        story.clock.advance(hours=hours)
        async with story.memory.begin() as tx:
            await tx.outages.close(outage.id, {}, {}, story.clock())
    story.clock.at = datetime(2026, 11, 30, 8, 10, tzinfo=UTC)
    await dropped(story.memory, story.clock(), later, reach=Reach.ACCOUNT)
    (post,) = await told(story, digest(story))

    assert "2 outages." in post.text
    assert "still down" not in post.words
    assert post.words.index("down for 5\u00a0h") < post.words.index("down for 2\u00a0h")


async def test_of_what_ends_it_names_the_next_thirty_days_and_nothing_that_moves_on_by_itself(story):
    async with story.memory.begin() as tx:
        for n, (platform, days) in enumerate(((LINKEDIN, 20), (LINKEDIN, 60), (SALESFORCE, 20))):
            ends = datetime(2026, 11, 30, 8, tzinfo=UTC) + timedelta(days=days)
            grant = await a_grant(tx, story.clock(), f"person{n}", platform, refresh_expires_at=ends)
            await an_account(tx, grant, story.clock(), f"{n}")
    story.clock.at = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    (post,) = await told(story, digest(story))
    assert post.words.count("a login ends on") == 1
    assert "LinkedIn Ads: a login ends on 20 Dec 2026" in post.words


async def test_the_picture_stands_in_its_thread_and_says_in_words_what_it_shows(story):
    await a_week_with_an_outage(story)
    (post,) = await told(story, digest(story))
    (reply,) = story.world.slack.thread(MARKETING, post.ts)
    (file,) = reply.files
    assert "1: Acme, down on 1 day" in file["alt_txt"]
    assert "1. Acme (Salesforce)" in reply.text
    png = story.world.slack.files.held[file["id"]].data
    assert png.startswith(b"\x89PNG")
    assert len(png) < 4000
    story.clock.advance(hours=1)
    await told(story, digest(story))
    assert len(story.world.slack.thread(MARKETING, post.ts)) == 1


@sqlite_only
@pytest.mark.parametrize("how", ["scope", "disabled", "lost"])
async def test_where_the_upload_is_refused_or_unclear_the_words_stand_alone(story, how):
    slack = story.world.slack
    if how == "scope":
        slack.state.scopes.remove("files:write")
    elif how == "disabled":
        slack.fail("files.getUploadURLExternal", "file_uploads_disabled", times=None)
    else:
        slack.drop_after("files.completeUploadExternal", times=None)
    await a_week_with_an_outage(story)
    (post,) = await told(story, digest(story))
    await story.pass_by(Work.ANNOUNCE, minutes=30)
    assert "down for 3\u00a0h" in post.words
    assert len(slack.thread(MARKETING, post.ts)) == (1 if how == "lost" else 0)
    assert len(slack.calls_of("files.completeUploadExternal")) == (1 if how == "lost" else 0)


@sqlite_only
@pytest.mark.parametrize(("step", "status"), [("files.getUploadURLExternal", 200), ("upload", 503), ("upload", 429)])
async def test_a_picture_waits_while_slack_asks_for_patience_or_is_in_trouble(story, step, status):
    story.world.slack.fail(step, "ratelimited", times=1, status=status)
    await a_week_with_an_outage(story)
    (post,) = await told(story, digest(story))
    await story.pass_by(Work.ANNOUNCE, minutes=5)
    assert len(story.world.slack.thread(MARKETING, post.ts)) == 1


@sqlite_only
async def test_a_new_bot_tells_of_no_week_it_did_not_see_nor_one_that_was_off_of_an_old_one(story):
    assert await told(story, digest(story)) == []  # connected at nine, due since eight
    story.clock.at = datetime(2026, 12, 2, 12, tzinfo=UTC)
    assert await told(story, digest(story)) == []
    assert await told(story, digest(story, None)) == []


def test_the_hour_is_the_one_of_its_place():
    summer, winter = datetime(2026, 7, 6, 7, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    for due in (summer, winter):
        assert MONDAYS.latest(due) == due
        assert MONDAYS.latest(due - timedelta(seconds=1)) == due - timedelta(days=7)
        assert MONDAYS.latest(due + timedelta(days=6, hours=20)) == due


def test_the_picture_is_a_png_whose_bars_stand_where_they_should():
    png = drawing.strips([["green"] * 29 + ["red"], ["none"] * 30])
    width, height = struct.unpack(">II", png[16:24])
    at = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    assert struct.unpack(">I", png[at + 4 + length : at + 8 + length])[0] == zlib.crc32(png[at : at + 4 + length])
    rows = zlib.decompress(png[at + 4 : at + 4 + length])
    assert len(rows) == height * (width + 1)

    def pixel(x, y):
        return rows[y * (width + 1) + 1 + x]

    last = drawing.LEFT + 29 * drawing.DAY + 1
    assert pixel(last, drawing.EDGE + drawing.BOTTOM - 19) == drawing.RED
    assert pixel(drawing.LEFT + 1, drawing.EDGE + drawing.BOTTOM - 1) == drawing.GREEN
    assert pixel(drawing.LEFT + 1, drawing.EDGE + drawing.BOTTOM - 19) == drawing.WHITE
    assert pixel(drawing.LEFT + 1, drawing.EDGE + drawing.ROW + drawing.BOTTOM - 1) == drawing.GREY


async def test_the_running_bot_tells_the_week_as_its_settings_say(tmp_path, sqlite_url):
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%A}".lower()
    async with deployed(tmp_path, sqlite_url, sections={"digest": {"day": tomorrow, "at": "00:00"}}) as redkey:
        await redkey.connect(SALESFORCE)
        redkey.clock.advance(days=1)
        await redkey.app.digest.run()
        slack = redkey.world.slack
        post = await slack.wait_for(lambda: next((p for p in redkey.posts() if "The week from" in p.text), None), 15)
        await slack.wait_for(lambda: any(reply.files for reply in slack.thread(MARKETING, post.ts)), 15)
