"""Touchpoints: each accepted once, numbered so that a mark means the same to everybody, settled one by one."""

import asyncio
import random
import time
from datetime import date, timedelta

import pytest
from practice_memory import an_account, connected, touch
from sqlalchemy import select

from bot.words.connection import Flow
from bot.words.freight import PushResult, PushState
from storage.freight import deliveries, sent_through
from storage.touchpoints import DAILY

SENT, RETRY, ASIDE = PushState.SENT, PushState.RETRY, PushState.SET_ASIDE


@pytest.fixture
async def crm(memory, clock):
    [connection] = await connected(memory, clock(), platform="salesforce", flows=[Flow.TOUCHPOINTS])
    return connection.id


async def accept(memory, clock, *touchpoints):
    async with memory.begin() as tx:
        return (await tx.touchpoints.accept(touchpoints, clock()))[:2]


async def batch(memory, clock, crm, limit=100):
    async with memory.read() as tx:
        return [delivery.touchpoint.id for delivery in await tx.touchpoints.batch(crm, limit, clock())]


async def settle(memory, clock, crm, *results):
    """Of these touchpoints, each of which has the number of its delivery in its id."""
    others = [PushResult(f"TP2_{n}", state, why) for n, state, why in results if state is not SENT]
    async with memory.begin() as tx:
        await tx.touchpoints.settle(crm, [n for n, state, _ in results if state is SENT], others, clock())


async def test_a_touchpoint_arrives_as_it_was_given(memory, clock, crm):
    given = touch(
        1, clock(), "salesforce", Medium="cpc", Amount=1.5, Odd="\x00 \ud800 é \u2028", Nested={"a": [1, None]}
    )
    assert await accept(memory, clock, given) == (1, 0)
    async with memory.read() as tx:
        [delivery] = await tx.touchpoints.batch(crm, 10, clock())
    assert (1, given) == delivery


async def test_a_repeated_id_is_counted_and_changes_nothing(memory, clock, crm):
    first, other = touch(1, clock(), Medium="cpc"), touch(1, clock(), Medium="changed")
    assert await accept(memory, clock, first, other, touch(2, clock())) == (2, 1)
    assert await accept(memory, clock, other, touch(2, clock()), touch(3, clock())) == (1, 2)
    async with memory.read() as tx:
        held = [delivery.touchpoint for delivery in await tx.touchpoints.batch(crm, 10, clock())]
    assert [first, touch(2, clock()), touch(3, clock())] == held


async def test_all_or_nothing(memory, clock, crm):
    with pytest.raises(ValueError, match="time zone"):
        await accept(memory, clock, touch(1, clock()), touch(2, clock().replace(tzinfo=None)))
    assert await batch(memory, clock, crm) == []
    assert await accept(memory, clock, touch(1, clock())) == (1, 0)
    async with memory.read() as tx:
        assert await tx.touchpoints.top(crm) == 1, "a number that was rolled back is given again"


async def test_the_same_batch_from_many_sides_is_accepted_once(memory, clock, crm):
    given = [touch(number, clock()) for number in range(30)]
    answers = await asyncio.gather(*(accept(memory, clock, *(given[i:] + given[:i])) for i in range(0, 30, 5)))
    assert tuple(map(sum, zip(*answers, strict=True))) == (30, 150)
    async with memory.read() as tx:
        assert await tx.touchpoints.waiting(crm) == 30


async def test_whoever_sees_a_number_sees_all_below_it(memory, clock, crm):
    done = asyncio.Event()

    async def look():
        while not done.is_set():
            async with memory.read() as tx:
                top = await tx.touchpoints.top(crm)
                assert top == await tx.touchpoints.waiting(crm, through=top)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await asyncio.gather(
        *(accept(memory, clock, *(touch(i, clock()) for i in range(n, n + 40))) for n in range(0, 400, 40))
    )
    done.set()
    await looking
    async with memory.read() as tx:
        assert await tx.touchpoints.top(crm) == 400


