"""The dispatchers, embedded and between replicas: what is due is done at once, and kinds do not wait for each other."""

import asyncio
from contextlib import suppress

import psycopg
import pytest
from conftest import KEYS, Clock

from bot.logins.intents import KNOWN_LOST
from bot.memory.memory import Work
from bot.words.errors import AuthorizationLost, Fenced, TryLater
from bot.work.dispatch import GIVE_BACK, Embedded, Shared, Worker, give_back
from storage import open_memory


class Rows:
    """Due rows of one kind, and what is done with them."""

    def __init__(self, *rows):
        self.due = list(rows)
        self.claims = 0
        self.done = []
        self.running = set()
        self.most = 0
        self.gate = asyncio.Event()
        self.news = asyncio.Condition()
        self.trouble = None

    async def claim(self, limit):
        self.claims += 1
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def run(self, row):
        self.running.add(row)
        self.most = max(self.most, len(self.running))
        await self._tell()
        try:
            if isinstance(row, BaseException):
                raise row
            if str(row).startswith("long"):
                await self.gate.wait()
            self.done.append(row)
        finally:
            self.running.discard(row)
            await self._tell()

    async def _tell(self):
        async with self.news:
            self.news.notify_all()

    async def until(self, true):
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(true)


class Told:
    """A dispatcher between replicas, as the memory uses it: what becomes due is told with the commit."""

    def __init__(self, memory, workers):
        self.memory = memory
        self.shared = Shared(Embedded(workers), memory.wake_ups)
        self.start, self.stop, self.tick = self.shared.start, self.shared.stop, self.shared.tick
        self.tasks = []

    def wake(self, kinds):
        self.shared.wake(kinds)
        self.tasks.append(asyncio.create_task(self.commit(kinds)))

    async def commit(self, kinds):
        async with self.memory.begin() as tx:
            for kind in kinds:
                tx.outbox._tx.becomes_due(kind)


@pytest.fixture(params=["embedded", "shared"])
async def made(request):
    """Makes a dispatcher: every promise is kept by both."""
    if request.param == "embedded":
        yield Embedded
        return
    memory = await open_memory(request.getfixturevalue("postgres_url"), KEYS, on_due=None, now=Clock())
    yield lambda workers: Told(memory, workers)
    await memory.close()


@pytest.fixture
async def started(made):
    running = []

    def start(workers):
        running.append(made(workers))
        running[-1].start()
        return running[-1]

    yield start
    for each in running:
        await each.stop(0.01)


async def test_what_is_due_at_the_start_is_done(started):
    rows = Rows(*range(10))
    started({Work.SAY: Worker(rows.claim, rows.run, 4)})
    await rows.until(lambda: len(rows.done) == 10)

    assert rows.most <= 4


async def test_a_wake_up_is_answered_at_once_and_only_by_its_kind(started):
    say, move = Rows(), Rows()
    dispatcher = started({Work.SAY: Worker(say.claim, say.run, 4), Work.MOVE: Worker(move.claim, move.run, 4)})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    before = move.claims
    say.due.append("alert")
    dispatcher.wake([Work.SAY, Work.REVOKE])
    await say.until(lambda: say.done == ["alert"])

    assert before == move.claims


async def test_long_work_of_one_kind_never_delays_another(started):
    say, move = Rows(), Rows(*(f"long-{n}" for n in range(20)))
    dispatcher = started({Work.SAY: Worker(say.claim, say.run, 4), Work.MOVE: Worker(move.claim, move.run, 8)})
    await move.until(lambda: len(move.running) == 8)
    say.due.append("alert")
    dispatcher.wake([Work.SAY])
    await say.until(lambda: say.done)

    assert (8, []) == (len(move.running), move.done)
    move.gate.set()
    await move.until(lambda: len(move.done) == 20)
    assert 8 == move.most


async def test_a_free_slot_is_used_while_others_are_busy(started):
    rows = Rows("long-1", "long-2", "long-3", "short-1", "short-2")
    started({Work.MOVE: Worker(rows.claim, rows.run, 4)})
    await rows.until(lambda: len(rows.done) == 2)

    assert {"long-1", "long-2", "long-3"} == rows.running


@pytest.mark.parametrize("trouble", [ValueError("a bug"), TryLater("later"), Fenced(), AuthorizationLost(KNOWN_LOST)])
async def test_trouble_with_one_row_does_not_stop_the_others(started, trouble):
    rows = Rows("one", trouble, "two", trouble, "three")
    started({Work.MOVE: Worker(rows.claim, rows.run, 1)})
    await rows.until(lambda: rows.done == ["one", "two", "three"])


@pytest.mark.parametrize("trouble", [TryLater("the database is away"), ValueError("a bug")])
async def test_trouble_with_claiming_is_over_with_the_next_tick(started, trouble):
    rows = Rows("one")
    rows.trouble = trouble
    dispatcher = started({Work.MOVE: Worker(rows.claim, rows.run, 1)})
    for _ in range(5):
        await asyncio.sleep(0)
    assert [] == rows.done
    dispatcher.tick()
    await rows.until(lambda: rows.done == ["one"])


async def test_stopping_lets_running_rows_finish_and_claims_no_more(made):
    rows = Rows("long-1", "long-2", "next")
    dispatcher = made({Work.MOVE: Worker(rows.claim, rows.run, 2)})
    dispatcher.start()
    await rows.until(lambda: len(rows.running) == 2)
    stopping = asyncio.create_task(dispatcher.stop(5))
    await asyncio.sleep(0)
    assert not stopping.done()
    rows.gate.set()
    await stopping

    assert (["long-1", "long-2"], ["next"]) == (sorted(rows.done), rows.due)


