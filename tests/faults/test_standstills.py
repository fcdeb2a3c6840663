"""The database takes nothing that is written: Slack is told once, by whichever process, and told again when it is over."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest
from practice_story import sqlite_only, telling

from bot.announce.standstill import Standstill
from bot.words.errors import MemoryAway
from bot.work.takeover import Takeover
from handlers.slack.looks.announcer import SlackAnnouncer
from sandbox.slack import MARKETING
from storage import database

pytestmark = sqlite_only


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(database, "BUSY", 0.02)


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock) as story:
        yield story


class Process:
    """One that works: it beats, and looks at its beats."""

    def __init__(self, story, voice=None):
        self._takeover = Takeover(story.memory, "rep_x", story.app.blind, story.clock, only_one=False)
        self._clock = story.clock
        self._told = Standstill(self._failing, SlackAnnouncer(), voice or story.voice, MARKETING, story.clock)

    def _failing(self):
        return self._takeover.failing_since

    async def goes_on(self, seconds):
        """A beat and a look every fifteen seconds."""
        found = set()
        for _ in range(seconds // 15):
            self._clock.advance(seconds=15)
            found.add(await self.beat())
            await self.look()
        return found

    async def beat(self):
        try:
            await self._takeover.beat()
        except MemoryAway:
            return "not written"
        return "written"

    async def look(self):
        await self._told.run()


class AtOnce:
    """A replica's voice, which posts when the other one has looked too."""

    def __init__(self, voice, both):
        self._voice, self._both = voice, both

    def __getattr__(self, name):
        return getattr(self._voice, name)

    async def post(self, message):
        await self._both.wait()
        return await self._voice.post(message)


@contextmanager
def locked(story):
    with closing(sqlite3.connect(story.memory._database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_it_is_said_once_and_taken_back_when_it_is_over(story):
    bot = Process(story)
    with locked(story):
        assert {"not written"} == await bot.goes_on(300)
        (post,) = story.posts()
        assert "Redkey's database takes nothing that is written." in post.text
        assert "Nothing could be stored since" in post.text
        assert "#D92D20" == post.attachments[0]["color"]
    assert {"written"} == await bot.goes_on(60)
    (post,) = story.posts()
    assert post.text == "Redkey's database takes what is written again. Nothing was lost by it. What waited goes on."
    assert "#12B76A" == post.attachments[0]["color"]


async def test_a_wobble_of_half_a_minute_is_no_news(story):
    bot = Process(story)
    for _ in range(3):
        with locked(story):
            await bot.goes_on(45)
        await bot.goes_on(30)
    assert [] == story.posts()


async def test_replicas_say_it_in_one_message_and_what_comes_again_soon_is_told_there(story):
    bots = [Process(story), Process(story)]
    for _ in range(2):
        with locked(story):
            for bot in bots * 2:
                await bot.goes_on(90)
            assert 1 == len(story.posts())
            assert "takes nothing" in story.posts()[0].text
        for bot in bots:
            await bot.goes_on(15)
        assert "takes what is written again" in story.posts()[0].text
    assert 1 == len(story.posts())


async def test_replicas_that_post_it_at_the_same_moment_leave_one_message_and_end_it(story):
    both = asyncio.Barrier(2)
    bots = [Process(story, AtOnce(story.voice, both)) for _ in range(2)]

    async def go_on(seconds):
        for _ in range(seconds // 15):
            story.clock.advance(seconds=15)
            for bot in bots:
                await bot.beat()
            await asyncio.gather(*(bot.look() for bot in bots))

    with locked(story):
        await go_on(75)
        first, _ = story.posts()
        story.world.slack.fail("chat.delete", "internal_error", times=2)
        await go_on(60)
        assert [first.ts] == [post.ts for post in story.posts()]
    await go_on(30)
    assert ["Redkey's database takes what is written again. Nothing was lost by it. What waited goes on."] == [
        post.text for post in story.posts()
    ]


async def test_a_process_that_is_started_when_there_is_room_again_says_that_it_is_over(story):
    with locked(story):
        await Process(story).goes_on(120)
    await Process(story).goes_on(15)
    assert ["Redkey's database takes what is written again. Nothing was lost by it. What waited goes on."] == [
        post.text for post in story.posts()
    ]


async def test_where_slack_is_away_too_it_is_said_when_slack_is_back(story):
    bot = Process(story)
    with locked(story):
        story.world.slack.fail("chat.postMessage", "internal_error", times=3)
        await bot.goes_on(75)
        assert [] == story.posts()
        await bot.goes_on(60)
        assert 1 == len(story.posts())
