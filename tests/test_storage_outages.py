"""Outages: one at a time, a timeline, and every state a message can show."""

import asyncio
from datetime import timedelta

import pytest
from practice_memory import LEASE, LOST, a_grant, an_account, connected, drop, dropped, touch

from bot.memory.memory import Work
from bot.words.connection import Cause, Event, Flow, Reach, Status
from bot.words.errors import Fenced


async def test_an_outage_opens_with_its_accounts_and_its_first_line(memory, clock):
    one, two = await connected(memory, clock(), "111", "222")
    outage = await dropped(memory, clock(), two, one)
    assert ((two.id, one.id), LOST, 1, "disconnected") == (
        outage.connection_ids,
        outage.cause,
        outage.revision,
        outage.state,
    )
    assert (Event(clock(), "disconnected", "", "revoked"),) == outage.timeline
    async with memory.read() as tx:
        assert outage == await tx.outages.get(outage.id)
        assert outage == await tx.outages.open_of_grant(one.grant_id)
        assert outage == await tx.outages.open_of_connection(two.id)
        assert await tx.outages.get("out_unknown") is None


@pytest.mark.parametrize("reach", Reach)
async def test_only_one_opens_however_many_notice(memory, clock, reach):
    [connection] = await connected(memory, clock())

    async def notice():
        async with memory.begin() as tx:
            return await drop(tx, clock(), connection, reach=reach)

    opened = [outage for outage in await asyncio.gather(*(notice() for _ in range(6))) if outage]
    assert len(opened) == 1
    async with memory.begin() as tx:
        await tx.outages.close(opened[0].id, {}, {}, clock())
    assert await notice() is not None, "after the end there may be a next one"


async def test_each_account_may_have_its_own_outage(memory, clock):
    one, two = await connected(memory, clock(), "111", "222")
    first = await dropped(memory, clock(), one, reach=Reach.ACCOUNT)
    second = await dropped(memory, clock(), two, reach=Reach.ACCOUNT)
    async with memory.read() as tx:
        assert first == await tx.outages.open_of_connection(one.id)
        assert second == await tx.outages.open_of_connection(two.id)
        assert await tx.outages.open_of_grant(one.grant_id) is None
    with pytest.raises(ValueError, match="exactly one"):
        async with memory.begin() as tx:
            await drop(tx, clock(), one, two, reach=Reach.ACCOUNT)


async def test_accounts_join_and_leave(memory, clock):
    one, two = await connected(memory, clock(), "111", "222")
    outage = await dropped(memory, clock(), one)
    async with memory.begin() as tx:
        await tx.outages.join(outage.id, [one.id, two.id])
        assert (one.id, two.id) == (await tx.outages.get(outage.id)).connection_ids
        await tx.outages.leave(outage.id, [one.id])
        assert (two.id,) == (await tx.outages.get(outage.id)).connection_ids
        assert await tx.outages.open_of_connection(one.id) is None


async def test_events_count_the_revision(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)

    async def tell(number):
        async with memory.begin() as tx:
            return await tx.outages.event(outage.id, Event(clock(), "claimed", f"U{number}"))

    revisions = await asyncio.gather(*(tell(number) for number in range(5)))
    async with memory.read() as tx:
        told = await tx.outages.get(outage.id)
    assert sorted(revisions) == [2, 3, 4, 5, 6]
    assert (told.revision, len(told.timeline)) == (6, 6)
    with pytest.raises(LookupError):
        async with memory.begin() as tx:
            await tx.outages.event("out_unknown", Event(clock(), "x"))


