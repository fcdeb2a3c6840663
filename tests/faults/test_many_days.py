"""Days and days of life: with a clock that jumps by up to a day, and with outages and all that must not grow.

REDKEY_DAYS=1000 runs the long size: scripts/test --sweeps tests/faults/test_many_days.py
"""

import asyncio
import gc
import os
import random
import sqlite3
import threading
import tracemalloc
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from practice_story import GOOGLE, SALESFORCE, no_sleep, sqlite_only, telling
from test_clocks import HUBSPOT, two_clocks

from bot.memory.memory import Work
from bot.work.retention import Keep, Retention
from handlers.slack.line.pacing import Pacing
from sandbox.demo import GREEN
from sandbox.google_ads import AMERICAS

DAYS = int(os.environ.get("REDKEY_DAYS", "6"))
PATIENCE = 60  # seconds: an answer that a busy machine gives too late is lost in truth, and no clock is to blame
PARTS = 8  # of a day; what is due is done at each
KEPT = Keep(*[timedelta(days=1)] * 4)
LONG = DAYS > 60


@sqlite_only
@pytest.mark.sweep
@pytest.mark.timeout(3600)
async def test_a_clock_that_jumps_by_up_to_a_day_alerts_nobody_and_lets_no_login_end(memory, clock):
    dice = random.Random(DAYS)
    async with two_clocks(memory, clock, PATIENCE) as (story, skew):
        for platform in (HUBSPOT, GOOGLE, SALESFORCE):
            await story.connect(platform)
        await story.work()
        begun = {platform: story.asked(platform) for platform in (HUBSPOT, GOOGLE, SALESFORCE)}
        for day in range(DAYS):
            jumps = set(dice.sample(range(PARTS), dice.randint(0, 2)))
            for part in range(PARTS):
                if part in jumps:
                    ahead = timedelta(seconds=dice.uniform(-86_400, 86_400))
                    clock.advance(seconds=(skew["ahead"] - ahead).total_seconds())
                    skew["ahead"] = ahead
                await story.app.takeover.beat()
                await story.pass_by(Work.CHECK, Work.RENEW, Work.SAY, minutes=24 * 60 // PARTS)
            assert [] == await story.outages(), f"day {day}, {skew['ahead']} off"
            assert all(connection.authorized for connection in await story.connections())
        assert [] == story.posts()
        for platform, before in begun.items():
            assert story.asked(platform) - before <= DAYS * (PARTS + 3) + PARTS, platform
            assert await still_lives(story, platform)


async def still_lives(story, platform):
    """Its platform takes the next call with what is stored now."""
    (connection, *_) = [each for each in await story.connections() if each.platform == platform]
    before = connection.last_good_at
    story.clock.advance(seconds=30)
    await story.desk.check(connection.id)
    return (await story.connection(connection.id)).last_good_at != before


@sqlite_only
@pytest.mark.sweep
@pytest.mark.timeout(3600)
async def test_what_is_over_leaves_nothing_behind_that_grows(memory, clock, database_url):
    """An outage every day. In the long size it is also counted what our own lines hold, which makes them slow."""
    async with telling(memory, clock) as story:
        story.voice._pacing = Pacing(story.ticks, no_sleep)
        await story.begin_with(SALESFORCE)
        await story.begin_with(GOOGLE, accounts=[AMERICAS])
        retention, held = Retention(memory, KEPT, clock), []
        if LONG:
            tracemalloc.start()
        for day in range(DAYS):
            await a_day(story, day)
            await retention.run()
            held.append(what_is_held(database_url))
        tracemalloc.stop()
        middle, end = held[DAYS // 2], held[-1]
        assert {name: (middle.rows[name], n) for name, n in end.rows.items() if n > middle.rows[name] * 1.1 + 5} == {}
        assert (middle.files, middle.threads) == (end.files, end.threads)
        assert end.tasks <= middle.tasks + 1, "one may be about to end; each outage since then would have left one"
        assert end.ours - middle.ours < 5_000 * DAYS, "bytes that our own lines hold"
        assert DAYS == sum(post.attachments[0]["color"] == GREEN for post in story.posts())


async def a_day(story, day):
    """Of 25 hours: what drops again within 24 would be the same outage."""
    await story.pass_by(hours=8)
    await story.touchpoints(*range(day * 20, day * 20 + 20))
    outage = await story.drop(SALESFORCE)
    await story.pass_by(hours=1)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()
    await story.pass_by(hours=16)
    async with story.memory.begin() as tx:
        await tx.consents.sweep(story.clock())


@dataclass
class Held:
    rows: dict[str, int]
    files: int
    threads: int
    tasks: int
    ours: int


def what_is_held(url):
    gc.collect()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    own = [tracemalloc.Filter(True, f"*/{package}/*") for package in ("bot", "handlers", "platforms", "storage")]
    ours = 0
    if LONG:
        ours = sum(each.size for each in tracemalloc.take_snapshot().filter_traces(own).statistics("filename"))
    return Held(
        rows, len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(asyncio.all_tasks()), ours
    )
