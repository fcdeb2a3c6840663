"""The outbox: nothing asked for is lost, nothing is said twice, and threads tell things in their order."""

import asyncio
from datetime import timedelta, timezone

import pytest
from practice_memory import LEASE, a_grant, an_account, connected, drop, dropped

from bot.memory.memory import Work
from bot.words.errors import Fenced


@pytest.fixture
async def outage(memory, clock):
    return await dropped(memory, clock(), *await connected(memory, clock()))


async def claim(memory, clock, owner="me"):
    async with memory.begin() as tx:
        return await tx.outbox.claim(clock(), 10, owner, LEASE)


async def ask(memory, outage, revision, due_at):
    async with memory.begin() as tx:
        await tx.outbox.say_message(outage.id, revision, due_at)


async def said(memory, saying, clock):
    async with memory.begin() as tx:
        await tx.outbox.said(saying, clock())


async def test_the_message_is_one_row_with_the_earliest_date_and_the_latest_revision(memory, clock, outage):
    await ask(memory, outage, 3, clock() + timedelta(minutes=2))
    await ask(memory, outage, 2, clock() + timedelta(minutes=1))
    await ask(memory, outage, 1, clock() + timedelta(minutes=3))
    assert await claim(memory, clock) == []
    clock.advance(minutes=1)
    [saying] = await claim(memory, clock)
    assert ("message", outage.id, 3) == (saying.kind, saying.outage_id, saying.revision)
    assert await claim(memory, clock) == []


async def test_a_moment_told_in_the_time_of_another_place_is_the_same_moment(memory, clock, outage):
    await ask(memory, outage, 1, clock() + timedelta(minutes=2))
    await ask(memory, outage, 1, (clock() + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=5))))
    assert await claim(memory, clock) == []
    clock.advance(minutes=1)
    assert len(await claim(memory, clock)) == 1


