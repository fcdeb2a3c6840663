"""Bad days of database and machine under the real bot: it stays up, refreshes nothing it could not store, and resumes."""

import asyncio
import os
import resource
import signal
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import oracle
import psycopg
import pytest
from syscalls import can_trace

from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.practice import practising
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import World

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(180)]
QUIET = 2.5  # seconds of trouble: several checks and pushes fall into them


@pytest.fixture
async def practice(tmp_path, database_url):
    async with World.open() as world:
        world.slack.rates.on = False
        async with practising(world, tmp_path, database=database_url) as running:
            running.database = database_url
            await running.connect("salesforce", world.salesforce.demo_login)
            await running.send_touchpoints(touchpoints(5, "before"))
            await until(lambda: len(world.salesforce.records()) == 5)
            yield running


def on(kind):
    return pytest.mark.parametrize("database_url", [kind], indirect=True)


async def until(true, within=30.0):
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - the world tells nobody
            await asyncio.sleep(0.05)


def pid(practice):
    assert practice._process.returncode is None, practice.log.read_text()[-2000:]
    return practice._process.pid


async def ends_well(practice):
    """The whole story still works: drop, alert, login, receipt, every touchpoint once; nothing was said twice."""
    world = practice.world
    await practice.send_touchpoints(touchpoints(5, "after"))
    await world.pull("salesforce", "revoke")
    alert = await world.slack.wait_for(lambda: message_of(world, "Salesforce", RED), timeout=30)
    clicked = await world.slack.click(MARKETING, alert.ts, "reauthorize")
    async with Visitor() as visitor:
        assert 200 == (await visitor.log_in(clicked.url, world.salesforce.demo_login)).status
    await world.slack.wait_for(lambda: message_of(world, "Salesforce", GREEN, alert.ts), timeout=40)
    await until(lambda: len(world.salesforce.records()) == 10)
    await until(lambda: oracle.quiet(practice.database))
    assert [] == oracle.judge(practice.database, world, datetime.now(UTC), logs=[practice.log])


async def takes_in_nothing(practice):
    """What cannot be stored is never said to be stored: whoever sends it has it still."""
    with pytest.raises(RuntimeError, match="not accepted: 503"):
        await practice.send_touchpoints(touchpoints(1, "never"))


