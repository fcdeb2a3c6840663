"""The refresh protocol against everything at once: reuse detection, lost and late answers, crashes, slow servers."""

import asyncio
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.logins.refresh import Refresher
from bot.words.connection import Cause, Identity, Secret, TokenSet
from bot.words.errors import AuthorizationLost, TryLater
from sandbox.grants import Grants
from sandbox.ledger import Ledger
from sandbox.tokens import Lifetimes, Person, Refusal
from storage import new_key, open_memory

TIMEOUT = timedelta(seconds=2)
MARGIN = TIMEOUT * 1.5
DEAD = Cause("invalid_grant", "The platform ended the login.", "Log in again.")
BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)
RACES = int(os.environ.get("REDKEY_RACES", "10000"))
SHM = Path("/dev/shm")


class Wire:
    """One request on its way, and who waits for its answer."""

    def __init__(self, token, sent_at):
        self.token, self.sent_at = token, sent_at
        self.answer = asyncio.get_running_loop().create_future()


class Network:
    """A gateway whose requests arrive, and whose answers come, when the test says so. `rotates` as Salesforce does."""

    def __init__(self, store, now):
        self.store, self.now = store, now
        self.wires = []
        self.rotates = True

    async def refresh(self, token):
        wire = Wire(token.reveal(), self.now())
        self.wires.append(wire)
        return await wire.answer

    def work(self, wire):
        """What the server answers; it has rotated by then."""
        try:
            grant, old = self.store.use_refresh(wire.token, "redkey", reuse_kills=True)
        except Refusal:
            return AuthorizationLost(DEAD)
        new, access = self.store.rotate(grant, old), self.store.issue_access(grant)
        return TokenSet(Secret(access.text), Secret(new.text), access.expires_at)


class Ground:
    """One database for all races: making one takes longer than a race."""

    def __init__(self):
        self.logins = 0

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None)
        url = f"sqlite:///{self.folder.name}/redkey.db"
        opened = open_memory(url, [new_key()], on_due=None, now=lambda: BEGIN)
        self.memory = self.loop.run_until_complete(opened)
        return self

    def __exit__(self, *_):
        self.loop.run_until_complete(self.memory.close())
        self.loop.close()
        self.folder.cleanup()


