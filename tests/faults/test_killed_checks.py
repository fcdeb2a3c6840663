"""The real bot, killed while a platform keeps a check waiting: its successor takes the check up at once, and alerts."""

from time import monotonic

import pytest

from sandbox.demo import RED, message_of
from sandbox.faults import Fault, Kind
from sandbox.practice import practising
from sandbox.world import World
from storage.replicas import ALIVE_FOR

SOON = 10.0  # seconds; by itself the claim would run out after 300
# Where there may be others, the dead one is missed first. Where there can be none, there is nothing to wait for.
MISSED_AFTER = {"sqlite": 0.0, "postgresql": ALIVE_FOR.total_seconds()}


@pytest.mark.sweep
@pytest.mark.timeout(120)
async def test_a_check_that_a_killed_bot_had_begun_is_made_by_its_successor_at_once(tmp_path, database_url):
    quiet = {"push_every": "1h"}  # nothing but checks would notice
    async with World.open() as world, practising(world, tmp_path, timing=quiet, database=database_url) as practice:
        await practice.connect("salesforce", world.salesforce.demo_login)
        world.salesforce.faults.add(Fault(kind=Kind.HANG, times=None))
        await world.salesforce.ledger.wait_for("fault", kind="hang", within=20)
        await practice.kill()
        world.salesforce.faults.clear()
        world.salesforce.revoke()
        await practice.start()
        began = monotonic()
        await world.slack.wait_for(lambda: message_of(world, "Salesforce", RED), timeout=60)
        took = monotonic() - began
        print(f"{database_url.partition(':')[0]}: alerted {took:.1f} s after it was back")  # noqa: T201
        assert took <= SOON + MISSED_AFTER[database_url.partition(":")[0].partition("+")[0]]
