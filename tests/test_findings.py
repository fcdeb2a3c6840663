"""What checks found is written together, and never waits long for a check that hangs."""

from datetime import timedelta

from practice_memory import connected
from practice_story import Trouble

from bot.watch.findings import Findings
from bot.words.connection import Checked

HOUR = timedelta(hours=1)


async def checked_at(memory):
    async with memory.read() as tx:
        return [connection.checked_at for connection in await tx.connections.all()]


async def test_checks_that_end_together_are_written_in_one_transaction(memory, clock):
    connections = await connected(memory, clock(), "1", "2", "3")
    counted = Trouble(memory)
    findings = Findings(counted)
    findings.expect(3)
    for number, connection in enumerate(connections):
        findings.expect(-1)
        await findings.add(Checked(connection.id, clock(), clock() + HOUR, good=number != 1))

    assert 1 == counted.writes
    assert [clock()] * 3 == await checked_at(memory)
    async with memory.read() as tx:
        good = [c.last_good_at for c in await tx.connections.some([c.id for c in connections])]
    assert [clock(), None, clock()] == good


async def test_one_check_that_hangs_does_not_hold_up_what_the_others_found(memory, clock):
    quick, _ = await connected(memory, clock(), "1", "2")
    findings = Findings(memory)
    findings.expect(1)  # the other one never ends
    await findings.add(Checked(quick.id, clock(), clock() + HOUR, good=True))
    await findings._later

    assert {clock(), None} == set(await checked_at(memory))


async def test_each_connection_gets_its_own_next_date(memory, clock):
    connections = await connected(memory, clock(), "1", "2", "3")
    findings = Findings(memory)
    findings.expect(1)
    for number, connection in enumerate(connections):
        await findings.add(Checked(connection.id, clock(), clock() + HOUR * (number + 1), good=True))
    await findings.write()

    due = set()
    for number in range(4):
        async with memory.begin() as tx:
            due |= {check.id for check in await tx.connections.claim_checks(clock(), 9)}
        assert {connection.id for connection in connections[:number]} == due
        clock.advance(HOUR)
