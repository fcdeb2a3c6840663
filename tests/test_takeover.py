"""What a process that died had begun is taken up at once: checks, renewals, revocations and notices, like all other work."""

from datetime import timedelta

from practice_memory import LEASE, a_grant, connected

from bot.memory.memory import Work
from bot.words.connection import Checked, Secret
from bot.work.blind import Blind
from bot.work.takeover import Takeover

SOON = timedelta(minutes=1)


class Process:
    """One of several on the same database: it beats, and claims whatever is due."""

    def __init__(self, memory, clock, name, *, only_one=False):
        self.memory, self.clock, self.name = memory, clock, name
        blind = Blind(memory, name, "all", timedelta(hours=1), "C1", clock)
        self.takeover = Takeover(memory, name, blind, clock, only_one=only_one)

    async def beat(self):
        await self.takeover.beat()

    async def claim(self, owner=""):
        """How much of everything it got: checks, renewals, revocations, notices."""
        now, owner = self.clock(), self.name if owner == "" else owner
        async with self.memory.begin() as tx:
            got = [
                await tx.connections.claim_checks(now, 9, owner),
                await tx.grants.claim_renewals(now, 9, owner),
                await tx.revocations.claim(now, 9, owner),
                await tx.notices.claim(now, 9, LEASE, owner),
            ]
        self.check, self.grant, self.revocation, self.notice = (rows[0] if rows else None for rows in got)
        return [len(rows) for rows in got]

    async def finish(self):
        now = self.clock()
        async with self.memory.begin() as tx:
            await tx.connections.checked([Checked(self.check.id, now, now + SOON, good=True)])
            await tx.grants.renew_at(self.grant.id, now + SOON)
            await tx.revocations.later(self.revocation[0], now + SOON)
            await tx.notices.later(self.notice, now + SOON)


async def one_of_each(memory, clock):
    """A check, a renewal, a revocation and a notice, all due."""
    await connected(memory, clock(), "111")
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), "ben")
        await tx.grants.renew_at(grant.id, clock())
        await tx.revocations.add("google_ads", Secret("old"), clock())
        await tx.notices.add("n1", None, {}, clock())


async def test_what_a_dead_process_had_claimed_is_due_when_its_silence_is_noticed(memory, clock, due):
    await one_of_each(memory, clock)
    dead, alive = Process(memory, clock, "dead"), Process(memory, clock, "alive")
    await dead.beat()
    await alive.beat()
    assert [1, 1, 1, 1] == await dead.claim()
    for _ in range(5):
        clock.advance(seconds=2)
        await alive.beat()
        assert [0, 0, 0, 0] == await alive.claim()
    due.clear()
    clock.advance(seconds=1)
    await alive.beat()
    assert [{Work.CHECK, Work.RENEW, Work.REVOKE}] == due
    assert [1, 1, 1, 1] == await alive.claim()


async def test_where_only_one_process_can_be_its_successor_takes_up_everything_at_its_start(memory, clock):
    await one_of_each(memory, clock)
    dead, successor = Process(memory, clock, "dead"), Process(memory, clock, "successor", only_one=True)
    await dead.beat()
    assert [1, 1, 1, 1] == await dead.claim()
    clock.advance(seconds=1)
    await successor.beat()
    assert [1, 1, 1, 1] == await successor.claim()
    await successor.beat()
    assert [0, 0, 0, 0] == await successor.claim()


async def test_what_was_finished_is_not_begun_again_for_a_death(memory, clock):
    await one_of_each(memory, clock)
    dead, alive = Process(memory, clock, "dead"), Process(memory, clock, "alive")
    await dead.claim()
    await dead.finish()
    await alive.beat()
    assert [0, 0, 0, 0] == await alive.claim()


async def test_what_a_command_has_claimed_runs_out_by_itself(memory, clock):
    """A command does not beat, so nobody can tell whether it lives."""
    await one_of_each(memory, clock)
    command, alive = Process(memory, clock, "command"), Process(memory, clock, "alive")
    assert [1, 1, 1, 1] == await command.claim(owner=None)
    await alive.beat()
    assert [0, 0, 0, 0] == await alive.claim()
    clock.advance(minutes=5)
    assert [1, 1, 1, 1] == await alive.claim()


async def test_a_login_that_was_lost_while_its_renewal_was_claimed_is_not_renewed(memory, clock):
    await one_of_each(memory, clock)
    dead, alive = Process(memory, clock, "dead"), Process(memory, clock, "alive")
    await dead.claim()
    async with memory.begin() as tx:
        assert await tx.grants.mark_lost(dead.grant, clock())
    await alive.beat()
    assert 0 == (await alive.claim())[1]
