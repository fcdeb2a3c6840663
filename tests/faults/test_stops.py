"""SIGTERM while a platform and Slack keep everybody waiting: each role ends in time, and the next process ends its work."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

import oracle
import pytest

from sandbox.demo import RED, message_of
from sandbox.faults import Fault, Kind
from sandbox.practice import Practice
from sandbox.slack import MARKETING
from sandbox.world import World

WITHIN = 10.0
pytestmark = [pytest.mark.sweep, pytest.mark.timeout(120)]


class Role(Practice):
    role = "all"

    def _command(self, *words):
        return super()._command(*words, *(["--role", self.role] if words == ("run",) else []))

    async def begin(self, role):
        self.role = role
        await self.start(connected=role != "worker")


@pytest.fixture
async def practice(tmp_path):
    async with World.open() as world:
        world.slack.rates.on = False
        running = Role(world, tmp_path, timing={}, database=None)
        running.write_settings()
        try:
            yield running
        finally:
            await running.stop()


async def connect(practice):
    for platform in ("salesforce", "google_ads"):
        await practice.connect(platform, getattr(practice.world, platform).demo_login)


async def everybody_waits(practice):
    """Salesforce accepts and says nothing, and Slack takes an alert and does not say so."""
    world = practice.world
    world.salesforce.faults.add(Fault(kind=Kind.HANG, times=None))
    await world.salesforce.ledger.wait_for("fault", kind="hang", within=20)
    world.slack.delay("chat.postMessage", 60)
    await world.pull("google_ads", "revoke")
    await world.slack.wait_for(lambda: message_of(world, "Google Ads", RED), timeout=30)


async def stops_in_time(practice):
    began = monotonic()
    code = await practice.stop()
    took = monotonic() - began
    print(f"{practice.role}: {took:.1f} s")  # noqa: T201
    assert 0 == code, practice.log.read_text()[-2000:]
    assert took <= WITHIN


async def told_once(practice):
    """A new process ends what the old one could not: one alert, whose post is found and not repeated; nothing stuck."""
    world = practice.world
    world.salesforce.faults.clear()
    world.slack.heal()
    await practice.begin("all")
    async with asyncio.timeout(30):
        while not all(o["alerted_at"] for o in oracle.read(practice_url(practice))[oracle.outages]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert 1 == len(world.slack.messages(MARKETING))
    with suppress(TimeoutError):  # the old process may not have come to load all cost yet
        async with asyncio.timeout(60):
            while judged(practice):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
    assert [] == judged(practice)


def judged(practice):
    now = datetime.now(UTC)
    return oracle.judge(practice_url(practice), practice.world, now, logs=[practice.log], at_rest=False)


def practice_url(practice):
    return f"sqlite:///{practice.folder / 'redkey.db'}"


async def test_a_bot_with_work_under_way_stops_in_time_and_the_next_one_ends_it(practice):
    await practice.begin("all")
    await connect(practice)
    await everybody_waits(practice)
    await stops_in_time(practice)
    await told_once(practice)


async def test_pages_and_workers_stop_in_time_too(practice):
    await practice.begin("web")
    await connect(practice)
    reader, writer = await asyncio.open_connection("127.0.0.1", practice.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nhalf")
    await writer.drain()
    await stops_in_time(practice)
    writer.close()
    with suppress(OSError):
        await reader.read()
    await practice.begin("worker")
    await everybody_waits(practice)
    await stops_in_time(practice)
