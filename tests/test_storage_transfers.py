"""Transfers: claims with a fence and a lease, cursors, and the marks of a catch-up."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_memory import LEASE, connected, dropped
from sqlalchemy import select
from sqlalchemy.sql.functions import count

from bot.memory.memory import Work
from bot.words.connection import Flow
from bot.words.errors import Fenced
from storage.tables import transfers


async def claim(memory, clock, limit=10, owner="me"):
    async with memory.begin() as tx:
        return await tx.transfers.claim(clock(), limit, owner, LEASE)


async def test_two_claimers_never_get_the_same_row(memory, clock):
    await connected(memory, clock(), *(str(number) for number in range(40)))
    shares = await asyncio.gather(*(claim(memory, clock, 7, f"worker-{number}") for number in range(8)))
    taken = [transfer.connection_id for share in shares for transfer in share]
    assert len(taken) == len(set(taken)) == 40


async def test_progress_is_there_after_the_next_claim(memory, clock):
    await connected(memory, clock())
    [transfer] = await claim(memory, clock)
    moved = replace(transfer, cursor={"through": "2026-11-22"}, notes={"job": "7"}, done=3, total=9)
    async with memory.begin() as tx:
        await tx.transfers.save(moved, clock(), LEASE)
        await tx.transfers.release(moved, clock(), attempts=2)
    [again] = await claim(memory, clock)
    assert replace(moved, fence=transfer.fence + 1, attempts=2) == again


async def test_a_claim_is_kept_by_saving_and_lost_by_silence(memory, clock):
    await connected(memory, clock())
    [transfer] = await claim(memory, clock)
    clock.advance(seconds=50)
    async with memory.begin() as tx:
        await tx.transfers.save(transfer, clock(), LEASE)
    clock.advance(seconds=50)
    assert await claim(memory, clock, owner="other") == []
    clock.advance(seconds=10)
    [taken] = await claim(memory, clock, owner="other")
    for late in ("save", "release", "passed", "verified", "unpass"):
        with pytest.raises(Fenced):
            async with memory.begin() as tx:
                await call(tx.transfers, late, transfer, clock())
    async with memory.begin() as tx:
        await tx.transfers.release(taken, clock(), attempts=0)


async def call(transfers, name, transfer, now):
    more = {"save": (now, LEASE), "release": (now,)}.get(name, (now,))
    await getattr(transfers, name)(transfer, *more, **({"attempts": 0} if name == "release" else {}))


async def test_a_released_transfer_waits_for_its_time(memory, clock):
    await connected(memory, clock())
    [transfer] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.release(transfer, clock() + timedelta(hours=1), attempts=0)
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await tx.transfers.save(transfer, clock(), LEASE)
    assert await claim(memory, clock) == []
    clock.advance(hours=1)
    assert len(await claim(memory, clock)) == 1


async def test_paused_and_lost_connections_are_left_alone(memory, clock, due):
    paused, lost = await connected(memory, clock(), "111", "222")
    async with memory.begin() as tx:
        await tx.connections.set_enabled(paused.id, False)
        await tx.connections.set_authorized([lost.id], False)
    assert await claim(memory, clock) == []
    due.clear()
    async with memory.begin() as tx:
        await tx.connections.set_enabled(paused.id, True)
    async with memory.begin() as tx:
        await tx.connections.set_authorized([lost.id], True)
    assert [{Work.MOVE, Work.CHECK}] * 2 == due
    assert len(await claim(memory, clock)) == 2


async def waiting(memory, clock):
    """How many each claim has to walk along, whether they may be taken or not."""
    async with memory.read() as tx:
        return await tx.transfers._tx.value(select(count()).where(transfers.c.due_at <= clock()))


async def test_what_is_paused_or_lost_is_out_of_the_way_of_each_claim_and_comes_at_once_when_it_is_back(memory, clock):
    paused, lost, works = await connected(memory, clock(), "111", "222", "333")
    async with memory.begin() as tx:
        await tx.connections.set_enabled(paused.id, False)
        await tx.connections.set_authorized([lost.id], False)
    assert 3 == await waiting(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.put_off_lost(clock())
    assert 1 == await waiting(memory, clock)
    assert [works.id] == [each.connection_id for each in await claim(memory, clock)]

    async with memory.begin() as tx:
        await tx.connections.set_enabled(paused.id, True)
        await tx.connections.set_authorized([lost.id, works.id], True)
    assert {paused.id, lost.id} == {each.connection_id for each in await claim(memory, clock)}


async def test_none_is_put_off_whose_connection_comes_back_at_this_moment(memory, clock):
    if memory._database.path is not None:
        pytest.skip("SQLite has one writer at a time")
    [lost] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.connections.set_authorized([lost.id], False)
    async with memory.begin() as healing:
        await healing.connections.set_authorized([lost.id], True)
        async with memory.begin() as tx:
            await tx.transfers.put_off_lost(clock())
    assert 1 == len(await claim(memory, clock))


async def test_catch_ups_go_first_then_what_waits_longest(memory, clock):
    one = (await connected(memory, clock(), "111"))[0]
    async with memory.begin() as tx:
        grant = await tx.grants.get(one.grant_id)
        clock.advance(minutes=1)
        two, three = [
            await tx.connections.add(
                grant, one.kind, replace(one.account, id=i), autotagging=False, utm="", flows=[Flow.COST], now=clock()
            )
            for i in ("222", "333")
        ]
    outage = await dropped(memory, clock(), three)
    async with memory.begin() as tx:
        await tx.transfers.mark(outage.id, three.id, Flow.COST, {"as_of": "x"}, 30)
    order = [(await claim(memory, clock, 1))[0].connection_id for _ in range(3)]
    assert [three.id, one.id, two.id] == order


async def test_a_mark_ends_a_running_claim_and_begins_anew(memory, clock, due):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    [old] = await claim(memory, clock)
    due.clear()
    async with memory.begin() as tx:
        await tx.transfers.mark(outage.id, connection.id, Flow.COST, {"until": "2026-11-23"}, 30)
    assert [{Work.MOVE}] == due
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await tx.transfers.save(old, clock(), LEASE)
    [marked] = await claim(memory, clock)
    async with memory.read() as tx:
        assert [marked] == await tx.transfers.of_outage(outage.id) == await tx.transfers.of_connections([connection.id])
    assert ({"until": "2026-11-23"}, outage.id, 0, 30) == (
        marked.mark,
        marked.mark_outage,
        marked.done,
        marked.total,
    )


async def test_passed_verified_and_cleared_are_remembered(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.transfers.mark(outage.id, connection.id, Flow.COST, {"n": 1}, 0)
    [transfer] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.passed(transfer, clock())
        await tx.transfers.verified(transfer, clock())
        [shown] = await tx.transfers.of_outage(outage.id)
        assert (clock(), clock()) == (shown.passed_at, shown.verified_at)
        await tx.transfers.clear_marks(outage.id)
        assert await tx.transfers.of_outage(outage.id) == []
        [plain] = await tx.transfers.of_connections([connection.id])
    assert (plain.mark, plain.mark_outage, plain.passed_at, plain.verified_at) == (None, None, None, None)


async def test_a_disagreement_with_the_source_goes_again_at_once(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.transfers.mark(outage.id, connection.id, Flow.COST, {"n": 1}, 0)
    [transfer] = await claim(memory, clock)
    back = replace(transfer, cursor={"through": "2026-11-01"}, mark={"n": 1, "disagreed": 1})
    async with memory.begin() as tx:
        await tx.transfers.passed(transfer, clock())
        await tx.transfers.unpass(back, clock())
        await tx.transfers.release(back, clock() + timedelta(hours=1), attempts=0)
    [again] = await claim(memory, clock)
    assert (back.cursor, back.mark, None) == (again.cursor, again.mark, again.passed_at)


async def test_hurry_makes_a_waiting_transfer_due_now(memory, clock, due):
    [connection] = await connected(memory, clock())
    [transfer] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.release(transfer, clock() + timedelta(hours=1), attempts=0)
    due.clear()
    async with memory.begin() as tx:
        await tx.transfers.hurry([connection.id], clock())
    assert [{Work.MOVE}] == due
    assert len(await claim(memory, clock)) == 1


async def test_hurry_during_a_pass_brings_another_pass(memory, clock, due):
    [connection] = await connected(memory, clock())
    [transfer] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.hurry([connection.id], clock())
    assert await claim(memory, clock) == []
    due.clear()
    async with memory.begin() as tx:
        await tx.transfers.release(transfer, clock() + timedelta(hours=1), attempts=0)
    assert [{Work.MOVE}] == due
    [again] = await claim(memory, clock)
    async with memory.begin() as tx:
        await tx.transfers.hurry([connection.id], clock())
        await tx.transfers.release(again, clock() + timedelta(minutes=1), attempts=1)
    assert await claim(memory, clock) == [], "a failed pass stays away as long as it was told to"


async def test_leases_of_dead_owners_are_given_up(memory, clock):
    await connected(memory, clock(), "111", "222")
    [dead] = await claim(memory, clock, 1, "dead")
    await claim(memory, clock, 1, "alive")
    async with memory.begin() as tx:
        await tx.transfers.free(["alive"])
    with pytest.raises(Fenced):
        async with memory.begin() as tx:
            await tx.transfers.save(dead, clock(), LEASE)
    assert [dead.connection_id] == [transfer.connection_id for transfer in await claim(memory, clock)]
    async with memory.begin() as tx:
        await tx.transfers.free([])
    assert len(await claim(memory, clock)) == 2


async def test_of_what_fell_due_just_now_each_replica_takes_its_share(memory, clock):
    await connected(memory, clock(), *(f"{n}" for n in range(8)), flows=[Flow.COST])

    async def claimed(owner, among=2):
        async with memory.begin() as tx:
            return len(await tx.transfers.claim(clock(), 8, owner, LEASE, among=among))

    assert [await claimed("a"), await claimed("a"), await claimed("b")] == [4, 0, 4]


async def test_what_another_replica_leaves_lying_is_anybodys(memory, clock):
    await connected(memory, clock(), *(f"{n}" for n in range(8)), flows=[Flow.COST])
    async with memory.begin() as tx:
        assert len(await tx.transfers.claim(clock(), 8, "a", LEASE, among=2)) == 4
    clock.advance(seconds=2)
    async with memory.begin() as tx:
        assert len(await tx.transfers.claim(clock(), 8, "a", LEASE, among=2)) == 4


async def test_a_catch_up_is_taken_by_whoever_sees_it_first(memory, clock):
    """Somebody waits for it."""
    [ads] = await connected(memory, clock(), "1", flows=(Flow.COST, Flow.TAGGING))
    outage = await dropped(memory, clock(), ads)
    async with memory.begin() as tx:
        await tx.connections.set_authorized([ads.id], True)
        for flow in (Flow.COST, Flow.TAGGING):
            await tx.transfers.mark(outage.id, ads.id, flow, {}, 1)
        assert len(await tx.transfers.claim(clock(), 8, "a", LEASE, among=2)) == 2