@contextmanager
def full_disk(process):
    """No file of this process can grow or be written any more; its log neither."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))


@on("sqlite")
async def test_a_full_disk_stops_refreshes_and_nothing_else_and_is_forgiven(practice):
    world, running = practice.world, pid(practice)
    with full_disk(running):
        await asyncio.sleep(0.3)  # what was under way comes to its end
        asked = world.salesforce.ledger.count("token_request")
        world.salesforce.oauth.grants.expire_access()
        await takes_in_nothing(practice)
        await asyncio.sleep(QUIET)
        assert asked == world.salesforce.ledger.count("token_request"), "it rotated what it could not have stored"
        assert running == pid(practice)
    await until(lambda: world.salesforce.ledger.count("token_request") > asked)
    assert [] == world.slack.messages(MARKETING)
    await ends_well(practice)
    assert running == pid(practice)


@contextmanager
def no_more(process, what, most):
    """It gets no more of this than `most` until the block ends."""
    before = resource.prlimit(process, what)
    resource.prlimit(process, what, (most, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(process, what, before)


def memory_of(process):
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def files_of(process):
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


@on("sqlite")
async def test_a_bot_that_may_open_no_more_files_and_then_gets_no_more_memory_stays_up_and_loses_nothing(practice):
    world, running = practice.world, pid(practice)
    for what, most in ((resource.RLIMIT_NOFILE, files_of(running)), (resource.RLIMIT_AS, memory_of(running))):
        with no_more(running, what, most):
            world.slack.sockets.cut()
            world.salesforce.oauth.grants.expire_access()
            await asyncio.sleep(QUIET)
            assert running == pid(practice)
    assert [] == world.slack.messages(MARKETING)
    await ends_well(practice)
    assert running == pid(practice)


@asynccontextmanager
async def failing(process, calls, error):
    """These calls of the bot do nothing and say so: what a dying disk does, or one that was remounted for reading only."""
    told = ["-qq", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    tracer = await asyncio.create_subprocess_exec("strace", *told, "-p", str(process))
    status = Path(f"/proc/{process}/status")
    await until(lambda: "TracerPid:\t0\n" not in status.read_text())
    try:
        yield
    finally:
        tracer.terminate()
        await tracer.wait()


@on("sqlite")
async def test_a_disk_that_fails_or_is_read_only_stops_refreshes_and_nothing_else_and_is_forgiven(practice):
    if not can_trace():
        pytest.skip("only strace can make a system call fail, and here it is missing or forbidden")
    world, running = practice.world, pid(practice)
    for calls, error in (("fsync,fdatasync", "EIO"), ("pwrite64", "EROFS")):
        async with failing(running, calls, error):
            await asyncio.sleep(0.3)  # what was under way comes to its end
            asked = world.salesforce.ledger.count("token_request")
            world.salesforce.oauth.grants.expire_access()
            await takes_in_nothing(practice)
            await asyncio.sleep(QUIET)
            assert asked == world.salesforce.ledger.count("token_request"), "it rotated what it could not have stored"
        await until(lambda before=asked: world.salesforce.ledger.count("token_request") > before)
    assert [] == world.slack.messages(MARKETING)
    await ends_well(practice)
    assert running == pid(practice)


@on("sqlite")
async def test_a_locked_database_is_waited_for(practice):
    running = pid(practice)
    with closing(sqlite3.connect(practice.database.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(6.5)  # longer than a writer waits
        other.execute("ROLLBACK")
    await ends_well(practice)
    assert running == pid(practice)


def _cut(path, count):
    os.truncate(path, path.stat().st_size - count)


@on("sqlite")
async def test_a_write_ahead_log_that_was_cut_costs_its_end_and_not_the_bot(practice):
    """As after a power cut on a disk that lied: what the log held last is gone, which upserts make good."""
    await practice.kill()
    log = Path(practice.database.removeprefix("sqlite:///") + "-wal")
    _cut(log, 10_000)  # the last transactions, and one of them by half
    await practice.start()
    await practice.send_touchpoints(touchpoints(5, "before"))  # whoever sent them may have to do it again
    await ends_well(practice)


@on("postgres")
async def test_killed_backends_are_replaced(practice):
    running = pid(practice)
    with psycopg.connect(practice.database, autocommit=True) as admin:
        for _ in range(12):
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'redkey'")
            await asyncio.sleep(0.2)
    await ends_well(practice)
    assert running == pid(practice)


@contextmanager
def commits_that_last(address):
    """The tests' own Postgres forgets its last commits when it crashes, which is quicker, and which no operator wants."""
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET synchronous_commit = on")
        admin.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET synchronous_commit = off")
            admin.execute("SELECT pg_reload_conf()")


@on("postgres")
async def test_a_server_that_crashes_again_and_again_is_waited_for(practice):
    """A backend that dies by SIGKILL takes all others along: Postgres recovers as after a power cut, and refuses meanwhile."""
    running = pid(practice)
    with commits_that_last(practice.database):
        await asyncio.sleep(1.2)  # a round of checks, so that what was claimed before has been written to last
        await crashes(practice)
        await ends_well(practice)
    assert running == pid(practice)


async def crashes(practice):
    for _ in range(4):
        await until(lambda: accepts(practice.database))
        with psycopg.connect(practice.database, autocommit=True) as admin:
            (backend,) = admin.execute("SELECT pg_backend_pid()").fetchone()
            os.kill(backend, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                admin.execute("SELECT 1")
        await asyncio.sleep(1)


def accepts(database):
    """Recovery takes its time, and whoever connects meanwhile is sent away."""
    with suppress(psycopg.OperationalError), psycopg.connect(database):
        return True
    return False


@on("postgres")
async def test_a_bot_that_was_stopped_for_a_while_goes_on(practice):
    running = pid(practice)
    practice._process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(QUIET)
    practice._process.send_signal(signal.SIGCONT)
    await ends_well(practice)
    assert running == pid(practice)
