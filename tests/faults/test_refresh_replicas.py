"""The real bot's refreshes, by eight workers in two processes on Postgres: one request for each expiry, whoever asks."""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from practice_story import GOOGLE, SALESFORCE, telling

from bot.settings.file import load
from bot.words.connection import Identity, Secret, TokenSet
from sandbox.faults import Fault, Kind
from sandbox.toml import as_toml

EXPIRIES = int(os.environ.get("REDKEY_EXPIRIES", "500"))
WORKERS = 4  # in each process
BOTH = (GOOGLE, SALESFORCE)
ROOT = Path(__file__).parents[2]
PUBLIC = "http://127.0.0.1:8080"


@asynccontextmanager
async def process(config):
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("refreshing.py")),
        str(config),
        str(WORKERS),
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


async def logins(story, platform, count):
    """So many logins of one platform, their grants' ids."""
    server = story.sandbox(platform).oauth
    await story.connect(platform)
    granted, ids = server.grants.all[0], []
    async with story.memory.begin() as tx:
        for number in range(count):
            person = replace(granted.person, sub=f"{platform}-{number}", email=f"{number}@acme.example")
            grant = server.grants.open(person, granted.client_id, granted.scopes)
            access, refresh = server.grants.issue_access(grant), server.grants.issue_refresh(grant)
            tokens = TokenSet(Secret(access.text), Secret(refresh.text), access.expires_at)
            ids.append((await tx.grants.add(platform, Identity(person.sub, person.email), tokens, story.clock())).id)
    return ids


async def race(memory, clock, postgres_url, keys, folder, expiries, at_once):
    """So many expiries, each met by both processes at once; several logins expire together, as tokens of one morning do.
    Now and then the platform is slow.
    """
    async with telling(memory, clock) as story, AsyncExitStack() as both:
        expiring = [each for platform in BOTH for each in await logins(story, platform, at_once // 2)]
        config = folder / "redkey.toml"
        settings = story.world.settings(PUBLIC, database={"url": postgres_url}, secrets={"keys": keys})
        own = {key: settings["platforms"][key] for key in BOTH}
        config.write_text(as_toml({**settings, "platforms": own}))
        load(config)
        processes = [await both.enter_async_context(process(config)) for _ in range(2)]
        for generation in range(1, expiries // at_once + 1):
            for platform in BOTH if generation % 3 == 0 else ():
                slow = Fault(match="token", kind=Kind.SLOW, seconds=0.2, times=at_once // 4, skip=generation % 4)
                story.sandbox(platform).faults.add(slow)
            order = {"grants": expiring, "generation": generation}
            got = await asyncio.gather(*(told(each, order) for each in processes))
            assert [WORKERS * at_once] * 2 == [len(each) for each in got]
            assert {generation + 1} == {told for each in got for told in each}
        ledgers = [story.sandbox(platform).ledger for platform in BOTH]
        return [story.asked(platform) for platform in BOTH], [each.count("token.reused") for each in ledgers]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_eight_workers_in_two_processes_make_one_request_for_each_expiry(
    memory, clock, postgres_url, keys, tmp_path
):
    asked, reused = await race(memory, clock, postgres_url, keys, tmp_path, 60, at_once=20)
    assert ([30, 30], [0, 0]) == (asked, reused)


@pytest.mark.sweep
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_it_stays_so_for_many_expiries(memory, clock, postgres_url, keys, tmp_path):
    asked, reused = await race(memory, clock, postgres_url, keys, tmp_path, EXPIRIES, at_once=20)
    print(f"{EXPIRIES} expiries: {sum(asked)} requests, {sum(reused)} old tokens used again")  # noqa: T201
    assert ([EXPIRIES // 2] * 2, [0, 0]) == (asked, reused)
