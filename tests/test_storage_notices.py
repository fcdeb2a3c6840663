"""What is told outside Slack: each row goes to its own endpoint, oldest first, until it is taken, given up or forgotten."""

from datetime import timedelta

import pytest
from practice_memory import LEASE, drop, many_logins

from bot.memory.notices import FALLBACK, Endpoint
from bot.webhooks.courier import AT_ONCE, Courier, Patience, long_pause
from bot.words.errors import Refused, TryLater

MINUTE = timedelta(minutes=1)


async def add(memory, clock, *keys, endpoint="desk"):
    async with memory.begin() as tx:
        return [await tx.notices.add(key, None, {"told": key}, clock(), endpoint=endpoint) for key in keys]


async def claimed(memory, clock, limit=9, endpoint="desk"):
    async with memory.begin() as tx:
        return await tx.notices.claim(clock(), limit, LEASE, "me", endpoint=endpoint)


async def test_a_notice_is_added_once_and_is_its_own_endpoint_s_alone(memory, clock):
    assert [True, True, False] == await add(memory, clock, "desk/1", "desk/2", "desk/1")
    assert [True] == await add(memory, clock, "board/1", endpoint="board")
    async with memory.begin() as tx:
        assert await tx.notices.add("out_1:0:lost", None, {}, clock())
        assert [2, 1, 1] == [await tx.notices.waiting(each) for each in ("desk", "board", FALLBACK)]
        assert 1 == await tx.notices.waiting()
        assert ["out_1:0:lost"] == [each.key for each in await tx.notices.claim(clock(), 9, LEASE)]
    [first, second] = await claimed(memory, clock)
    assert ("desk/1", None, {"told": "desk/1"}, 1, clock()) == (
        first.key,
        first.outage_id,
        first.body,
        first.attempts,
        first.created_at,
    )
    assert ["1", "2"] == [first.message_id, second.message_id]


async def test_what_was_claimed_is_left_alone_until_its_lease_is_over_and_what_is_told_for_good(memory, clock):
    await add(memory, clock, "desk/1")
    clock.advance(MINUTE)
    await add(memory, clock, "desk/0")
    [oldest] = await claimed(memory, clock, 1)
    assert "desk/1" == oldest.key
    assert ["desk/0"] == [each.key for each in await claimed(memory, clock)]
    clock.advance(LEASE - timedelta(seconds=1))
    assert [] == await claimed(memory, clock)
    clock.advance(seconds=1)
    again = await claimed(memory, clock)
    assert [("desk/1", 2), ("desk/0", 2)] == [(each.key, each.attempts) for each in again]

    async with memory.begin() as tx:
        await tx.notices.sent(again[0], clock())
        await tx.notices.later(again[1], clock() + MINUTE)
        assert 1 == await tx.notices.waiting("desk")
    clock.advance(MINUTE)
    [left] = await claimed(memory, clock)
    assert "desk/0" == left.key
    async with memory.begin() as tx:
        await tx.notices.later(left, None)
    clock.advance(days=9)
    assert [] == await claimed(memory, clock)


async def test_an_endpoint_is_ill_from_its_first_failure_until_it_takes_one_and_is_switched_off_once(memory, clock):
    began = clock()
    async with memory.begin() as tx:
        assert Endpoint(began) == await tx.notices.failed("desk", began)
        assert Endpoint(began) == await tx.notices.failed("desk", began + MINUTE)
        await tx.notices.failed("board", began)
        assert [True, False] == [await tx.notices.disable("desk", "gone", began + n * MINUTE) for n in (2, 3)]
        off = Endpoint(began, began + 2 * MINUTE, "gone")
        assert {"desk": off, "board": Endpoint(began)} == await tx.notices.endpoints()
        assert off == await tx.notices.failed("desk", began + 4 * MINUTE)
        await tx.notices.took("desk")
        assert {"board": Endpoint(began)} == await tx.notices.endpoints()


async def test_what_subscribers_were_told_is_forgotten_and_what_slack_did_not_take_is_not(memory, clock):
    await add(memory, clock, "desk/old")
    await add(memory, clock, "old", endpoint=FALLBACK)
    clock.advance(MINUTE)
    await add(memory, clock, "desk/new")
    async with memory.begin() as tx:
        await tx.notices.sweep(clock())
    assert [["desk/new"], ["old"]] == [
        [each.key for each in await claimed(memory, clock, endpoint=which)] for which in ("desk", FALLBACK)
    ]


