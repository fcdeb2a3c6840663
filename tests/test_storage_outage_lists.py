"""Outages, asked for by the dozen: the latest, those nobody heeds, those that may be confirmed, and their numbers."""

from datetime import timedelta

from practice_memory import LEASE, a_grant, an_account, connected, drop, dropped, touch

from bot.words.connection import Flow, Reach, Status


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
    later = await dropped(memory, clock() + timedelta(minutes=2), elsewhere)
    order = [await dropped(memory, clock() + timedelta(minutes=1), account), later]
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
