"""Outages: one at a time, a timeline, and every state a message can show."""

import asyncio

import pytest
from practice_memory import LEASE, LOST, a_grant, connected, drop, dropped

from bot.memory.memory import Work
from bot.webhooks.happenings import Subscriptions
from bot.words.connection import Cause, Event, Reach
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


async def test_what_goes_on_again_is_told_anew_and_what_was_done_about_it_counts_no_more(memory, clock):
    [account] = await connected(memory, clock())
    async with memory.begin() as tx:
        new = await a_grant(tx, clock(), "bob")
    outage = await dropped(memory, clock(), account)

    async def busy(tx):
        await tx.outages.claim(outage.id, "U1", clock())
        await tx.outages.reauthorized(outage.id, "ann", clock())
        await tx.outages.stalled(outage.id, clock())
        await tx.outages.snooze(outage.id, clock())

    def idle(found):
        times = found.stalled_at, found.snoozed_until, found.claimed_at, found.reauthorized_at
        return {*times, found.claimed_by, found.reauthorized_by} == {None}

    denied = Cause("denied", "Words.", "Cure.")
    async with memory.begin() as tx:
        await busy(tx)
        await tx.outages.lost_again(outage.id, denied, "AccessDenied", clock())
        again = await tx.outages.get(outage.id)
        assert (again.cause, again.remedy, idle(again)) == (denied, "AccessDenied", True)
        await busy(tx)
        await tx.outages.close(outage.id, {}, {}, clock())
        await tx.outages.reopen(outage.id, [account.id], new.id, "bob@example.com", LOST, "AuthorizationLost")
        back = await tx.outages.get(outage.id)
        assert (back.cause, back.remedy, back.grant_id, idle(back)) == (LOST, "AuthorizationLost", new.id, True)


async def test_whoever_subscribed_is_told_of_every_line_of_the_timeline(memory, clock):
    memory._subscriptions = Subscriptions({"hook": frozenset({"outage.opened", "outage.reauthorized"})}, "http://x")
    [account] = await connected(memory, clock())
    outage = await dropped(memory, clock(), account)
    async with memory.begin() as tx:
        await tx.outages.event(outage.id, Event(clock(), "reauthorized", "ann"))
    async with memory.begin() as tx:
        told = await tx.notices.claim(clock(), 9, LEASE, endpoint="hook")
    assert sorted(notice.body["data"]["revision"] for notice in told) == [1, 2]


async def test_a_deleted_post_is_that_of_its_own_outage(memory, clock):
    one, two = await connected(memory, clock(), "1", "2")
    outages = [await dropped(memory, clock(), each, reach=Reach.ACCOUNT) for each in (one, two)]
    async with memory.begin() as tx:
        for outage in outages:
            await tx.outages.alerted(outage.id, "C1", f"ts {outage.id}", clock())
        await tx.outages.unposted(outages[0].id)
        assert (await tx.outages.get(outages[1].id)).ts == f"ts {outages[1].id}"
        await tx.outages.unposted(outages[1].id, f"ts {outages[1].id}")
        assert (await tx.outages.get(outages[1].id)).ts is None
