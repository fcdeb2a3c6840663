"""SIGKILL at the worst moments: nothing lost, nothing twice, one message, and the story goes on."""

import asyncio

import httpx2
import pytest

from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.faults import Fault, Kind
from sandbox.practice import practising
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import World

WAITING = 2_400  # enough for a bulk job


@pytest.fixture
async def practice(tmp_path, database_url):
    async with World.open() as world:
        world.slack.rates.on = False
        async with practising(world, tmp_path, database=database_url) as running:
            await running.connect("salesforce", world.salesforce.demo_login)
            yield running


async def again(practice):
    """Kill it, and start it on what it left behind."""
    await practice.kill()
    practice.world.salesforce.faults.clear()
    practice.world.slack.heal()
    await practice.start()


async def log_in(practice, alert):
    """What a person does who clicks until it works: a killed bot shows an error page, and the button is still there."""
    clicked = await practice.world.slack.click(MARKETING, alert.ts, "reauthorize")
    async with Visitor() as visitor:
        try:
            return (await visitor.log_in(clicked.url, practice.world.salesforce.demo_login)).status
        except (httpx2.TransportError, AssertionError):
            return 0


@pytest.mark.sweep
@pytest.mark.timeout(180)
async def test_a_bot_killed_at_every_turn_of_the_story_still_ends_it_well(practice):
    """Killed while alerting, while trading the code, in the middle of the bulk job, and before the confirmation."""
    world, salesforce = practice.world, practice.world.salesforce

    # Killed between Slack's taking the post and our hearing of it.
    world.slack.delay("chat.postMessage", 60)
    await world.pull("salesforce", "revoke")
    await world.slack.wait_for(lambda: message_of(world, "Salesforce", RED), timeout=20)
    await practice.send_touchpoints(touchpoints(WAITING, "during"))
    await again(practice)
    alert = message_of(world, "Salesforce", RED)

    # Killed while the platform trades the code: the grant is made there, and we never hear of it.
    salesforce.faults.add(Fault(match="oauth2/token", kind=Kind.LATE, seconds=60))
    issued = salesforce.ledger.count("token.issued")
    trading = asyncio.create_task(log_in(practice, alert))
    await salesforce.ledger.wait_for("token.issued", times=issued + 1, within=20)
    await again(practice)
    await trading

    # Killed in the middle of the bulk job: its rows are written, its results were never read.
    salesforce.faults.add(Fault(match="jobs/ingest", method="PATCH", kind=Kind.LATE, seconds=60))
    written = salesforce.ledger.count("records.written")
    assert 200 == await log_in(practice, alert)
    await salesforce.ledger.wait_for("records.written", times=written + 1, within=30)
    await again(practice)

    # Killed while the source is asked whether it holds everything.
    salesforce.faults.add(Fault(match="/query", kind=Kind.HANG, times=None))
    await salesforce.ledger.wait_for("fault", kind="hang", within=30)
    await again(practice)

    receipt = await world.slack.wait_for(lambda: message_of(world, "Salesforce", GREEN, alert.ts), timeout=40)
    caught_up = await world.slack.wait_for(lambda: said(world, alert), timeout=20)

    assert 1 == len(caught_up)
    assert WAITING == len(salesforce.records())
    assert 1 == len([m for m in world.slack.messages(MARKETING) if "Salesforce" in m.text])
    (outage,) = await practice.get("outages")
    assert outage["caught_up_at"]
    assert "2,400" in receipt.words


def said(world, alert):
    return [r.text for r in world.slack.thread(MARKETING, alert.ts) if "caught up" in r.text and r.ts != alert.ts]