async def test_its_states_follow_the_story(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    states = []
    async with memory.begin() as tx:

        async def note():
            states.append((await tx.outages.get(outage.id)).state)

        await tx.outages.claim(outage.id, "U1", clock())
        await note()
        await tx.outages.claim(outage.id, None, clock())
        await note()
        await tx.outages.reauthorized(outage.id, "ann", clock())
        await note()
        await tx.outages.stalled(outage.id, clock())
        await note()
        await tx.outages.stalled(outage.id, None)
        await note()
        await tx.outages.lost_again(outage.id, Cause("again", "w", "c"), "Misconfigured", clock())
        await note()
        lost = await tx.outages.get(outage.id)
        assert (lost.cause.code, lost.remedy, lost.reauthorized_by) == ("again", "Misconfigured", None)
        await tx.outages.reauthorized(outage.id, "ann", clock())
        await tx.outages.close(outage.id, {"days": 3}, {"ads": 1}, clock())
        await note()
        closed = await tx.outages.get(outage.id)
    assert states == ["claimed", "disconnected", "catching_up", "stalled", "catching_up", "disconnected", "caught_up"]
    assert ({"days": 3}, {"ads": 1}, clock()) == (closed.recovered, closed.lost, closed.caught_up_at)


async def test_an_end_without_confirmation_is_not_called_caught_up(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.outages.close(outage.id, {}, {}, clock(), caught_up=False)
        closed = await tx.outages.get(outage.id)
    assert (clock(), None, "paused") == (closed.closed_at, closed.caught_up_at, closed.state)


async def test_it_is_closed_by_one_worker_only(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)

    async def close():
        async with memory.begin() as tx:
            await tx.outages.close(outage.id, {}, {}, clock())

    ends = await asyncio.gather(*(close() for _ in range(4)), return_exceptions=True)
    assert sum(end is None for end in ends) == 1
    assert sum(isinstance(end, Fenced) for end in ends) == 3


async def test_the_first_alert_is_what_counts(memory, clock, due):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    first = clock()
    due.clear()
    async with memory.begin() as tx:
        await tx.outages.alerted(outage.id, "C2", "1.1", first)
        await tx.outages.unposted(outage.id)
        assert (await tx.outages.get(outage.id)).ts is None
        await tx.outages.alerted(outage.id, "C3", "2.2", clock.advance(minutes=1))
        shown = await tx.outages.get(outage.id)
    assert ("C3", "2.2", first) == (shown.channel, shown.ts, shown.alerted_at)
    assert [{Work.SAY}] == due


async def test_snoozing_is_remembered(memory, clock):
    [connection] = await connected(memory, clock())
    outage = await dropped(memory, clock(), connection)
    async with memory.begin() as tx:
        await tx.outages.snooze(outage.id, clock())
        assert clock() == (await tx.outages.get(outage.id)).snoozed_until
        await tx.outages.snooze(outage.id, None)
        assert (await tx.outages.get(outage.id)).snoozed_until is None


async def test_the_latest_come_first_and_closed_ones_on_request(memory, clock):
    made = []
    async with memory.begin() as tx:
        for person in ("ann", "bob", "cy"):
            account = await an_account(tx, await a_grant(tx, clock(), person), clock(), person)
            made.append(await drop(tx, clock.advance(minutes=1), account))
        await tx.outages.close(made[1].id, {}, {}, clock())
    ids = [outage.id for outage in made]
    async with memory.read() as tx:
        assert ids[::-1] == [outage.id for outage in await tx.outages.latest()]
        assert [ids[2], ids[0]] == [outage.id for outage in await tx.outages.latest(open_only=True)]
        [newest] = await tx.outages.latest(limit=1)
    assert made[2] == newest


async def test_all_that_ever_was_can_be_read_page_by_page(memory, clock):
    connections = await connected(memory, clock(), *(str(n) for n in range(3)))
    ids = []
    for n in range(12):
        async with memory.begin() as tx:
            for connection in connections:  # three of them at the same moment
                outage = await drop(tx, clock(), connection, reach=Reach.ACCOUNT)
                ids.append(outage.id)
                if n < 11:
                    await tx.outages.close(outage.id, {}, {}, clock())
        clock.advance(seconds=1)

    seen, after = [], None
    async with memory.read() as tx:
        while some := await tx.outages.latest(limit=5, after=after):
            seen += some
            after = some[-1].opened_at, some[-1].id
        counted = await tx.outages.counted()

    assert sorted(o.id for o in seen) == sorted(ids)
    assert seen == sorted(seen, key=lambda o: (-o.opened_at.timestamp(), o.id))
    assert counted == (3, seen[0].opened_at)


async def test_connections_are_counted_by_status_and_what_waits_everywhere(memory, clock):
    one, two, three = await connected(memory, clock(), "1", "2", "3", platform="hubspot", flows=[Flow.TOUCHPOINTS])
    async with memory.begin() as tx:
        await tx.connections.set_authorized([one.id], False)
        await tx.connections.set_enabled(two.id, False)
        await tx.touchpoints.accept([touch(1, clock()), touch(2, clock())], clock())
    async with memory.read() as tx:
        found = await tx.connections.counted()
        everywhere = await tx.touchpoints.waiting_everywhere()
        each = [await tx.touchpoints.waiting(c.id) for c in (one, two, three)]

    counted = {Status.AUTHORIZATION_REQUIRED: 1, Status.DISCONNECTED: 1, Status.CONNECTED_WITH_AUTOTAGGING: 1}
    assert found == counted
    assert everywhere == sum(each) > 0


async def test_of_several_outages_about_an_account_its_logins_is_told_then_the_oldest_and_none_that_is_over(
    memory, clock
):
    [account] = await connected(memory, clock())
    async with memory.begin() as tx:
        elsewhere = await an_account(tx, await a_grant(tx, clock(), "bob"), clock(), "222")
    denied = await dropped(memory, clock(), account, reach=Reach.ACCOUNT)
    order = [await dropped(memory, clock.advance(minutes=1), each) for each in (account, elsewhere)]
    async with memory.begin() as tx:
        await tx.outages.join(order[1].id, [account.id])
        for outage in [*order, denied]:
            assert (await tx.outages.open_of_connection(account.id)).id == outage.id
            await tx.outages.close(outage.id, {}, {}, clock())
        assert await tx.outages.open_of_connection(account.id) is None
        assert await tx.outages.open_of_grant(account.grant_id) is None


async def test_those_that_nobody_heeds_stand_in_the_channel_are_red_and_are_not_asleep(memory, clock):
    made = {}
    for name in ("alone", "unsaid", "woken", "asleep", "closed", "healing", "newer"):
        async with memory.begin() as tx:
            account = await an_account(tx, await a_grant(tx, clock(), name), clock(), name)
            made[name] = outage = await drop(tx, clock.advance(seconds=1), account)
            assert outage.id.startswith("out_")
            assert outage.last_good_at == clock() - timedelta(minutes=5)
            assert (await tx.outages.get(outage.id)).last_good_at == outage.last_good_at
            if name != "unsaid":
                await tx.outages.alerted(outage.id, "C1", name, clock())
    async with memory.begin() as tx:
        await tx.outages.snooze(made["woken"].id, clock())
        await tx.outages.snooze(made["asleep"].id, clock() + timedelta(seconds=1))
        await tx.outages.close(made["closed"].id, {}, {}, clock(), caught_up=False)
        await tx.outages.reauthorized(made["healing"].id, "ann", clock())
    wanted = [made[name].id for name in ("newer", "woken", "alone")]
    async with memory.read() as tx:
        for each in (True, False):
            assert [o.id for o in await tx.outages.unheeded(clock(), 10, each=each)] == wanted
            assert [o.id for o in await tx.outages.unheeded(clock(), 2, each=each)] == wanted[:2]


async def test_of_those_that_dropped_together_the_order_is_always_the_same(memory, clock):
    async with memory.begin() as tx:
        ids = []
        for n in range(6):
            account = await an_account(tx, await a_grant(tx, clock(), f"p{n}"), clock(), str(n))
            ids.append((await drop(tx, clock(), account)).id)
            await tx.outages.alerted(ids[-1], "C1", f"{n}.1", clock())
    async with memory.read() as tx:
        assert [o.id for o in await tx.outages.unheeded(clock(), 10)] == sorted(ids)


async def test_a_transfer_holds_up_only_its_own_outage_until_it_is_verified(memory, clock):
    one, two, other = await connected(memory, clock(), "1", "2", "3")
    outages = [await dropped(memory, clock(), each, reach=Reach.ACCOUNT) for each in (one, two, other)]
    waits, settled, red = outages
    async with memory.begin() as tx:
        for outage in (waits, settled):
            await tx.outages.reauthorized(outage.id, "ann", clock())
        await tx.transfers.mark(waits.id, one.id, Flow.COST, {"since": "2026-11-01"}, 1)
        assert await tx.outages.settled(10) == [settled.id], "one that is red still is not settled"
        await tx.outages.close(settled.id, {}, {}, clock())
        assert await tx.outages.settled(10) == [], "nor is one that is over"
        await tx.outages.leave(waits.id, [one.id])
        await tx.outages.join(red.id, [one.id])
        assert await tx.outages.settled(10) == [waits.id], "what was switched off holds nobody up"
        await tx.outages.leave(red.id, [one.id])
        await tx.outages.join(waits.id, [one.id])
        assert await tx.outages.settled(10) == []
        [claimed] = [t for t in await tx.transfers.claim(clock(), 9, "me", LEASE) if t.connection_id == one.id]
        await tx.transfers.verified(claimed, clock())
        assert await tx.outages.settled(10) == [waits.id]


async def test_accounts_keep_the_places_in_which_they_came_and_leave_one_outage_only(memory, clock):
    one, two, three, four = await connected(memory, clock(), "1", "2", "3", "4")
    outage = await dropped(memory, clock(), three, one, two)
    denied = await dropped(memory, clock(), four, reach=Reach.ACCOUNT)
    async with memory.begin() as tx:
        await tx.outages.join(outage.id, [four.id])
        assert (await tx.outages.get(outage.id)).connection_ids == (three.id, one.id, two.id, four.id)
        await tx.outages.leave(outage.id, [four.id, one.id])
        assert (await tx.outages.get(outage.id)).connection_ids == (three.id, two.id)
        assert (await tx.outages.get(denied.id)).connection_ids == (four.id,)
