"""A time in which nobody watched is told once, from when to when, and everything is looked at right away."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest
from deployment import ShiftedClock, redeployed
from practice_memory import connected

from bot.words.connection import Checked
from bot.work.blind import Blind
from sandbox.world import World
from storage import open_memory

AFTER = timedelta(minutes=5)


def replica(memory, clock, name="a", role="all"):
    return Blind(memory, name, role, AFTER, "C1", clock)


async def beat(memory, blind):
    async with memory.begin() as tx:
        await blind.beat(tx)


async def leave(memory, name="a"):
    async with memory.begin() as tx:
        await tx.replicas.leave(name)


async def told(memory):
    async with memory.read() as tx:
        return [act.detail async for act in tx.audit.rows() if act.what == "blind"]


async def checks_due(memory, clock):
    async with memory.begin() as tx:
        return len(await tx.connections.claim_checks(clock(), 10))


@pytest.mark.parametrize("in_order", [True, False])
async def test_a_stop_is_told_once_and_everything_is_checked_at_once(memory, clock, in_order):
    [connection] = await connected(memory, clock())
    await beat(memory, replica(memory, clock))
    async with memory.begin() as tx:
        await tx.connections.checked([Checked(connection.id, clock(), clock() + timedelta(hours=9), good=True)])
    if in_order:
        await leave(memory)
    stopped = clock()
    clock.advance(minutes=75)
    for name in "bcb":
        await beat(memory, replica(memory, clock, name))

    assert await told(memory) == [{"since": "2026-11-23T09:00:00Z", "until": "2026-11-23T10:15:00Z", "checked": 1}]
    assert await checks_due(memory, clock) == 1
    assert await replica(memory, clock).lately() == (stopped, clock())
    clock.advance(days=1, seconds=1)
    assert await replica(memory, clock).lately() is None


async def test_a_first_start_a_quick_restart_and_one_of_several_that_stays_away_are_no_news(memory, clock):
    await beat(memory, replica(memory, clock))
    await leave(memory)
    clock.advance(minutes=4)
    await beat(memory, replica(memory, clock, "b"))
    for _ in range(10):
        clock.advance(minutes=2)
        await beat(memory, replica(memory, clock, "b"))
    await beat(memory, replica(memory, clock, "a"))

    assert await told(memory) == []


async def test_a_machine_that_was_frozen_tells_it_when_it_wakes(memory, clock):
    blind = replica(memory, clock)
    await beat(memory, blind)
    clock.advance(hours=8)
    await beat(memory, blind)
    clock.advance(seconds=2)
    await beat(memory, blind)

    assert [each["until"] for each in await told(memory)] == ["2026-11-23T17:00:00Z"]


async def test_pages_alone_watch_nothing(memory, clock):
    await beat(memory, replica(memory, clock, "w", "worker"))
    await leave(memory, "w")
    for _ in range(30):
        clock.advance(hours=2)
        await beat(memory, replica(memory, clock, "pages", "web"))
    assert await told(memory) == []
    await beat(memory, replica(memory, clock, "w2", "worker"))

    assert [each["since"] for each in await told(memory)] == ["2026-11-23T09:00:00Z"]


async def test_replicas_that_start_together_tell_it_once(postgres_url, keys, clock):
    memories = [await open_memory(postgres_url, keys, on_due=None, now=clock) for _ in range(4)]
    await beat(memories[0], replica(memories[0], clock))
    clock.advance(hours=1)
    await asyncio.gather(*(beat(m, replica(m, clock, f"r{n}")) for n, m in enumerate(memories)))

    assert len(await told(memories[0])) == 1
    for memory in memories:
        await memory.close()


async def test_a_bot_that_was_stopped_says_so_once_in_the_channel_and_in_readyz_and_has_checked(
    tmp_path, database_url, monkeypatch
):
    monkeypatch.setattr("bot.app.ANNOUNCED_EVERY", timedelta(milliseconds=200))
    clock, timing = ShiftedClock(), {"blind_after": "10m", "check_every": "1h"}
    async with World.open(now=clock) as world:
        world.slack.rates.on = False
        async with redeployed(world, tmp_path, database_url, clock, timing=timing) as redkey:
            await redkey.connect("salesforce")
        stopped = clock()
        clock.advance(minutes=20)
        async with redeployed(world, tmp_path, database_url, clock, timing=timing) as redkey:
            started = clock()

            async def checked():
                (facts,) = await redkey.app.desk.connections()
                return facts.connection.checked_at and facts.connection.checked_at > stopped

            await redkey.until(checked)
            async with httpx2.AsyncClient() as client:
                ready = (await client.get(f"{redkey.app.settings.web.public_url}/readyz")).json()
            assert len(await told(redkey.app.memory)) == 1
            (post,) = await world.slack.wait_for(
                lambda: [m for m in redkey.posts() if "1 connection has been checked since. All is well." in m.text]
            )
            clock.advance(minutes=1)
        async with redeployed(world, tmp_path, database_url, clock, timing=timing) as redkey:
            await redkey.until(redkey.fresh)
            assert redkey.posts() == [post]

    since, until = (datetime.fromisoformat(ready["blind"][name]) for name in ("from", "until"))
    assert abs(since - stopped) < timedelta(minutes=1)
    assert abs(until - started) < timedelta(minutes=1)
