"""Storms in the database: logins lost by the hundred, the outages that share a message, and what is counted of them."""

from datetime import timedelta

import pytest
from practice_memory import LOST, a_grant, an_account, dropped

from bot.memory.storms import LostLogin
from bot.words.connection import Flow, Reach

WINDOW = timedelta(seconds=30)


@pytest.fixture
async def logins(memory, clock):
    """Twelve logins with an account each."""
    async with memory.begin() as tx:
        made = [await a_grant(tx, clock(), f"person{n:02}") for n in range(12)]
        return [await an_account(tx, grant, clock(), f"{n:03}") for n, grant in enumerate(made)]


async def lose(memory, clock, connections, generation=1):
    async with memory.begin() as tx:
        return await tx.storms.lose({c.grant_id: generation for c in connections}, clock() - timedelta(days=1), clock())


async def begin(memory, clock, connections, after=5, channel="C1"):
    async with memory.begin() as tx:
        lost = [LostLogin([c], "AuthorizationLost", LOST, clock(), channel, after) for c in connections]
        return await tx.storms.open(lost, WINDOW, clock())


async def test_only_logins_are_lost_together_of_which_nothing_is_told(memory, clock, logins):
    told, ended, newer, gone, *rest = logins
    await dropped(memory, clock(), told)
    over = await dropped(memory, clock(), ended)
    async with memory.begin() as tx:
        await tx.outages.close(over.id, {}, {}, clock())
        grant = await tx.grants.get(newer.grant_id)
        await tx.grants.replace(grant, await tx.grants.tokens(newer.grant_id), clock())
        await tx.grants.mark_lost(await tx.grants.get(gone.grant_id), clock())
        await tx.connections.set_enabled(rest[0].id, False)

    found = await lose(memory, clock, logins)
    assert set(found) == {c.grant_id for c in rest}
    assert [len(found[c.grant_id]) for c in rest] == [0] + [1] * 7
    assert await lose(memory, clock, logins) == {}
    async with memory.read() as tx:
        assert [c.authorized for c in await tx.connections.some([c.id for c in logins])] == [True] * 4 + [False] * 8
        assert {(await tx.grants.get(c.grant_id)).lost_at for c in rest} == {clock()}


async def test_from_the_fifth_on_they_share_a_message_however_they_come(memory, clock, logins):
    first = await begin(memory, clock, logins[:2])
    second = await begin(memory, clock, logins[2:9])
    clock.advance(minutes=4)
    third = await begin(memory, clock, logins[9:11])
    alone = await begin(memory, clock, logins[11:], after=1, channel="C2")

    fifth = second[2].outage_id
    assert [o.storm for o in [*first, *second, *third]] == [None] * 4 + [fifth] * 7
    assert alone[0].storm == alone[0].outage_id
    async with memory.read() as tx:
        one = await tx.outages.get(fifth)
    assert (one.storm, one.reach, one.cause, one.connection_ids) == (fifth, Reach.GRANT, LOST, (logins[4].id,))
    assert [(e.what, e.detail) for e in one.timeline] == [("disconnected", "revoked")]


async def test_a_storm_is_counted_and_only_what_is_shown_is_read(memory, clock, logins):
    opened = await begin(memory, clock, logins, after=1)
    storm = opened[0].outage_id
    ids = sorted(o.outage_id for o in opened)
    async with memory.begin() as tx:
        await tx.outages.reauthorized(ids[0], "ada", clock())
        await tx.outages.reauthorized(ids[1], "ada", clock())
        await tx.outages.close(ids[1], {}, {}, clock())
    async with memory.read() as tx:
        told = await tx.storms.told(storm, 3)
        page = await tx.storms.lines(storm, 1, 4)
    assert (told.every, told.lost, told.going) == (12, 10, 11)
    assert [line.outage_id for line in told.lines] == ids[2:5]
    assert [(line.outage_id, line.lost, line.over) for line in page[:2]] == [
        (ids[1], False, True),
        (ids[2], True, False),
    ]
    assert len(page) == 4


async def test_of_a_storm_one_is_looked_at_for_all_and_those_that_somebody_has_claimed(memory, clock, logins):
    opened = await begin(memory, clock, logins[:8], after=1)
    single = await dropped(memory, clock(), logins[8])
    ids = sorted(o.outage_id for o in opened)
    async with memory.begin() as tx:
        await tx.outages.alerted(single.id, "C1", "1.0", clock())
        await tx.outages.reauthorized(ids[0], "ada", clock())
        await tx.outages.claim(ids[4], "U0ANNA000", clock())
        await tx.outages.snooze(ids[1], clock() + timedelta(hours=1))
    async with memory.read() as tx:
        assert {o.id for o in await tx.outages.unheeded(clock(), 100)} == {ids[2], ids[4], single.id}
        assert {o.id for o in await tx.outages.unheeded(clock(), 100, each=True)} == {*ids[2:], single.id}


async def test_what_waits_for_no_transfer_is_settled(memory, clock, logins):
    one, two = await dropped(memory, clock(), logins[0]), await dropped(memory, clock(), logins[1])
    async with memory.begin() as tx:
        for outage in (one, two):
            await tx.outages.reauthorized(outage.id, "ada", clock())
        await tx.transfers.mark(one.id, logins[0].id, Flow.COST, {"since": "2026-11-01"}, 1)
    async with memory.read() as tx:
        assert await tx.outages.settled(10) == [two.id]


async def gathered(memory, clock, connection, after=3):
    """An outage that was opened by itself, and what tells of it then."""
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.storms.gather(outage, after, WINDOW, clock())
        return outage.id, (await tx.outages.get(outage.id)).storm


async def test_outages_that_open_one_by_one_share_a_message_from_the_third_on(memory, clock, logins):
    told = [await gathered(memory, clock, each) for each in logins[:5]]
    ids = [outage_id for outage_id, _ in told]
    assert [storm for _, storm in told] == [None, None, ids[2], ids[2], ids[2]]


async def test_outages_that_come_slower_than_the_window_do_not_gather(memory, clock, logins):
    for each in logins[:5]:
        assert (await gathered(memory, clock, each))[1] is None
        clock.advance(WINDOW / 2)
