"""What watching costs: due checks claimed and put back, beside APScheduler with one job per connection in its SQL store."""

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import insert, update

from bench._report import Report
from storage import new_key, open_memory
from storage.tables import connections

DUE = 100
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVERY = timedelta(hours=1)


async def ours(folder: Path, count: int, ticks: int) -> list[tuple[float, float]]:
    """(wall, CPU) seconds of a tick with 100 due among `count` connections: claimed, and each put back with its next date."""
    now = [START]
    memory = await open_memory(f"sqlite:///{folder / 'ours.db'}", [new_key()], on_due=None, now=lambda: now[0])
    try:
        await fill(memory, count)
        found = []
        for tick in range(ticks):
            now[0] = START + timedelta(seconds=tick)
            await make_due(memory, count, tick, now[0])
            wall, cpu = perf_counter(), process_time()
            async with memory.begin() as tx:
                claimed = await tx.connections.claim_checks(now[0], DUE)
            for each in claimed:
                async with memory.begin() as tx:
                    await tx.connections.checked(each.id, now[0], now[0] + EVERY, good=True)
            found.append((perf_counter() - wall, process_time() - cpu))
            assert len(claimed) == DUE, len(claimed)
        return found
    finally:
        await memory.close()


async def fill(memory, count: int) -> None:
    async with memory.begin() as tx:
        from bot.connection import Account, Flow, Identity, Kind, Secret, TokenSet  # noqa: PLC0415

        login = await tx.grants.add(
            "google_ads", Identity("p", "p@example.com"), TokenSet(Secret("a"), Secret("r")), START
        )
        first = await tx.connections.add(
            login, Kind.ADS, Account("0", "Account 0"), autotagging=True, utm="", flows=[Flow.COST], now=START + EVERY
        )
        sql = tx.connections._tx  # noqa: SLF001 - a hundred thousand logins are not connected one by one
        row = dict((await sql.one(connections.select().where(connections.c.id == first.id)))._mapping)  # noqa: SLF001
        many = [row | {"id": f"con_{n:06}", "account_id": f"{n}"} for n in range(1, count)]
        for start in range(0, len(many), 5_000):
            await sql.many(insert(connections), many[start : start + 5_000])


async def make_due(memory, count: int, tick: int, at: datetime) -> None:
    names = [f"con_{1 + (tick * DUE + n) % (count - 1):06}" for n in range(DUE)]
    async with memory.begin() as tx:
        sql = tx.connections._tx  # noqa: SLF001
        await sql.change(update(connections).where(connections.c.id.in_(names)).values(next_check_at=at))


async def probe(name: str) -> None:
    """What APScheduler calls: nothing."""


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
        await asyncio.sleep(0)
        found.append((perf_counter() - wall, process_time() - cpu))
    scheduler.shutdown(wait=False)
    return found


def measure(count: int, ticks: int, rounds: int) -> Report:
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    mine: list[tuple[float, float]] = []
    peer: list[tuple[float, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            mine += asyncio.run(ours(Path(folder), count, ticks))
            peer += asyncio.run(theirs(Path(folder), min(count, 1_000), ticks))
    cpu = statistics.median(c for _, c in mine) / DUE * 1000
    cpu_peer = statistics.median(c for _, c in peer) / DUE * 1000
    report = Report("watch")
    report.row("APScheduler's SQL store: CPU per due connection", cpu_peer, "ms")
    report.row("Redkey: CPU per due connection", cpu, "ms", floor=cpu_peer, target="at most 0.05 x")
    report.row("APScheduler's SQL store: tick with 100 due", statistics.median(w for w, _ in peer) * 1000, "ms")
    report.row(
        f"Redkey: tick with 100 due of {count:,}",
        statistics.median(w for w, _ in mine) * 1000,
        "ms",
        target="under 5 ms",
    )
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
