"""Tokens to be revoked, and the processes that are alive to do it."""

import asyncio
from datetime import timedelta

from sqlalchemy import create_engine, func, select, update

from bot.memory.memory import Work
from bot.words.connection import Secret
from storage import new_key, open_memory
from storage.tables import revocations

HOUR = timedelta(hours=1)


async def claim(memory, clock):
    async with memory.begin() as tx:
        return await tx.revocations.claim(clock(), 10)


async def test_a_token_to_be_revoked_is_claimed_once_until_it_is_done(memory, clock, due):
    async with memory.begin() as tx:
        await tx.revocations.add("google_ads", Secret("old"), clock())
    assert [{Work.REVOKE}] == due
    claimed = [one for some in await asyncio.gather(*(claim(memory, clock) for _ in range(4))) for one in some]
    [(row, platform, token, _)] = claimed
    assert (row[:4], platform, token.reveal()) == ("rev_", "google_ads", "old")
    clock.advance(minutes=5)
    assert claimed == await claim(memory, clock), "nobody finished it"
    async with memory.begin() as tx:
        await tx.revocations.later(row, clock() + timedelta(hours=1))
    assert await claim(memory, clock) == []
    clock.advance(hours=1)
    assert len(await claim(memory, clock)) == 1
    async with memory.begin() as tx:
        await tx.revocations.done(row)
    clock.advance(days=1)
    assert await claim(memory, clock) == []


async def test_what_a_dead_process_had_claimed_is_free_at_once_but_not_what_it_had_put_off(memory, clock):
    async with memory.begin() as tx:
        for token in ("claimed", "put off"):
            await tx.revocations.add("google_ads", Secret(token), clock())
        claimed = await tx.revocations.claim(clock(), 10, "dead")
        await tx.revocations.later(
            next(row for row, _, token, _ in claimed if token.reveal() == "put off"), clock.at + HOUR
        )
        await tx.replicas.free(["alive"])
    assert ["claimed"] == [token.reveal() for _, _, token, _ in await claim(memory, clock)]


async def test_one_under_a_lost_key_holds_up_no_other(memory, clock, database_url):
    async with memory.begin() as tx:
        await tx.revocations.add("google_ads", Secret("old"), clock())
    other = await open_memory(database_url, [new_key(["k1:"])], on_due=None, now=clock)
    async with other.begin() as tx:
        await tx.revocations.add("google_ads", Secret("new"), clock())
    assert [each[2].reveal() for each in await claim(other, clock)] == ["new"]
    await other.close()
    assert [each[2].reveal() for each in await claim(memory, clock)] == ["old"]


async def test_one_that_was_changed_is_left_out_and_holds_up_no_other(memory, clock, database_url):
    async with memory.begin() as tx:
        await tx.revocations.add("google_ads", Secret("first"), clock())
        await tx.revocations.add("google_ads", Secret("second"), clock())
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        last = select(func.max(revocations.c.id)).scalar_subquery()
        connection.execute(update(revocations).where(revocations.c.id == last).values(token="e30.x.y.z.w"))
    engine.dispose()
    assert len(await claim(memory, clock)) == 1


async def test_a_replica_is_alive_while_it_beats(memory, clock):
    async with memory.begin() as tx:
        await tx.replicas.beat("a", "all", clock())
        await tx.replicas.beat("b", "worker", clock.advance(seconds=6))
        assert await tx.replicas.alive(clock.advance(seconds=4)) == ["a", "b"]
        assert await tx.replicas.alive(clock.advance(seconds=1)) == ["b"]
        await tx.replicas.beat("a", "all", clock())
        await tx.replicas.leave("b")
        assert await tx.replicas.alive(clock()) == ["a"]


async def test_the_eldest_living_replicas_that_answer_people_have_the_sockets(memory, clock):
    async with memory.begin() as tx:
        for name, role in (("z", "web"), ("y", "all"), ("w", "worker"), ("a", "all")):
            await tx.replicas.beat(name, role, clock.advance(seconds=1))
    async with memory.begin() as tx:
        await tx.replicas.beat("z", "web", clock())
        assert ["z", "y"] == await tx.replicas.eldest(clock(), ("all", "web"), 2)
    clock.advance(seconds=9)
    async with memory.begin() as tx:
        for name in ("z", "a"):
            await tx.replicas.beat(name, "all", clock())
        clock.advance(seconds=3)
        assert ["z", "a"] == await tx.replicas.eldest(clock(), ("all", "web"), 2)