async def test_each_crm_gets_its_own_and_those_for_all(memory, clock, crm):
    [hubspot] = await connected(memory, clock(), "h", platform="hubspot", flows=[Flow.TOUCHPOINTS])
    await accept(memory, clock, touch(1, clock()), touch(2, clock(), "hubspot"), touch(3, clock(), "dynamics_365"))
    assert [await batch(memory, clock, i) for i in (crm, hubspot.id)] == [["TP2_1"], ["TP2_1", "TP2_2"]]
    async with memory.read() as tx:
        assert (await tx.touchpoints.accept((), clock()))[2] == 1
        assert tuple([await tx.touchpoints.waiting(i) for i in (crm, hubspot.id)]) == (1, 2)


async def test_a_large_batch_keeps_its_order_for_each_crm_and_its_numbers_have_no_gap(memory, clock, crm):
    [hubspot] = await connected(memory, clock(), "h", platform="hubspot", flows=[Flow.TOUCHPOINTS])
    platforms = [None, "hubspot", "salesforce", "dynamics_365"]
    given = [touch(n, clock() - timedelta(seconds=n), platforms[n % 4]) for n in range(250, 0, -1)]
    assert await accept(memory, clock, *given, touch(9, clock())) == (250, 1)
    async with memory.read() as tx:
        each = [await tx.touchpoints.batch(i, 999, clock()) for i in (crm, hubspot.id)]
        assert (await tx.touchpoints.accept((), clock()))[2] == 62
    for held, platform in zip(each, ("salesforce", "hubspot"), strict=True):
        assert [delivery.touchpoint for delivery in held] == [t for t in given if t.crm in (None, platform)]
    assert sorted(delivery.number for held in each for delivery in held) == list(range(1, 251))


async def test_what_is_known_already_leaves_no_gap_in_the_numbers(memory, clock, crm):
    await accept(memory, clock, *(touch(n, clock()) for n in range(0, 300, 3)))
    assert await accept(memory, clock, *(touch(n % 250, clock()) for n in range(400))) == (166, 234)
    async with memory.read() as tx:
        held = await tx.touchpoints.batch(crm, 999, clock())
    assert [delivery.number for delivery in held] == list(range(1, 267))
    new = [n for n in range(250) if n % 3]
    assert [delivery.touchpoint.id for delivery in held[100:]] == [f"TP2_{n}" for n in new]


async def test_a_dropped_crm_keeps_collecting(memory, clock, crm):
    async with memory.begin() as tx:
        await tx.connections.set_authorized([crm], False)
    await accept(memory, clock, touch(1, clock()))
    async with memory.read() as tx:
        assert (await tx.touchpoints.waiting(crm), (await tx.touchpoints.accept((), clock()))[2]) == (1, 0)


async def test_what_is_sent_is_done_and_found_for_the_check(memory, clock, crm):
    await accept(memory, clock, *(touch(number, clock()) for number in range(1, 6)))
    await settle(memory, clock, crm, (1, SENT, ""), (2, SENT, ""), (4, SENT, ""))
    assert await batch(memory, clock, crm) == ["TP2_3", "TP2_5"]
    async with memory.read() as tx:
        assert await tx.touchpoints.first_waiting(crm) == 3
        assert (await tx.touchpoints.waiting(crm), await tx.touchpoints.waiting(crm, through=3)) == (2, 1)
        assert [delivery.number for delivery in await tx.touchpoints.sent_between(crm, 1, 4, 10)] == [2, 4]
        assert [delivery.number for delivery in await tx.touchpoints.sent_between(crm, 0, 5, 1)] == [1]


