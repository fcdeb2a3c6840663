"""Answers of the token endpoint that are lost after it has rotated: each login is well again or honestly alerted in a minute.

REDKEY_LOST_ANSWERS=1000 runs the long size: scripts/test --sweeps tests/faults/test_lost_answers.py
"""

import os
from datetime import timedelta

import pytest
from practice_story import SALESFORCE, no_sleep, sqlite_only, telling

from bot.memory import Work
from bot.refresh import LOST_IN_TRANSFER
from handlers.slack.pacing import Pacing
from sandbox.faults import Fault, Kind

MANY = int(os.environ.get("REDKEY_LOST_ANSWERS", "100"))
WITHIN = timedelta(seconds=60)
STEP = 5  # seconds; what is due is done when it is due, so a coarser clock would only count too much


async def lose_answers(story, count):
    """So many answers, every third of them lost before the platform has done anything. How many ended how, and the slowest."""
    story.voice._pacing = Pacing(story.ticks, no_sleep)  # days pass between two of them, not a second
    (connection,) = await story.connect(SALESFORCE)
    await story.work()
    ended, slowest = {"well": 0, "alerted": 0}, timedelta()
    for nth in range(count):
        before = await story.grant(connection)
        story.world.salesforce.faults.add(Fault(match="token", kind=Kind.RESET if nth % 3 == 2 else Kind.DROP))
        asked = story.asked(SALESFORCE)
        story.clock.at = before.expires_at - timedelta(minutes=1)
        await story.work(Work.RENEW)
        end, took = await ending(story, connection, before.generation)
        assert story.asked(SALESFORCE) - asked <= 2, "the old token was tried more than once again"
        slowest = max(slowest, took)
        ended[end] += 1
        if end == "alerted":
            await heal(story, connection)
    return ended, slowest


async def ending(story, connection, generation):
    began = story.clock()
    while (took := story.clock() - began) <= WITHIN:
        grant = await story.grant(connection)
        if grant.lost_at is None and grant.refresh_started_at is None and grant.generation > generation:
            return "well", took
        for outage in await story.outages(open_only=True):
            assert outage.cause.code == LOST_IN_TRANSFER.code
            if outage.alerted_at is not None:
                return "alerted", took
        await story.pass_by(Work.RENEW, Work.SAY, seconds=STEP)
    raise AssertionError(f"after {WITHIN} neither well nor alerted")


async def heal(story, connection):
    await story.reauthorize(SALESFORCE, connection.id)
    await story.work()
    story.clock.advance(days=1, minutes=1)  # a second drop within a day would go on in the same message
    await story.work()
    assert [] == await story.outages(open_only=True)


@sqlite_only
async def test_a_lost_answer_ends_well_or_in_an_honest_alert_within_a_minute(memory, clock):
    async with telling(memory, clock) as story:
        ended, _ = await lose_answers(story, 3)
    assert {"well": 1, "alerted": 2} == ended


@pytest.mark.sweep
@pytest.mark.timeout(3000)
@sqlite_only
async def test_each_of_many_lost_answers_ends_well_or_in_an_honest_alert(memory, clock):
    async with telling(memory, clock) as story:
        ended, slowest = await lose_answers(story, MANY)
    print(f"{MANY} answers lost: {ended}, slowest {slowest}")  # noqa: T201
    assert {"well": MANY // 3, "alerted": MANY - MANY // 3} == ended, (
        "well where nothing had been done yet, and only there"
    )
