"""The real bot's refreshes, by eight workers in two processes on Postgres: one request for each expiry, whoever asks."""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from practice_story import GOOGLE, SALESFORCE, telling

from bot.settings.file import load
from sandbox.faults import Fault, Kind
from sandbox.toml import as_toml

EXPIRIES = int(os.environ.get("REDKEY_EXPIRIES", "500"))
ROOT = Path(__file__).parents[2]
PUBLIC = "http://127.0.0.1:8080"


@asynccontextmanager
async def process(config):
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("refreshing.py")),
        str(config),
        "4",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    try:
        assert await running.stdout.readline() == b"ready\n"
        yield running
    finally:
        running.kill()
        await running.wait()


async def told(running, order):
    running.stdin.write(json.dumps(order).encode() + b"\n")
    return json.loads(await running.stdout.readline())


async def race(memory, clock, postgres_url, keys, folder, expiries):
    """So many expiries, each met by both processes at once. Now and then the platform is slow or busy."""
    async with telling(memory, clock) as story, AsyncExitStack() as both:
        connected = [(await story.connect(platform))[0] for platform in (GOOGLE, SALESFORCE)]
        config = folder / "redkey.toml"
        settings = story.world.settings(PUBLIC, database={"url": postgres_url}, secrets={"keys": keys})
        own = {key: settings["platforms"][key] for key in (GOOGLE, SALESFORCE)}
        config.write_text(as_toml({**settings, "platforms": own}))
        load(config)
        processes = [await both.enter_async_context(process(config)) for _ in range(2)]
        for nth in range(expiries):
            platform, connection = list(zip((GOOGLE, SALESFORCE), connected, strict=True))[nth % 2]
            if nth % 5 == 0:
                story.sandbox(platform).faults.add(Fault(match="token", kind=Kind.SLOW, seconds=0.2))
            order = {"grant": connection.grant_id, "generation": nth // 2 + 1}
            got = await asyncio.gather(*(told(each, order) for each in processes))
            assert [[nth // 2 + 2] * 4] * 2 == got
        return [story.asked(platform) for platform in (GOOGLE, SALESFORCE)], [
            story.sandbox(platform).ledger.count("token.reused") for platform in (GOOGLE, SALESFORCE)
        ]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_eight_workers_in_two_processes_make_one_request_for_each_expiry(
    memory, clock, postgres_url, keys, tmp_path
):
    asked, reused = await race(memory, clock, postgres_url, keys, tmp_path, 20)
    assert ([10, 10], [0, 0]) == (asked, reused)


@pytest.mark.sweep
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_it_stays_so_for_many_expiries(memory, clock, postgres_url, keys, tmp_path):
    asked, reused = await race(memory, clock, postgres_url, keys, tmp_path, EXPIRIES)
    print(f"{EXPIRIES} expiries: {sum(asked)} requests, {sum(reused)} old tokens used again")  # noqa: T201
    assert ([EXPIRIES // 2] * 2, [0, 0]) == (asked, reused)
