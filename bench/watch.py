"""What watching costs: a tick with 100 due checks, beside APScheduler with one job per connection in its SQL store.

Both do all there is to a due check except the call itself: find what is due, claim it, start the same call that does
nothing on the event loop, and write when the next one is due. Ours are the real parts: dispatcher, watch, findings, memory.
"""

import argparse
import asyncio
import logging
import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import cast

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import func, insert, select, update

from bench._report import Report
from bench._rows import rows
from bench.start import resident
from bot.logins.refresh import Refresher
from bot.memory.memory import Memory, Work
from bot.memory.routes import Routes
from bot.watch.watch import Watch
from bot.words.interfaces import Gateway
from bot.words.pace import Pace
from bot.work.dispatch import Embedded, Worker
from storage import new_key, open_memory
from storage.tables import connections

DUE = 100
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVERY = timedelta(hours=1)


async def ours(folder: Path, count: int, ticks: int) -> tuple[list[tuple[float, float]], float]:
    """(wall, CPU) seconds of each tick with 100 due among `count` connections, and resident MB after the last."""
    now = [START]
    memory = await open_memory(f"sqlite:///{folder / 'ours.db'}", [new_key()], on_due=None, now=lambda: now[0])
    try:
        await fill(memory, count)
        gateways = {"google_ads": cast("Gateway", _Nothing())}
        refresher = Refresher(memory, gateways, lambda: now[0], request_timeout=EVERY, refresh_ahead=EVERY)
        watch = Watch(memory, gateways, refresher, Routes("C1", ()), Pace(EVERY, EVERY), lambda: now[0])
        worker = Worker(watch.claim, watch.check_due, 20, ahead=100, put_back=watch.put_back, makes_more=False)
        dispatcher, free = Embedded({Work.CHECK: worker}), asyncio.Semaphore(20)
        found = []
        for tick in range(ticks):
            now[0] = START + timedelta(seconds=tick)
            await make_due(memory, count, tick, now[0])
            wall, cpu = perf_counter(), process_time()
            await dispatcher._drain(Work.CHECK, worker, free)  # noqa: SLF001 - one tick, seen to its end
            await asyncio.gather(*dispatcher._tasks)  # noqa: SLF001
            found.append((perf_counter() - wall, process_time() - cpu))
            assert await checked_at(memory, now[0]) == DUE
        return found, resident(os.getpid())
    finally:
        await memory.close()


class _Nothing:
    """A gateway to a platform that is always well."""

    quota = None

    @property
    def platform(self) -> "_Nothing":
        return self

    def fetch(self, tokens: object) -> None:
        return None

    async def probe(self, fetch: object, account: object) -> None:
        await probe("")


async def checked_at(memory: Memory, moment: datetime) -> int:
    async with memory.read() as tx:
        return int(await rows(tx).value(select(func.count()).where(connections.c.checked_at == moment)))


async def fill(memory: Memory, count: int) -> None:
    async with memory.begin() as tx:
        from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet  # noqa: PLC0415

        login = await tx.grants.add(
            "google_ads", Identity("p", "p@example.com"), TokenSet(Secret("a"), Secret("r")), START
        )
        first = await tx.connections.add(
            login, Kind.ADS, Account("0", "Account 0"), autotagging=True, utm="", flows=[Flow.COST], now=START + EVERY
        )
        sql = rows(tx)
        (one,) = await sql.all(connections.select().where(connections.c.id == first.id))
        row = one._asdict()
        many = [row | {"id": f"con_{n:06}", "account_id": f"{n}"} for n in range(1, count)]
        for start in range(0, len(many), 5_000):
            await sql.many(insert(connections), many[start : start + 5_000])


async def make_due(memory: Memory, count: int, tick: int, at: datetime) -> None:
    names = [f"con_{1 + (tick * DUE + n) % (count - 1):06}" for n in range(DUE)]
    async with memory.begin() as tx:
        await rows(tx).change(update(connections).where(connections.c.id.in_(names)).values(next_check_at=at))


async def probe(_name: str) -> None:
    """The call both make: its answer comes at the next turn of the event loop."""
    await asyncio.sleep(0)


async def theirs(folder: Path, count: int, ticks: int) -> list[tuple[float, float]]:
    """The same for one job per connection: those due are run and stored again with their next date."""
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'theirs.db'}")
    scheduler = AsyncIOScheduler(jobstores={"default": store}, timezone="UTC")
    scheduler.start(paused=True)
    later = datetime.now(UTC) + EVERY
    for n in range(count):
        scheduler.add_job(
            probe, "interval", hours=1, args=[str(n)], id=str(n), next_run_time=later, misfire_grace_time=None
        )
    found = []
    for tick in range(ticks):
        for n in range(DUE):
            scheduler.modify_job(str((tick * DUE + n) % count), next_run_time=datetime.now(UTC))
        scheduler.state = 1  # running, without its own timer
        wall, cpu = perf_counter(), process_time()
        scheduler._process_jobs()  # noqa: SLF001 - one tick, as its timer makes it
        running = scheduler._lookup_executor("default")._pending_futures  # noqa: SLF001
        await asyncio.gather(*running)
        found.append((perf_counter() - wall, process_time() - cpu))
    scheduler.shutdown(wait=False)
    return found


def measure(count: int, ticks: int, rounds: int) -> Report:
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    mine: list[tuple[float, float]] = []
    peer: list[tuple[float, float]] = []
    memory = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            some, memory = asyncio.run(ours(Path(folder), count, ticks))
            mine += some[1:]  # the first compiles the statements
            peer += asyncio.run(theirs(Path(folder), min(count, 1_000), ticks))[1:]
    cpu = statistics.median(c for _, c in mine) / DUE * 1000
    cpu_peer = statistics.median(c for _, c in peer) / DUE * 1000
    report = Report("watch")
    report.row("APScheduler's SQL store: CPU per due connection", cpu_peer, "ms")
    report.row("Redkey: CPU per due connection", cpu, "ms", floor=cpu_peer, target="at most 0.05 x")
    report.row("Redkey: CPU per 1,000 connections and hour, checked each 5 min", cpu * 12, "s")
    report.row("APScheduler's SQL store: tick with 100 due", statistics.median(w for w, _ in peer) * 1000, "ms")
    wall = statistics.median(w for w, _ in mine) * 1000
    report.row(f"Redkey: tick with 100 due of {count:,}", wall, "ms", target="under 5 ms")
    report.row(f"Redkey: resident memory at {count:,}", memory, "MB", target="under 250 MB at 100,000")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--ticks", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    measure(asked.connections, asked.ticks, asked.rounds).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
