"""Where an alert goes that Slack does not take: round a channel that is gone, and in the end to a webhook outside Slack."""

from datetime import timedelta

import pytest
from practice_memory import LEASE, connected, drop
from practice_story import SALESFORCE, sqlite_only

from bot.alert.detour import MOVED, Detour
from bot.alert.elsewhere import GIVE_UP_AFTER, Elsewhere
from bot.memory.notices import FALLBACK
from bot.words.connection import Event
from bot.words.errors import TryLater
from handlers.slack.looks.messages import SlackComposer

DEFAULT, MARKETING, INSTALLER, DIRECT = "C1DEFAULT", "C2MARKETING", "U1INSTALLER", "D1INSTALLER"


@pytest.fixture
async def outage(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        made = await drop(tx, clock(), connection)
        await tx.outages.moved(made.id, MARKETING)
        return made


async def gone(memory, clock, outage, channel, detour=None, why="is_archived"):
    """Whether there was another place, which it is, and the state that is to be said there."""
    detour = detour or Detour(DEFAULT, INSTALLER)
    async with memory.begin() as tx:
        moved = await detour.around(tx, outage.id, channel, why, clock())
    async with memory.begin() as tx:
        due = await tx.outbox.claim(clock(), 9, "me", LEASE)
        for saying in due:
            await tx.outbox.said(saying, clock())
        return moved, (await tx.outages.get(outage.id)).channel, [each.revision for each in due]


async def moves(memory, outage):
    async with memory.read() as tx:
        return [event.detail for event in (await tx.outages.get(outage.id)).timeline if event.what == MOVED]


async def test_a_channel_that_is_gone_is_left_for_the_default_one_then_for_whoever_installed_the_app(
    memory, clock, outage
):
    assert (True, DEFAULT, [2]) == await gone(memory, clock, outage, MARKETING)
    assert (True, DEFAULT, []) == await gone(memory, clock, outage, MARKETING), "another worker was quicker"
    assert (True, INSTALLER, [3]) == await gone(memory, clock, outage, DEFAULT, why="not_in_channel")
    assert [f"{MARKETING} is_archived", f"{DEFAULT} not_in_channel"] == await moves(memory, outage)
    assert (False, DEFAULT, []) == await gone(memory, clock, outage, INSTALLER)
    assert (True, INSTALLER, [3]) == await gone(memory, clock, outage, DEFAULT, why="not_in_channel")
    assert 2 == len(await moves(memory, outage)), "the same is told once"
    async with memory.begin() as tx:
        await tx.outages.moved(outage.id, DIRECT)
    assert (False, DEFAULT, []) == await gone(memory, clock, outage, DIRECT)


async def test_where_nobody_installed_the_app_the_default_channel_is_the_last_place(memory, clock, outage):
    lonely = Detour(DEFAULT)
    assert (True, DEFAULT, [2]) == await gone(memory, clock, outage, MARKETING, lonely)
    assert (False, DEFAULT, []) == await gone(memory, clock, outage, DEFAULT, lonely)
    async with memory.begin() as tx:
        assert not await lonely.around(tx, "out_unknown", MARKETING, "is_archived", clock())


class Receiver:
    def __init__(self):
        self.got, self.busy = [], False

    async def take(self, key, at, body):
        if self.busy:
            raise TryLater("busy")
        self.got.append((key, body))


@sqlite_only
async def test_each_state_that_slack_is_late_with_is_told_outside_once_and_again_when_it_comes_again(story):
    await story.begin_with(SALESFORCE)
    outage = await story.drop(SALESFORCE)
    receiver, told = Receiver(), story.app.facts
    outside = Elsewhere(story.memory, told, SlackComposer(), receiver.take, story.app.pace, story.clock, "me")

    async def late(event=None):
        async with story.memory.begin() as tx:
            if event is not None:
                revision = await tx.outages.event(outage.id, Event(story.clock(), event))
                await tx.outbox.say_message(outage.id, revision, story.clock())
            for saying in await tx.outbox.claim(story.clock(), 9, "me", LEASE):
                await tx.outbox.later(saying, story.clock(), elsewhere_at=story.clock())
        await outside.run()
        await outside.run()

    await outside.run()
    await outside._note("out_forgotten", 1)  # between finding it late and looking at it
    assert [] == receiver.got
    await late()
    facts = await told.of(outage.id)
    text = SlackComposer().outage(facts).text
    state = facts.outage.state
    told_once = {"text": text, "outage": outage.id, "state": state, "start_url": facts.start_url}
    assert [(f"{outage.id}:0:{state}", told_once)] == receiver.got
    await late("snoozed")
    assert 1 == len(receiver.got), "the state is the same"
    await late("dropped")
    assert [f"{outage.id}:0:{state}", f"{outage.id}:1:{state}"] == [key for key, _ in receiver.got]

    receiver.busy = True
    await late("reopened")
    async with story.memory.read() as tx:
        assert 1 == await tx.notices.waiting(FALLBACK)
    story.clock.advance(GIVE_UP_AFTER + timedelta(seconds=1))
    await outside.run()
    async with story.memory.read() as tx:
        assert 0 == await tx.notices.waiting(FALLBACK)