async def test_what_was_said_is_done(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    await said(memory, saying, clock)
    assert await claim(memory, clock.advance(days=1) and clock) == []
    with pytest.raises(Fenced):
        await said(memory, saying, clock)


async def test_what_is_asked_while_it_is_said_is_said_again(memory, clock, outage, due):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    await ask(memory, outage, 2, clock())
    assert await claim(memory, clock) == [], "one post at a time"
    due.clear()
    await said(memory, saying, clock)
    assert [{Work.SAY}] == due
    [again] = await claim(memory, clock)
    assert again.revision == 2


async def test_a_later_date_asked_while_it_is_said_stays(memory, clock, outage, due):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    await ask(memory, outage, 1, clock() + timedelta(hours=4))
    due.clear()
    await said(memory, saying, clock)
    assert due == []
    assert await claim(memory, clock) == []
    clock.advance(hours=4)
    assert len(await claim(memory, clock)) == 1


async def test_a_post_that_failed_comes_again_at_its_time(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.outbox.posting(saying, clock())
        await tx.outbox.later(saying, clock() + timedelta(seconds=30))
    assert await claim(memory, clock) == []
    clock.advance(seconds=30)
    [again] = await claim(memory, clock)
    assert (again.attempts, again.started_at) == (1, None)


async def test_an_unclear_post_says_so_to_the_next_who_claims_it(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    started = clock()
    async with memory.begin() as tx:
        await tx.outbox.posting(saying, started)
        await tx.outbox.later(saying, started, unclear=True)
    [again] = await claim(memory, clock)
    assert started == again.started_at


async def test_a_process_that_dies_while_posting_leaves_an_unclear_row(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock, "dead")
    started = clock()
    async with memory.begin() as tx:
        await tx.outbox.posting(saying, started)
    assert await claim(memory, clock) == []
    async with memory.begin() as tx:
        await tx.outbox.free(["me"])
    [again] = await claim(memory, clock)
    assert started == again.started_at
    for late in (tx.outbox.said, tx.outbox.posting, tx.outbox.later):
        with pytest.raises(Fenced):
            async with memory.begin() as tx:
                await getattr(tx.outbox, late.__name__)(saying, clock())
    clock.advance(seconds=60)
    assert len(await claim(memory, clock)) == 1, "and without that, the lease runs out"


async def test_a_reply_waits_for_the_message_and_is_said_once(memory, clock, outage, due):
    async with memory.begin() as tx:
        for _ in range(2):
            await tx.outbox.say_reply(outage.id, "claimed", 2, {"who": "U1"}, clock())
    assert {Work.SAY} == due[-1]
    assert await claim(memory, clock) == []
    async with memory.begin() as tx:
        await tx.outages.alerted(outage.id, "C1", "1.1", clock())
    [reply] = await claim(memory, clock)
    assert (reply.kind, reply.what, reply.revision, reply.detail) == ("reply", "claimed", 2, {"who": "U1"})
    await said(memory, reply, clock)
    async with memory.begin() as tx:
        await tx.outbox.say_reply(outage.id, "claimed", 2, {"who": "U1"}, clock())
    assert await claim(memory, clock) == []


async def test_replies_come_in_their_order_even_after_a_failure(memory, clock, outage):
    async with memory.begin() as tx:
        await tx.outages.alerted(outage.id, "C1", "1.1", clock())
        await tx.outbox.say_reply(outage.id, "reauthorized", 3, {}, clock())
        await tx.outbox.say_reply(outage.id, "claimed", 2, {}, clock())
        await tx.outbox.say_reply(outage.id, "caught_up", 4, {}, clock())
    [first] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.outbox.later(first, clock() + timedelta(minutes=1))
    assert await claim(memory, clock) == []
    clock.advance(minutes=1)
    told = []
    for _ in range(3):
        [reply] = await claim(memory, clock)
        told.append(reply.what)
        await said(memory, reply, clock)
    assert told == ["claimed", "reauthorized", "caught_up"]


async def test_two_claimers_never_get_the_same_row(memory, clock):
    async with memory.begin() as tx:
        for number in range(20):
            account = await an_account(tx, await a_grant(tx, clock(), f"p{number}"), clock(), str(number))
            await tx.outbox.say_message((await drop(tx, clock(), account)).id, 1, clock())
    shares = await asyncio.gather(*(claim(memory, clock, f"worker-{number}") for number in range(5)))
    taken = [saying.key for share in shares for saying in share]
    assert len(taken) == len(set(taken)) == 20


async def test_waiting_counts_what_is_due_and_what_is_being_said(memory, clock, outage):
    await ask(memory, outage, 1, clock() + timedelta(hours=4))
    async with memory.read() as tx:
        assert await tx.outbox.waiting() == 0
    await ask(memory, outage, 1, clock())
    async with memory.read() as tx:
        assert await tx.outbox.waiting() == 1
    [saying] = await claim(memory, clock)
    async with memory.read() as tx:
        assert await tx.outbox.waiting() == 1
    await said(memory, saying, clock)
    async with memory.read() as tx:
        assert await tx.outbox.waiting() == 0


async def test_what_was_asked_meanwhile_is_said_once_even_if_the_post_before_it_failed(memory, clock, outage):
    for asked_after in (0, 30):
        await ask(memory, outage, 1, clock())
        [saying] = await claim(memory, clock)
        await ask(memory, outage, 2, clock() + timedelta(seconds=asked_after))
        async with memory.begin() as tx:
            await tx.outbox.later(saying, clock() + timedelta(seconds=30))
        clock.advance(seconds=30)
        [again] = await claim(memory, clock)
        assert again.revision == 2
        await said(memory, again, clock)
        clock.advance(days=1)
        assert await claim(memory, clock) == []


async def test_what_was_asked_for_tomorrow_is_said_tomorrow_even_if_the_post_before_it_failed(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    await ask(memory, outage, 1, clock() + timedelta(days=1))
    async with memory.begin() as tx:
        await tx.outbox.later(saying, clock() + timedelta(seconds=30))
    clock.advance(seconds=30)
    [again] = await claim(memory, clock)
    await said(memory, again, clock)
    clock.advance(days=1)
    assert len(await claim(memory, clock)) == 1


async def test_asking_once_more_during_a_post_does_not_come_back_for_ever(memory, clock, outage):
    await ask(memory, outage, 1, clock())
    [saying] = await claim(memory, clock)
    await ask(memory, outage, 2, clock())
    await said(memory, saying, clock)
    [saying] = await claim(memory, clock)
    await said(memory, saying, clock)
    assert await claim(memory, clock) == []


async def test_what_slack_took_last_is_what_is_not_told_elsewhere(memory, clock, outage):
    """A message whose edit hangs is told elsewhere; one that stands as it is told is not."""
    for revision in (1, 2):
        await ask(memory, outage, revision, clock())
        [saying] = await claim(memory, clock)
        await said(memory, saying, clock)
    await ask(memory, outage, 2, clock())
    [saying] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.outbox.later(saying, clock(), elsewhere_at=clock())
        assert await tx.notices.overdue(clock(), 9) == []
    await ask(memory, outage, 3, clock())
    async with memory.read() as tx:
        assert await tx.notices.overdue(clock(), 9) == [(outage.id, 3)]


async def test_a_reply_that_a_process_died_over_before_it_sent_it_can_still_be_unsaid(memory, clock, outage):
    async with memory.begin() as tx:
        await tx.outages.alerted(outage.id, "C1", "1.1", clock())
        await tx.outbox.say_reply(outage.id, "caught_up", 2, {}, clock())
    assert await claim(memory, clock, "dead")
    async with memory.begin() as tx:
        await tx.outbox.free(["me"])
        await tx.outbox.unsay(outage.id, "caught_up")
    assert await claim(memory, clock) == []
