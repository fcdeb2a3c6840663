"""What is told of a storm: its numbers, its logins and accounts in a lasting order, and whom it calls."""

from datetime import timedelta

import pytest
from practice_memory import LOST, WINDOW, a_grant, an_account, begin, dropped, many_logins

from bot.memory.storms import LostLogin
from bot.words.connection import Flow
from bot.words.facts import Storm, StormAccount


@pytest.fixture
async def logins(memory, clock):
    return await many_logins(memory, clock(), 12)


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


async def test_a_storm_lists_its_logins_as_they_were_lost_with_their_accounts_in_place(memory, clock, logins):
    opened = []
    for each in reversed(logins[:3]):
        opened += await begin(memory, clock, [each], after=1)
        clock.advance(seconds=1)
    ids = [each.outage_id for each in opened]
    async with memory.begin() as tx:
        more = await an_account(tx, await tx.grants.get(logins[2].grant_id), clock(), "000 first by name")
        await tx.outages.join(ids[0], [more.id])
        await tx.grants.authorized_by(logins[1].grant_id, "U1")
        await tx.outages.reauthorized(ids[2], "ann", clock())
        await dropped_elsewhere(tx, clock)
    async with memory.read() as tx:
        told = await tx.storms.told(opened[0].storm, 9)
        accounts = await tx.storms.accounts(opened[0].storm)
        people = await tx.storms.people(opened[0].storm, 9)
        fewer = await tx.storms.people(opened[0].storm, 1)
        rest = await tx.storms.lines(opened[0].storm, 2, 9)
        nothing = await tx.storms.told("out_unknown", 9)
    assert told.newest == clock() - timedelta(seconds=1)
    assert [(line.outage_id, line.account, line.accounts) for line in told.lines] == [
        (ids[0], "Account 000 first by name", 2),
        (ids[1], "Account 001", 1),
    ]
    assert [(line.outage_id, line.login, line.lost, line.over) for line in rest] == [
        (ids[2], "person00@example.com", False, False)
    ]
    assert accounts == [
        StormAccount(ids[0], "person02@example.com", "002", "Account 002", True, False),
        StormAccount(ids[0], "person02@example.com", "000 first by name", "Account 000 first by name", True, False),
        StormAccount(ids[1], "person01@example.com", "001", "Account 001", True, False),
        StormAccount(ids[2], "person00@example.com", "000", "Account 000", False, False),
    ]
    assert {(logins[2].id, ""), (more.id, "")} == set(people[:2])
    assert people[2:] == [(logins[1].id, "U1")]
    assert len(fewer) == 1
    assert nothing == Storm(0, 0, 0, (), None)


async def test_accounts_of_a_storm_that_are_over_are_said_to_be(memory, clock, logins):
    opened = await begin(memory, clock, logins[:2], after=1)
    async with memory.begin() as tx:
        await tx.outages.close(opened[0].outage_id, {}, {}, clock(), caught_up=False)
    async with memory.read() as tx:
        told = {each.outage_id: (each.lost, each.over) for each in await tx.storms.accounts(opened[0].storm)}
        assert (await tx.storms.told(opened[0].storm, 9)).lost == 1
        assert len(await tx.storms.people(opened[0].storm, 9)) == 1
    assert told == {opened[0].outage_id: (False, True), opened[1].outage_id: (True, False)}


async def test_of_a_storm_the_accounts_that_are_still_lost_are_named_and_the_receipts_of_those_caught_up(
    memory, clock, logins
):
    opened = await begin(memory, clock, logins[:4], after=1)
    storm = opened[0].storm
    by_outage = dict(zip([each.outage_id for each in opened], logins, strict=False))
    back, paused, *still = sorted(by_outage)
    async with memory.begin() as tx:
        await tx.outages.close(back, {"cost_days": 3}, {"clicks": 2}, clock())
        await tx.outages.close(paused, {}, {}, clock(), caught_up=False)
        [elsewhere] = await dropped_elsewhere(tx, clock)
        await tx.outages.close(elsewhere.outage_id, {"cost_days": 9}, {}, clock())
    async with memory.read() as tx:
        assert await tx.storms.losing(storm, 9) == [by_outage[each].id for each in still]
        assert await tx.storms.losing(storm, 1) == [by_outage[still[0]].id]
        assert await tx.storms.receipts(storm) == [({"cost_days": 3}, {"clicks": 2})]


async def dropped_elsewhere(tx, clock):
    """Another storm, which is none of this one's business."""
    account = await an_account(tx, await a_grant(tx, clock(), "zoe"), clock(), "900")
    lost = LostLogin([account], "AuthorizationLost", LOST, clock(), "C9", 1)
    return await tx.storms.open([lost], WINDOW, clock())


async def test_the_message_of_a_storm_alerts_of_all_in_it_who_were_not_alerted_of_before(memory, clock, logins):
    opened = await begin(memory, clock, logins[:3], after=1)
    alone = await dropped(memory, clock(), logins[3])
    ids, before = [each.outage_id for each in opened], clock()
    async with memory.begin() as tx:
        await tx.outages.alerted(ids[2], "C1", "3.3", before)
        await tx.outages.alerted(ids[0], "C1", "1.1", clock.advance(seconds=5))
        found = {each: (await tx.outages.get(each)).alerted_at for each in [*ids, alone.id]}
    assert found == {ids[0]: clock(), ids[1]: clock(), ids[2]: before, alone.id: None}


async def test_of_a_storm_the_login_that_was_lost_first_is_looked_at_for_all(memory, clock, logins):
    opened = []
    for each in logins[:6]:
        opened += await begin(memory, clock, [each], after=1)
        clock.advance(seconds=-1)  # what was written last was lost first
    async with memory.read() as tx:
        assert [o.id for o in await tx.outages.unheeded(clock(), 9)] == [opened[-1].outage_id]
