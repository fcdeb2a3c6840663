"""Transactions: all or nothing, consistent views, wake-ups after the commit, and locks for the whole deployment."""

import asyncio
from datetime import timedelta
from itertools import chain

import pytest
from practice_memory import a_grant, connected
from sqlalchemy.exc import DBAPIError

from bot.memory.memory import Work
from storage import open_memory
from storage.transaction import CHUNK, parts


async def failing(memory, clock):
    async with memory.begin() as tx:
        await tx.grants.renew_at((await a_grant(tx, clock())).id, clock())
        assert len(await tx.grants.all()) == 1
        raise ZeroDivisionError


async def test_all_of_a_block_is_true_afterwards_or_none_of_it(memory, clock):
    with pytest.raises(ZeroDivisionError):
        await failing(memory, clock)
    async with memory.read() as tx:
        assert await tx.grants.all() == []


async def test_workers_wake_after_the_commit_never_before_and_never_without(memory, clock, due):
    with pytest.raises(ZeroDivisionError):
        await failing(memory, clock)
    assert due == []
    async with memory.begin() as tx:
        await tx.grants.renew_at((await a_grant(tx, clock())).id, clock())
        assert due == []
    assert due == [{Work.RENEW}]
    async with memory.begin() as tx:
        await tx.grants.all()
    assert due == [{Work.RENEW}], "nothing became due, so nobody is woken"


async def test_a_cancelled_block_leaves_nothing_and_blocks_nobody(memory, clock, due):
    inside = asyncio.Event()

    async def slow():
        async with memory.begin() as tx:
            await a_grant(tx, clock())
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(5), memory.begin() as tx:
        assert await tx.grants.all() == []


async def test_writing_through_a_view_is_an_error(memory, clock):
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with memory.read() as tx:
            await a_grant(tx, clock())
    async with memory.begin() as tx:
        await a_grant(tx, clock())


async def test_a_view_stays_as_it_was(memory, clock):
    async with memory.read() as tx:
        assert await tx.grants.all() == []
        await connected(memory, clock())
        assert await tx.grants.all() == []
        assert await tx.connections.all() == []
    async with memory.read() as tx:
        assert len(await tx.connections.all()) == 1


async def test_many_writers_queue_and_all_get_through(memory, clock):
    async def add(number):
        async with memory.begin() as tx:
            await a_grant(tx, clock(), f"person-{number}")

    await asyncio.gather(*(add(number) for number in range(40)))
    async with memory.read() as tx:
        assert len(await tx.grants.all()) == 40


async def test_one_holder_of_a_name_in_the_whole_deployment(memory, clock, database_url, keys):
    other = await open_memory(database_url, keys, on_due=None, now=clock)
    # SQLite has one process, so there the other one is the same.
    second = other if database_url.startswith("postgres") else memory
    holders = most = 0

    async def hold(of):
        nonlocal holders, most
        async with of.alone("grant:1"):
            holders += 1
            most = max(most, holders)
            await asyncio.sleep(0.005)
            holders -= 1

    await asyncio.gather(*(hold(of) for of in [memory, second] * 6))
    assert (most, holders) == (1, 0)
    await other.close()


async def test_different_names_do_not_wait_for_each_other(memory):
    async with memory.alone("grant:1"), asyncio.timeout(5), memory.alone("grant:2"):
        pass


async def test_a_holder_that_fails_or_is_cancelled_lets_go(memory, database_url, keys, clock):
    with pytest.raises(ZeroDivisionError):
        async with memory.alone("x"):
            raise ZeroDivisionError
    holding = asyncio.Event()

    async def hold(of):
        async with of.alone("x"):
            holding.set()
            await asyncio.sleep(60)

    holder = asyncio.create_task(hold(memory))
    await holding.wait()
    other = await open_memory(database_url, keys, on_due=None, now=clock)
    second = other if database_url.startswith("postgres") else memory
    waiter = asyncio.create_task(hold(second))
    await asyncio.sleep(0.05)
    for task in (waiter, holder):
        task.cancel()
    await asyncio.gather(waiter, holder, return_exceptions=True)
    async with asyncio.timeout(5), second.alone("x"), memory.alone("y"):
        pass
    await other.close()
    assert memory._locks._locks == {}


async def test_the_lock_is_held_while_the_platform_takes_its_time(memory, clock):
    """No transaction is open meanwhile, so nothing else has to wait."""
    async with memory.alone("grant:1"), asyncio.timeout(5):
        async with memory.begin() as tx:
            await a_grant(tx, clock())
        async with memory.read() as tx:
            assert len(await tx.grants.all()) == 1


async def test_one_question_tells_which_kinds_of_work_are_due(memory, clock):
    [_] = await connected(memory, clock(), "1")
    found = [await due_now(memory, clock)]
    async with memory.begin() as tx:
        claimed = await tx.connections.claim_checks(clock(), 9)
    found.append(await due_now(memory, clock))
    async with memory.begin() as tx:
        await tx.transfers.claim(clock(), 9, "me", timedelta(minutes=1))
    found.append(await due_now(memory, clock))
    async with memory.begin() as tx:
        await tx.connections.unclaim_checks([each.id for each in claimed], clock())
        await tx.grants.renew_at(claimed[0].grant_id, clock())
    found.append(await due_now(memory, clock))
    assert found == [{Work.CHECK, Work.MOVE}, {Work.MOVE}, set(), {Work.CHECK, Work.RENEW}]


async def due_now(memory, clock):
    async with memory.read() as tx:
        return await tx.agenda.due(clock())


def test_more_ids_than_one_statement_takes_are_cut_into_parts_that_name_each_once():
    ids = [f"id_{number}" for number in range(2 * CHUNK + 1)]
    assert [CHUNK, CHUNK, 1] == [len(part) for part in parts(ids)]
    assert ids == list(chain.from_iterable(parts(ids)))
    assert [] == parts([])