async def test_messages_that_slack_is_late_with_are_told_longest_waiting_first_and_replies_never(memory, clock):
    connections = await many_logins(memory, clock(), 2)
    async with memory.begin() as tx:
        one, two = [await drop(tx, clock(), each) for each in connections]
        await tx.outages.alerted(one.id, "C1", "1.1", clock())
        for n, outage in enumerate((one, two)):
            await tx.outbox.say_message(outage.id, 1, clock())
            await tx.outbox.say_reply(outage.id, "claimed", 2, {}, clock())
            for saying in await tx.outbox.claim(clock(), 9, "me", LEASE):
                late = clock() + (2 - n) * MINUTE
                await tx.outbox.later(saying, clock() + timedelta(days=1), elsewhere_at=late)
    async with memory.begin() as tx:
        assert [] == await tx.notices.overdue(clock(), 9)
        assert [(two.id, 1)] == await tx.notices.overdue(clock() + MINUTE, 9)
        assert [(two.id, 1), (one.id, 1)] == await tx.notices.overdue(clock() + 2 * MINUTE, 9)
        assert [(two.id, 1)] == await tx.notices.overdue(clock() + 2 * MINUTE, 1)
        assert await tx.notices.add("told", two.id, {}, clock())
        assert [two.id] == [each.outage_id for each in await tx.notices.claim(clock(), 9, LEASE)]
        await tx.notices.noted(two.id, 1)
        assert [(one.id, 1)] == await tx.notices.overdue(clock() + 2 * MINUTE, 9)


class Subscriber:
    """`answers` are raised first; then everything is taken."""

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []

    async def take(self, key, at, body):
        self.got.append((key, at, body))
        if self.answers and (answer := self.answers.pop(0)):
            raise answer


def courier(memory, clock, who, disable_after=None, give_up_after=timedelta(hours=1)):
    patience = Patience(lambda attempts, after: after or attempts * MINUTE, give_up_after, disable_after)
    return Courier(memory, "desk", who.take, patience, clock, "C1", "me")


async def test_a_courier_brings_a_few_at_once_and_waits_longer_each_time_or_as_long_as_it_was_asked_to(memory, clock):
    await add(memory, clock, *(f"desk/{n}" for n in range(AT_ONCE + 1)))
    who = Subscriber()
    await courier(memory, clock, who).run()
    assert (AT_ONCE, ("0", clock(), {"told": "desk/0"})) == (len(who.got), who.got[0])
    who = Subscriber(TryLater("busy"), TryLater("busy"), TryLater("busy", after=5 * MINUTE))
    for pause in (1, 2, 5):
        await courier(memory, clock, who).run()
        clock.advance(pause * MINUTE - timedelta(seconds=1))
        tried = len(who.got)
        await courier(memory, clock, who).run()
        assert tried == len(who.got)
        clock.advance(seconds=1)
    async with memory.read() as tx:
        assert clock() - 8 * MINUTE == await tx.notices.last_taken("desk")
    await courier(memory, clock, who).run()
    assert 4 == len(who.got)
    async with memory.read() as tx:
        assert (clock(), None) == (await tx.notices.last_taken("desk"), await tx.notices.last_taken("board"))
        assert (0, {}) == (await tx.notices.waiting("desk"), await tx.notices.endpoints())


@pytest.mark.parametrize("over", [False, True])
async def test_a_courier_gives_up_after_its_time_and_at_once_where_it_is_refused_for_good(memory, clock, over):
    await add(memory, clock, "desk/1")
    if over:
        who = Subscriber(Refused("gone"))
    else:
        who = Subscriber(TryLater("busy"), TryLater("busy"))
        clock.advance(hours=1)
        await courier(memory, clock, who).run()
        clock.advance(MINUTE)
    await courier(memory, clock, who).run()
    async with memory.read() as tx:
        assert 0 == await tx.notices.waiting("desk")
        assert "failing" == (await tx.notices.endpoints())["desk"].state, "who names no end is not switched off"


async def test_a_courier_switches_off_who_took_nothing_for_so_long_and_says_so_once(memory, clock):
    await add(memory, clock, "desk/1", "desk/2")
    who = Subscriber(*[TryLater("busy")] * 9)
    one = courier(memory, clock, who, disable_after=10 * MINUTE)
    await one.run()
    clock.advance(10 * MINUTE - timedelta(seconds=1))
    await one.run()
    async with memory.read() as tx:
        assert "failing" == (await tx.notices.endpoints())["desk"].state
    clock.advance(2 * MINUTE)
    await one.run()
    clock.advance(days=1)
    await one.run()
    assert 6 == len(who.got)
    async with memory.read() as tx:
        [told] = await tx.announcements.living(9)
        acts = [(act.what, act.who, act.subject, act.detail) async for act in tx.audit.rows()]
        assert 2 == await tx.notices.waiting("desk")
    assert ("webhook", "C1", {"endpoint": "desk", "why": "busy"}) == (told.kind, told.channel, told.about)
    assert [("webhook_disabled", "", "desk", {"why": "busy"})] == acts


def test_a_subscriber_is_asked_again_quickly_then_patiently_and_not_before_it_wants_to():
    for attempts, seconds in ((1, 5), (2, 300), (3, 1800), (5, 18000), (6, 36000), (60, 36000)):
        for pause in [long_pause(attempts, None).total_seconds() for _ in range(20)]:
            assert 0.9 * seconds <= pause <= 1.1 * seconds
    assert timedelta(hours=1) == long_pause(1, timedelta(hours=1))
    assert timedelta(hours=1) < long_pause(6, timedelta(hours=1))
