"""Turns: whoever waits goes first, and nobody's long work keeps the others from theirs."""

from datetime import timedelta

from practice_memory import LEASE, a_grant, an_account, connected, dropped
from practice_story import SALESFORCE, telling

from bot.app import CATCH_UPS
from bot.memory.memory import Work
from bot.words.connection import Flow

HOUR = timedelta(hours=1)


async def marked(memory, clock, outage, connections):
    async with memory.begin() as tx:
        for connection in connections:
            await tx.transfers.mark(outage.id, connection.id, Flow.COST, {"as_of": clock().isoformat()}, 1)


async def test_a_check_somebody_asked_for_goes_before_all_that_are_overdue(memory, clock):
    connections = await connected(memory, clock(), *map(str, range(5)))
    clock.advance(HOUR)
    asked = connections[3]
    async with memory.begin() as tx:
        await tx.connections.ask_check([asked.id], clock())
    async with memory.begin() as tx:
        first = await tx.connections.claim_checks(clock(), 1)
        rest = await tx.connections.claim_checks(clock(), 9)

    assert [asked.id] == [check.id for check in first]
    assert 4 == len(rest)


async def test_catch_ups_go_before_what_is_overdue_for_longer(memory, clock):
    everyday = await connected(memory, clock(), "1", "2")
    lost = await connected(memory, clock(), "3", platform="meta_ads")
    outage = await dropped(memory, clock(), *lost)
    clock.advance(HOUR)
    await marked(memory, clock, outage, lost)
    async with memory.begin() as tx:
        claimed = await tx.transfers.claim(clock(), 2, "me", LEASE)

    assert lost[0].id == claimed[0].connection_id
    assert claimed[1].connection_id in {connection.id for connection in everyday}


async def test_many_catch_ups_leave_the_everyday_transfers_their_turns(memory, clock):
    """Eight slots, and ten connections that have endless work to catch up with: two slots stay."""
    async with telling(memory, clock) as story:
        async with memory.begin() as tx:
            grant = await a_grant(tx, clock(), platform="meta_ads")
            lost = [await an_account(tx, grant, clock(), str(n)) for n in range(10)]
            other = await an_account(tx, await a_grant(tx, clock()), clock(), "everyday")
        outage = await dropped(memory, clock(), *lost)
        await marked(memory, clock, outage, lost)
        first = await story.workers[Work.MOVE].claim(8)
        again = await story.workers[Work.MOVE].claim(1)

    assert CATCH_UPS == len([transfer for transfer in first if transfer.mark])
    assert [other.id] == [transfer.connection_id for transfer in first if not transfer.mark]
    assert [] == again


async def test_a_long_push_gives_others_their_turn_after_twenty_batches(memory, clock):
    """Its transfer is put back due now, behind whatever waits longer."""
    async with telling(memory, clock) as story:
        [crm] = await story.connect(SALESFORCE)
        await story.work()
        story.gateways[SALESFORCE].platform.batch_size = lambda _waiting: 2
        await story.touchpoints(*range(50))
        clock.advance(minutes=1)
        [transfer] = [t for t in await story.workers[Work.MOVE].claim(9) if t.flow is Flow.TOUCHPOINTS]
        await story.workers[Work.MOVE].run(transfer)
        async with memory.read() as tx:
            assert 10 == await tx.touchpoints.waiting(crm.id)
        await story.work(Work.MOVE)
        async with memory.read() as tx:
            assert 0 == await tx.touchpoints.waiting(crm.id)