async def test_stopping_cuts_short_what_does_not_end_in_time(made):
    rows = Rows("long-1")
    dispatcher = made({Work.MOVE: Worker(rows.claim, rows.run, 2)})
    dispatcher.start()
    await rows.until(lambda: rows.running)
    await dispatcher.stop(0.01)

    assert (set(), []) == (rows.running, rows.done)


async def test_a_row_that_is_due_again_at_once_does_not_starve_the_others(started):
    """It is done again and again; the event loop and the other rows get their turns."""
    rows = Rows(*range(3))

    async def run(row):
        if len(rows.done) < 50:
            rows.due.append(row)
        await rows.run(row)

    started({Work.MOVE: Worker(rows.claim, run, 2)})
    await rows.until(lambda: len(rows.done) >= 50)
    assert {0, 1, 2} == set(rows.done)


@pytest.fixture
async def two_memories(postgres_url):
    both = [await open_memory(postgres_url, KEYS, on_due=None, now=Clock()) for _ in range(2)]
    yield both
    for each in both:
        await each.close()


def jobs(url):
    with psycopg.connect(url) as admin:
        return admin.execute("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY 1").fetchall()


async def test_a_wake_up_is_part_of_the_transaction_that_makes_a_row_due(two_memories, postgres_url):
    telling, _ = two_memories
    with suppress(ZeroDivisionError):
        async with telling.begin() as tx:
            tx.outbox._tx.becomes_due(Work.SAY, key="message:out_1")
            _ = 1 / 0
    assert [] == jobs(postgres_url)

    for _ in range(3):
        async with telling.begin() as tx:
            tx.outbox._tx.becomes_due(Work.SAY, key="message:out_1")
            tx.outbox._tx.becomes_due(Work.MOVE)
    assert [("message:out_1", "todo"), ("move", "todo")] == jobs(postgres_url)


async def test_what_one_replica_makes_due_another_does_at_once_and_no_job_stays(two_memories, postgres_url):
    telling, hearing = two_memories
    rows = Rows()
    front = Shared(Embedded({}), telling.wake_ups)
    back = Shared(Embedded({Work.SAY: Worker(rows.claim, rows.run, 4)}), hearing.wake_ups)
    front.start()
    back.start()
    try:
        for name in ("one", "two"):
            rows.due.append(name)
            async with telling.begin() as tx:
                tx.outbox._tx.becomes_due(Work.SAY, key=f"reply:{name}")
            await rows.until(lambda name=name: name in rows.done)
        async with asyncio.timeout(5):
            while jobs(postgres_url):  # noqa: ASYNC110 - nobody tells when a table is empty
                await asyncio.sleep(0.01)
    finally:
        await front.stop(1)
        await back.stop(1)


async def test_wake_ups_of_a_listener_that_died_are_handed_to_another(two_memories, postgres_url):
    _, hearing = two_memories
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        dead = admin.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        ).fetchone()[0]
        admin.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, worker_id)"
            " VALUES ('redkey', 'wake', 'say', '{\"work\": \"say\"}', 'doing', %s)",
            [dead],
        )
    rows = Rows()
    dispatcher = Shared(Embedded({Work.SAY: Worker(rows.claim, rows.run, 4)}), hearing.wake_ups)
    dispatcher.start()
    try:
        async with asyncio.timeout(5):
            while not rows.claims:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        rows.due.append("left behind")
        async with asyncio.timeout(5):
            while not rows.done:
                await hearing.wake_ups.sweep()
                await asyncio.sleep(0.02)
    finally:
        await dispatcher.stop(1)


async def test_a_row_is_put_back_when_the_database_can_be_written_again(monkeypatch):
    tries = []

    async def put():
        tries.append(1)
        if len(tries) < 3:
            raise TryLater("the database did not answer")

    monkeypatch.setattr("bot.work.dispatch.GIVE_BACK", (0, 0, 0))
    await give_back(put)
    assert 3 == len(tries)
    assert sum(GIVE_BACK) >= 60


async def test_a_row_that_was_lost_to_another_worker_is_not_put_back():
    async def put():
        raise Fenced

    with pytest.raises(Fenced):
        await give_back(put)


# Claimed ahead


async def test_what_is_claimed_ahead_waits_for_a_slot_and_goes_back_when_we_stop():
    rows, given_back, stopping_now = Rows("long 1", "long 2", "c", "d", "e", "f"), [], asyncio.Event()

    async def put_back(waiting):
        given_back.extend(waiting)
        stopping_now.set()

    dispatcher = Embedded({Work.CHECK: Worker(rows.claim, rows.run, 2, ahead=3, put_back=put_back)})
    dispatcher.start()
    await rows.until(lambda: len(rows.running) == 2)

    assert (["f"], []) == (rows.due, rows.done)
    rows.gate.set()
    await rows.until(lambda: len(rows.done) == 6)
    assert 2 == rows.most

    rows.gate.clear()
    rows.due = ["long 3", "long 4", "g", "h"]
    dispatcher.tick()
    await rows.until(lambda: len(rows.running) == 2)
    stopping = asyncio.create_task(dispatcher.stop(5))
    await stopping_now.wait()
    rows.gate.set()
    await stopping
    assert {"g", "h"} == set(given_back)
    assert not {"g", "h"} & set(rows.done)
