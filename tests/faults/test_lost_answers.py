"""Answers of the token endpoint that are lost after it has rotated: each login is well again or honestly alerted in a minute.

REDKEY_LOST_ANSWERS=1000 runs the long size: scripts/test --sweeps tests/faults/test_lost_answers.py
"""

import os
from contextlib import suppress
from datetime import timedelta

import pytest
from practice_story import SALESFORCE, no_sleep, sqlite_only, telling

from bot.logins.refresh import LOST_IN_TRANSFER
from bot.memory.memory import Work
from bot.words.errors import TryLater
from bot.words.pace import while_uncertain
from handlers.slack.line.pacing import Pacing
from sandbox.faults import Fault, Kind

MANY = int(os.environ.get("REDKEY_LOST_ANSWERS", "100"))
WITHIN = timedelta(seconds=60)
STEP = 2.5  # seconds; what is due is done when it is due, so a coarser clock would only count too much
USUAL = 30  # seconds that an answer is waited for, unless set otherwise: what is promised, is promised for these


async def ready(story):
    story.voice._pacing = Pacing(story.ticks, no_sleep)  # days pass between two of them, not a second
    (connection,) = await story.connect(SALESFORCE)
    await story.work()
    return connection


def the_next_answers(story, *faults):
    for fault in faults:
        story.world.salesforce.faults.add(fault)


def lost(*, after_rotation=True):
    return Fault(match="token", kind=Kind.DROP if after_rotation else Kind.RESET)


async def lose_answers(story, count):
    """So many answers, every third of them lost before the platform has done anything. How many ended how, and the slowest."""
    connection = await ready(story)
    ended, slowest = {"well": 0, "alerted": 0}, timedelta()
    for nth in range(count):
        before = await story.grant(connection)
        the_next_answers(story, lost(after_rotation=nth % 3 != 2))
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


async def ending(story, connection, generation, within=WITHIN):
    began = story.clock()
    while (took := story.clock() - began) <= within:
        grant = await story.grant(connection)
        if grant.lost_at is None and grant.refresh_started_at is None and grant.generation > generation:
            return "well", took
        for outage in await story.outages(open_only=True):
            assert outage.cause.code == LOST_IN_TRANSFER.code
            if outage.alerted_at is not None:
                return "alerted", took
        await story.pass_by(Work.RENEW, Work.SAY, seconds=STEP)
    raise AssertionError(f"after {within} neither well nor alerted")


async def heal(story, connection):
    await story.reauthorize(SALESFORCE, connection.id)
    await story.work()
    story.clock.advance(days=1, minutes=1)  # a second drop within a day would go on in the same message
    await story.work()
    assert [] == await story.outages(open_only=True)


@sqlite_only
async def test_a_lost_answer_ends_well_or_in_an_honest_alert_within_a_minute(memory, clock):
    async with telling(memory, clock, USUAL) as story:
        ended, _ = await lose_answers(story, 3)
    assert {"well": 1, "alerted": 2} == ended


@pytest.mark.parametrize(("after_rotation", "end"), [(True, "alerted"), (False, "well")])
@sqlite_only
async def test_a_retry_that_meets_a_busy_platform_is_repeated_within_the_same_minute(
    memory, clock, after_rotation, end
):
    async with telling(memory, clock, USUAL) as story:
        connection, busy = await ready(story), Fault(match="token", status=503, times=2)
        the_next_answers(story, lost(after_rotation=after_rotation), busy)
        story.clock.at = (await story.grant(connection)).expires_at - timedelta(minutes=1)
        await story.work(Work.RENEW)
        assert (await ending(story, connection, 1))[0] == end
        assert 2 == busy.struck


@sqlite_only
async def test_an_answer_lost_by_a_call_that_nobody_repeats_is_cleared_up_within_the_same_minute(memory, clock):
    """Its renewal is not due for long: a 401 asked for a new token, and whoever met it comes back in its own time."""
    async with telling(memory, clock, USUAL) as story:
        connection = await ready(story)
        the_next_answers(story, lost())
        with pytest.raises(TryLater):
            await story.refresher.renewed(connection.grant_id, 1)
        assert ("alerted", 1) == ((await ending(story, connection, 1))[0], len(story.posts()))


@sqlite_only
async def test_two_answers_lost_in_a_row_are_waited_out_twice_and_no_longer(memory, clock):
    """The second request may still be on its way too; a third that overtook it would end the login by our own hand."""
    async with telling(memory, clock, USUAL) as story:
        connection = await ready(story)
        the_next_answers(story, lost(after_rotation=False), lost(after_rotation=False))
        with suppress(TryLater):
            await story.refresher.renewed(connection.grant_id, 1)
        end, took = await ending(story, connection, 1, within=2 * WITHIN)
    assert end == "well"
    assert took >= timedelta(seconds=90)


def test_a_platform_that_stays_down_is_asked_ever_more_rarely_about_a_lost_answer():
    margin, asked, waited = timedelta(seconds=45), 0, timedelta(seconds=45)
    while waited < timedelta(hours=1):
        pause = while_uncertain(waited, margin)
        assert timedelta(seconds=1.5) <= pause <= margin
        waited, asked = waited + pause, asked + 1
    assert 80 < asked < 180
    assert while_uncertain(timedelta(seconds=45), margin) < timedelta(seconds=6)


@pytest.mark.sweep
@pytest.mark.timeout(3000)
@sqlite_only
async def test_each_of_many_lost_answers_ends_well_or_in_an_honest_alert(memory, clock):
    async with telling(memory, clock, USUAL) as story:
        ended, slowest = await lose_answers(story, MANY)
    print(f"{MANY} answers lost: {ended}, slowest {slowest}")  # noqa: T201
    assert {"well": MANY // 3, "alerted": MANY - MANY // 3} == ended, (
        "well where nothing had been done yet, and only there"
    )
