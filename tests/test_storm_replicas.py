"""A storm seen by two real processes on one Postgres, one of which is killed in the middle of it: one set of messages."""

import asyncio
import re
from datetime import timedelta

import pytest

from bench.storm import fill
from sandbox.practice import Practice
from sandbox.slack import MARKETING
from sandbox.world import World

LOST = 60


@pytest.mark.sweep
@pytest.mark.timeout(180)
async def test_two_replicas_and_a_kill_make_one_set_of_messages(tmp_path, postgres_url):
    async with World.open() as world:
        replicas = []
        for name in "ab":
            folder = tmp_path / name
            folder.mkdir()
            replicas.append(Practice(world, folder, timing={"check_every": "5s"}, database=postgres_url))
        first, second = replicas
        second.share(first)
        for each in (second, first):
            each.write_settings()
        await fill(first, LOST, timedelta(seconds=30))
        await asyncio.gather(*(each.start() for each in replicas))
        try:
            await world.slack.wait_for(lambda: len(world.slack.messages(MARKETING)) >= 3, timeout=60)
            await first.kill()
            # What the dead one had taken up in that second is looked at again after five minutes; all others now.
            await world.slack.wait_for(lambda: told(world) >= LOST / 2, timeout=90)
            await asyncio.sleep(3)
            posts = world.slack.messages(MARKETING)
            assert len(posts) == 5
            assert len({post.text for post in posts}) == 5
        finally:
            await asyncio.gather(*(each.stop() for each in replicas))


def told(world):
    """How many outages the messages count between them."""
    counts = [re.match(r"([\d,]+) Google Ads logins? need", post.text) for post in world.slack.messages(MARKETING)]
    return sum(int(found.group(1).replace(",", "")) if found else 1 for found in counts)