class Races:
    """Two processes, one login, and a network that does its worst."""

    def __init__(self, ground):
        ground.logins += 1
        self.login = str(ground.logins)
        self.loop, self.memory = ground.loop, ground.memory
        self.is_lost = False
        self.at = BEGIN
        self.ledger = Ledger(self.now)
        self.store = Grants(self.ledger, self.now, Lifetimes(), ("at-", "rt-"))
        self.network = Network(self.store, self.now)
        self.asking = [set(), set()]
        self.lost = 0
        self.delivered = ""
        self.races = 0
        self.run(self.log_in())
        self.processes = [self._process(), self._process()]

    def now(self):
        return self.at

    async def log_in(self):
        """A person logs in, for the first time or again."""
        family = self.store.open(Person(self.login, "ada@acme.example", "Ada"), "redkey", ())
        access, new = self.store.issue_access(family), self.store.issue_refresh(family)
        tokens = TokenSet(Secret(access.text), Secret(new.text), access.expires_at)
        async with self.memory.begin() as tx:
            held = await tx.grants.of_identity("salesforce", self.login)
            if held is None:
                held = await tx.grants.add("salesforce", Identity(self.login, "ada"), tokens, self.at)
            else:
                held = await tx.grants.replace(held, tokens, self.at)
        self.grant_id, self.is_lost = held.id, False

    def _process(self):
        gateways = {"salesforce": self.network}
        return Refresher(self.memory, gateways, self.now, request_timeout=TIMEOUT, refresh_ahead=timedelta(minutes=15))

    def run(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    async def grant(self):
        async with self.memory.read() as tx:
            return await tx.grants.get(self.grant_id)

    async def stored(self):
        async with self.memory.read() as tx:
            tokens = await tx.grants.tokens(self.grant_id)
        return tokens.refresh_token.reveal()

    async def ask(self, process, callers):
        """So many callers want a newer token than the one they have."""
        generation = (await self.grant()).generation
        self.races += 1
        for _ in range(callers):
            asked = asyncio.create_task(self._asked(process, generation))
            self.asking[process].add(asked)
            asked.add_done_callback(self.asking[process].discard)
        await self.settle()

    async def _asked(self, process, generation):
        try:
            return await self.processes[process].renewed(self.grant_id, generation)
        except TryLater as error:
            return error
        except AuthorizationLost as error:
            await self._tell(error)
            return error

    async def _tell(self, error):
        """As the watch does: the alert."""
        async with self.memory.begin() as tx:
            grant = await tx.grants.held(self.grant_id)
            self.is_lost = await tx.grants.mark_lost(grant, self.at) or grant.lost_at is not None

    async def settle(self):
        """Until everybody waits for the network, or has an answer."""
        async with asyncio.timeout(10):
            while (self.asking[0] or self.asking[1]) and not self.open_wires():  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.0005)

    def open_wires(self):
        return [wire for wire in self.network.wires if not wire.answer.done()]

    async def end(self, wire, how):
        """The wire's end: answered, refused, or rotated and lost on the way back, for whoever still waits."""
        self.network.wires.remove(wire)
        answer = TryLater("busy") if how == "busy" else self.network.work(wire)
        waited_for = not wire.answer.done()
        if isinstance(answer, TokenSet) and (how == "lost" or not waited_for):
            self.lost += 1
        if how == "lost":
            answer = TryLater("no answer", unclear=True)
        if waited_for and isinstance(answer, TokenSet):
            wire.answer.set_result(answer)
            self.delivered = answer.refresh_token.reveal()
        elif waited_for:
            wire.answer.set_exception(answer)
        await asyncio.sleep(0)
        await self.settle()

    async def crash(self, process):
        """Killed: whoever asked there is gone, and what it sent is still on its way."""
        running = list(self.processes[process]._running.values())
        gone = [*self.asking[process], *running]
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        self.processes[process] = self._process()
        if running and self.delivered not in {"", await self.stored()}:
            self.lost += 1  # it came, and died with the process before it was stored
            self.delivered = ""
        await self.settle()

    async def pass_by(self, seconds):
        """Nobody waits longer than the time-out, and what nobody waits for arrives within another, or never."""
        self.at += timedelta(seconds=seconds)
        for wire in list(self.network.wires):
            if self.at >= wire.sent_at + TIMEOUT and not wire.answer.done():
                wire.answer.set_exception(TryLater("timed out", unclear=True))
            if self.at >= wire.sent_at + MARGIN:
                self.network.wires.remove(wire)
        await asyncio.sleep(0)
        await self.settle()

    def self_inflicted(self):
        """Logins that ended because an old token was used again, beyond those whose new one was lost on its way."""
        ended = {entry["grant"] for entry in self.ledger.where("token.reused")}
        return len(ended) > self.lost

    async def finish(self):
        """When everything works again, the login is well or known to be lost; nothing hangs."""
        for _ in range(8):
            await self.pass_by(5)
            await self.ask(0, 1)
            while self.network.wires:
                await self.end(self.network.wires[0], "answer")
            grant = await self.grant()
            if grant.lost_at is not None or grant.refresh_started_at is None:
                break
        grant = await self.grant()
        family = self.store.all[-1]
        healthy = grant.refresh_started_at is None and family.live_refresh is not None
        healthy = healthy and await self.stored() == family.live_refresh.text
        assert healthy or grant.lost_at is not None, "neither healthy nor known to be lost"
        return healthy

    def close(self):
        async def closed():
            for process in (0, 1):
                await self.crash(process)

        self.run(closed())


class RefreshRaces(RuleBasedStateMachine):
    raced = 0
    ground = None

    def __init__(self):
        super().__init__()
        self.it = Races(self.ground)

    @rule(process=strategies.integers(0, 1), callers=strategies.integers(1, 4))
    def ask(self, process, callers):
        self.it.run(self.it.ask(process, callers))

    @precondition(lambda self: self.it.network.wires)
    @rule(which=strategies.integers(0, 9), how=strategies.sampled_from(["answer", "answer", "lost", "busy"]))
    def answer(self, which, how):
        wires = self.it.network.wires
        self.it.run(self.it.end(wires[which % len(wires)], how))

    @rule(process=strategies.integers(0, 1))
    def crash(self, process):
        self.it.run(self.it.crash(process))

    @rule(seconds=strategies.sampled_from([0.5, 1, 2, 3, 4.5]))
    def time_goes_by(self, seconds):
        self.it.run(self.it.pass_by(seconds))

    @precondition(lambda self: self.it.is_lost)
    @rule()
    def a_person_logs_in_again(self):
        self.it.run(self.it.log_in())

    @invariant()
    def no_family_dies_by_our_own_hand(self):
        assert not self.it.self_inflicted()

    def teardown(self):
        try:
            self.it.run(self.it.finish())
            assert not self.it.self_inflicted()
        finally:
            RefreshRaces.raced += self.it.races
            self.it.close()


def racing(examples, steps):
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def ground():
    with Ground() as ground:
        RefreshRaces.ground, RefreshRaces.raced = ground, 0
        yield


@pytest.mark.sweep
@pytest.mark.timeout(6000)
def test_ten_thousand_races_end_no_login_by_our_own_hand(ground):
    while RefreshRaces.raced < RACES:
        run_state_machine_as_test(RefreshRaces, settings=racing(100, 50))
    print(f"{RefreshRaces.raced} races")  # noqa: T201


def test_no_order_of_crashes_and_lost_or_late_answers_makes_the_bot_end_a_login(ground):
    run_state_machine_as_test(RefreshRaces, settings=racing(15, 30))
