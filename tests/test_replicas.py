"""Three real processes on one Postgres: they come, go, die and freeze during outages, and everything happens once."""

import asyncio
import signal
from collections import Counter

import pytest

from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.practice import Practice
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import World

WAITING = 1_500
TAKEOVER = 30  # seconds


@pytest.fixture
async def three(tmp_path, postgres_url):
    """The world, and three replicas that share everything but their ports."""
    async with World.open() as world:
        replicas = []
        for name in "abc":
            folder = tmp_path / name
            folder.mkdir()
            replicas.append(Practice(world, folder, timing={}, database=postgres_url))
        first = replicas[0]
        for each in replicas:
            each.share(first)
            each.write_settings()
        first.write_settings()  # the last one to write registers its address, which all of them use
        await asyncio.gather(*(each.start() for each in replicas))
        try:
            yield world, replicas
        finally:
            await asyncio.gather(*(each.stop() for each in replicas))


@pytest.mark.sweep
@pytest.mark.timeout(180)
async def test_replicas_come_go_die_and_freeze_and_everything_happens_once(three):
    world, (first, second, third) = three
    salesforce, google = world.salesforce, world.google_ads
    assert 3 == len(world.slack.sockets.sockets)
    await first.connect("salesforce", salesforce.demo_login)
    await first.connect("google_ads", google.demo_login)

    for sandbox in (salesforce, google):
        await world.pull(sandbox.key, "revoke")
    alerts = [
        await world.slack.wait_for(lambda s=s: message_of(world, s.name, RED), timeout=20) for s in (salesforce, google)
    ]
    await second.send_touchpoints(touchpoints(WAITING, "waiting"))

    # One freezes in the middle of whatever it does; another is killed while things are pushed.
    third.signal(signal.SIGSTOP)
    assert 200 == await log_in(world, alerts[0], salesforce.demo_login)
    await salesforce.ledger.wait_for("records.written", within=TAKEOVER)
    await second.kill()
    # The frozen one wakes up and finds its claims gone; then it leaves in order, as in a rolling deploy, and one comes.
    third.signal(signal.SIGCONT)
    assert 200 == await log_in(world, alerts[1], google.demo_login)
    await asyncio.gather(third.stop(), second.start())
    for sandbox, alert in zip((salesforce, google), alerts, strict=True):
        await world.slack.wait_for(
            lambda s=sandbox, a=alert: message_of(world, s.name, GREEN, a.ts), timeout=TAKEOVER + 15
        )

    outages = await second.get("outages")
    assert [True, True] == [bool(o["caught_up_at"]) for o in outages]
    assert WAITING == len(salesforce.records())
    for sandbox in (salesforce, google):
        assert 1 == len([m for m in world.slack.messages(MARKETING) if sandbox.name in m.text])
    for alert in alerts:
        said = Counter(r.text for r in world.slack.thread(MARKETING, alert.ts) if r.ts != alert.ts)
        assert set(said.values()) == {1}, said
    assert 0 == salesforce.ledger.count("token.reused")


async def log_in(world, alert, email):
    async with Visitor() as visitor:
        url = (await world.slack.click(MARKETING, alert.ts, "reauthorize")).url
        return (await visitor.log_in(url, email)).status