@pytest.mark.parametrize("numbers", [[1, 3, 5], [3, 5], [2, 3]])
async def test_only_these_are_marked_of_this_crm_only(numbers, memory, clock, crm):
    [hubspot] = await connected(memory, clock(), "h", platform="hubspot", flows=[Flow.TOUCHPOINTS])
    await accept(memory, clock, touch(1, clock()), touch(2, clock(), "salesforce"), touch(3, clock()))
    async with memory.read() as tx:
        mine, other = [await tx.touchpoints.batch(i, 9, clock()) for i in (crm, hubspot.id)]
    async with memory.begin() as tx:
        await tx.touchpoints.settle(crm, numbers, [], clock())
    async with memory.read() as tx:
        assert [d for d in mine if d.number not in numbers] == [*await tx.touchpoints.batch(crm, 9, clock())]
        assert [*other] == [*await tx.touchpoints.batch(hubspot.id, 9, clock())]


async def test_what_the_crm_lost_is_sent_again(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()), touch(2, clock()))
    await settle(memory, clock, crm, (1, SENT, ""), (2, SENT, ""))
    async with memory.begin() as tx:
        assert await tx.touchpoints.first_waiting(crm) is None
        await tx.touchpoints.resend(crm, ["TP2_2"], clock())
    assert await batch(memory, clock, crm) == ["TP2_2"]


async def test_a_record_the_crm_wants_again_stays_away_longer_each_time(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()), touch(2, clock()))
    for pause in (1, 2, 4):
        await settle(memory, clock, crm, (1, RETRY, "locked"))
        clock.advance(seconds=pause - 0.1)
        assert await batch(memory, clock, crm) == ["TP2_2"]
        clock.advance(seconds=0.1)
        assert await batch(memory, clock, crm) == ["TP2_1", "TP2_2"]
    async with memory.read() as tx:
        assert await tx.touchpoints.waiting(crm) == 2


async def test_a_refused_record_is_set_aside_and_tried_again_the_next_day(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()), touch(2, clock()))
    await settle(memory, clock, crm, (1, ASIDE, "no such field"), (2, ASIDE, "too long"))
    async with memory.read() as tx:
        assert await tx.touchpoints.set_aside(crm) == [("TP2_1", "no such field"), ("TP2_2", "too long")]
        assert await tx.touchpoints.waiting(crm) == 0
    assert await batch(memory, clock, crm) == []
    await accept(memory, clock, touch(3, clock.advance(days=1)))
    assert await batch(memory, clock, crm) == ["TP2_1", "TP2_2", "TP2_3"]
    await settle(memory, clock, crm, (1, SENT, ""))
    async with memory.read() as tx:
        assert await tx.touchpoints.set_aside(crm) == [("TP2_2", "too long")]


async def test_a_late_answer_does_not_undo_a_sent_record(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()))
    await settle(memory, clock, crm, (1, SENT, ""))
    await settle(memory, clock, crm, (1, ASIDE, "late"), (1, RETRY, "late"), (99, SENT, "unknown"))
    async with memory.read() as tx:
        assert (await tx.touchpoints.set_aside(crm), await tx.touchpoints.waiting(crm)) == ([], 0)


async def test_what_a_crm_took_whole_is_remembered_as_one_number_and_no_row_is_touched(memory, clock, crm):
    await accept(memory, clock, *(touch(number, clock()) for number in range(1, 7)))
    for numbers in ((1, 2), (3, 4), (5,)):
        await settle(memory, clock, crm, *[(number, SENT, "") for number in numbers])
    async with memory.read() as tx:
        rows = await tx.touchpoints._tx.all(select(deliveries.c.state))
        assert ["waiting"] * 6 == [row.state for row in rows]
        [run] = await tx.touchpoints._tx.all(select(sent_through))
        assert (crm, clock().date(), 5) == tuple(run)
    assert await batch(memory, clock, crm) == ["TP2_6"]


async def test_a_number_that_was_never_given_leaves_those_to_come_waiting(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()))
    await settle(memory, clock, crm, (1, SENT, ""), (50, SENT, "from elsewhere"))
    await accept(memory, clock, touch(2, clock()), touch(3, clock()))
    assert await batch(memory, clock, crm) == ["TP2_2", "TP2_3"]


