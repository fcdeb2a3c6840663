"""Sockets that go silent without an end: Slack's is missed and opened anew, a platform's costs a time-out and not the bot."""

import asyncio
from time import monotonic

from practice_story import GOOGLE, SALESFORCE, sqlite_only, telling
from sample_facts import google
from silence import behind_a_line

from bot.memory.memory import Work
from sandbox.faults import Fault, Kind
from sandbox.slack import MARKETING

PING = 0.2  # seconds; the real bot's is 5, and it misses a socket after four pings at the latest


async def test_a_socket_of_slack_s_that_says_nothing_any_more_is_opened_anew():
    async with behind_a_line(PING) as (slack, ours, wire):
        _, ts = await ours.voice.post(ours.composer.outage(google()))
        [silent] = slack.sockets.sockets
        wire.cut()
        began = monotonic()
        await slack.wait_for(lambda: [s for s in slack.sockets.sockets if s is not silent], 20)
        took = monotonic() - began
        slack.sockets.sockets.remove(silent)  # Slack misses our pongs too
        assert (await slack.click(MARKETING, ts, "claim")).acked
        assert "ok" == ours.state
    print(f"missed after {took:.1f} s at a ping every {PING} s")  # noqa: T201
    assert took < 5


async def test_a_socket_of_slack_s_that_is_reset_is_opened_anew_again_and_again():
    async with behind_a_line(PING) as (slack, ours, wire):
        _, ts = await ours.voice.post(ours.composer.outage(google()))
        for _ in range(3):
            [broken] = slack.sockets.sockets
            wire.reset()
            began = monotonic()
            await slack.wait_for(lambda gone=broken: slack.sockets.sockets and gone not in slack.sockets.sockets, 10)
            assert monotonic() - began < 5
            assert (await slack.click(MARKETING, ts, "claim")).acked


@sqlite_only
async def test_a_platform_that_accepts_and_says_nothing_holds_up_no_other(memory, clock):
    async with telling(memory, clock) as story:
        story.world.google_ads.add_account("4000000000", "Acme", "ada.marsh@acme.example", under="1000000001", ads=0)
        await story.connect(GOOGLE)
        await story.connect(SALESFORCE)
        await story.work(Work.CHECK)
        silent = story.world.google_ads.faults.add(Fault(kind=Kind.HANG, times=None))
        clock.advance(minutes=6)
        began = monotonic()
        checks = asyncio.create_task(story.once(Work.CHECK))
        await story.world.google_ads.ledger.wait_for("fault", kind="hang", within=20)
        while not [c for c in await story.connections() if c.platform == SALESFORCE and c.checked_at == clock()]:
            await asyncio.sleep(0.01)
            assert monotonic() - began < 20
        assert not checks.done()
        await checks
        assert silent.struck
        assert [] == await story.outages()
        story.world.google_ads.faults.clear()
        await story.pass_by(Work.CHECK, minutes=6)
        assert all(c.last_good_at == clock() for c in await story.connections())