async def test_whatever_comes_back_in_whatever_order_only_what_was_sent_counts_as_sent(memory, clock, crm):
    """Against a plain set of numbers, with another CRM's deliveries in between."""
    [hubspot] = await connected(memory, clock(), "h", platform="hubspot", flows=[Flow.TOUCHPOINTS])
    chance, wanted, ids, given = random.Random(7), set(), {}, 0
    for _ in range(25):
        new = range(given + 1, given + chance.randrange(2, 9))
        await accept(memory, clock, *(touch(n, clock(), chance.choice(["salesforce", "hubspot"])) for n in new))
        given = new[-1]
        async with memory.begin() as tx:
            held = await tx.touchpoints.batch(crm, chance.randrange(1, 9), clock())
            ids |= {each.number: each.touchpoint.id for each in held}
            some = [each for each in held if chance.random() < 0.8]
            rest = [each.touchpoint.id for each in held if each not in some and chance.random() < 0.8]
            others = [PushResult(each, chance.choice([RETRY, ASIDE]), "no") for each in rest]
            await tx.touchpoints.settle(crm, [each.number for each in some], others, clock())
            wanted |= {each.number for each in some}
            if wanted and chance.random() < 0.2:
                lost = chance.choice(sorted(wanted))
                await tx.touchpoints.resend(crm, [ids[lost]], clock())
                wanted -= {lost}
        clock.advance(hours=chance.choice([0, 1, 30]))
        async with memory.read() as tx:
            assert wanted == {each.number for each in await tx.touchpoints.sent_between(crm, 0, given, given)}
            waiting = [await tx.touchpoints.waiting(each) for each in (crm, hubspot.id)]
            assert sum(waiting) == await tx.touchpoints.waiting_everywhere()
            assert waiting[:1] == [await tx.touchpoints.waiting_at([crm])]
            later = clock() + 3 * DAILY
            due = [await tx.touchpoints.batch(each, given, later) for each in (crm, hubspot.id)]
            assert len(due[0]) == waiting[0] + len(await tx.touchpoints.set_aside(crm))
            assert sorted([*wanted, *(each.number for some in due for each in some)]) == list(range(1, given + 1))


async def test_credits_are_never_overdrawn(memory, clock, crm):
    today = date(2026, 11, 23)

    async def spend(calls, cap, day=today):
        async with memory.begin() as tx:
            return await tx.touchpoints.spend(crm, day, calls, cap)

    assert sum(await asyncio.gather(*(spend(30, 100) for _ in range(6)))) == 3
    assert [await spend(10, 100), await spend(1, 100)] == [True, False]
    assert [await spend(100, 100, today + timedelta(days=1)), await spend(101, 100, date(2027, 1, 1))] == [True, False]
    assert await spend(1_000_000, 0), "0 means no cap"


async def test_another_crm_account_of_the_same_platform_gets_only_what_comes_after_it(memory, clock, crm):
    await accept(memory, clock, touch(1, clock()))
    async with memory.begin() as tx:
        grant = await tx.grants.get((await tx.connections.get(crm)).grant_id)
        second = await an_account(tx, grant, clock(), "second", [Flow.TOUCHPOINTS])
    await accept(memory, clock, touch(2, clock()))
    assert [await batch(memory, clock, i) for i in (crm, second.id)] == [["TP2_1", "TP2_2"], ["TP2_2"]]


async def test_five_thousand_at_once_are_quick(memory, clock, crm):
    given = [touch(number, clock(), Medium="cpc", Source="google", Campaign=str(number)) for number in range(5_000)]
    began = time.perf_counter()
    assert await accept(memory, clock, *given) == (5_000, 0)
    assert time.perf_counter() - began < 10, "about half a second on a free machine"
    async with memory.read() as tx:
        assert await tx.touchpoints.waiting(crm) == 5_000
