"""What more replicas bring: checks and touchpoints per second with 1, 2 and 4 processes; how soon a killed one is replaced.

Each is a real `redkey run`, all on one Postgres of our own; the platforms' answers are prepared bytes of one more process.
Postgres, those bytes and the replicas share the cores, so what two bring is less than twice by whatever the others take. What
each had of the processors is told: where one replica with its Postgres keeps these cores busy for a part p of the time, no
number of replicas can bring more than 1 / p. Two that share nothing but the machine, each on a database of its own, show
what the machine takes from them: it is no fault of sharing.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import psycopg
from sqlalchemy import insert, update

from bench._counter import counter
from bench._postgres import WAITING, database, postgres
from bench._report import Report
from bench._rows import rows
from bench._spent import cpu, family, parent
from bench.push import Org, fields, name
from bot.settings.file import load
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from sandbox.practice import Practice
from sandbox.world import World
from storage import open_memory
from storage.freight import counters, deliveries, touchpoints
from storage.tables import connections

CRMS = 8  # a connection's touchpoints go one batch after the other, in their order: more of them can go side by side
CALM = {"check_every": "1h", "cost_every": "1h", "tagging_every": "1h", "push_every": "30s", "progress_every": "5s"}
NEVER = timedelta(days=30)
TAKEOVER = 60.0
CORES = len(os.sched_getaffinity(0))


class Both:
    """Salesforce's bulk jobs, and Google's answer to a probe."""

    def __init__(self) -> None:
        self._org = Org()

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if "googleAds" in path:
            return 200, "application/json", b'[{"results":[{"customer":{"id":"1"}}]}]'
        return self._org(method, path, body)


def settings(address: str) -> dict[str, dict[str, object]]:
    sink = {"login_url": address, "object": "Touchpoint__c", "external_id": "UniqueId__c", "email_field": "Email__c"}
    return {"google_ads": {"api_url": address}, "salesforce": {**sink, "date_field": "", "daily_credits": 0}}


@asynccontextmanager
async def deployed(url: str, address: str, count: int, size: int, checks: int) -> AsyncIterator[list[Practice]]:
    """So many replicas, ready, with nothing due yet."""
    async with World.open() as world:
        world.slack.rates.on = False
        with tempfile.TemporaryDirectory() as folder:
            replicas: list[Practice] = []
            for n in range(count):
                (Path(folder) / f"{n}").mkdir()
                each = Practice(world, Path(folder) / f"{n}", timing=CALM, database=url, platforms=settings(address))
                if replicas:
                    each.share(replicas[0])
                each.write_settings()
                replicas.append(each)
            await fill(replicas[0].config, address, size, checks)
            try:
                await asyncio.gather(*(each.start(connected=False) for each in replicas))
                yield replicas
            finally:
                await asyncio.gather(*(each.stop() for each in replicas))


async def fill(config: Path, address: str, size: int, checks: int) -> None:
    told, now = load(config), datetime.now(UTC)
    keys = [key.get_secret_value() for key in told.secrets.keys]
    memory = await open_memory(told.database.url, keys, on_due=None, now=lambda: now)
    crms = []
    async with memory.begin() as tx:
        tokens = TokenSet(Secret("a"), Secret("r"), expires_at=now + NEVER, kept={"instance_url": address})
        for n in range(CRMS):
            login = await tx.grants.add("salesforce", Identity(f"p{n}", f"p{n}@example.com"), tokens, now)
            account = Account(f"00D{n}", f"Acme {n}")
            crm = await tx.connections.add(
                login, Kind.CRM, account, autotagging=False, utm="", flows=[Flow.TOUCHPOINTS], now=now + NEVER
            )
            crms.append(crm.id)
        login = await tx.grants.add("google_ads", Identity("g", "g@example.com"), tokens, now)
        first = await tx.connections.add(
            login, Kind.ADS, Account("0", "Account 0"), autotagging=False, utm="", flows=[Flow.COST], now=now + NEVER
        )
        sql = rows(tx)
        (row,) = await sql.all(connections.select().where(connections.c.id == first.id))
        await sql.many(
            insert(connections), [row._asdict() | {"id": f"con_{n}", "account_id": f"{n}"} for n in range(1, checks)]
        )
        for start in range(0, size, 5_000):
            some = range(start, min(start + 5_000, size))
            given = {"occurred_at": now, "kind": "touchpoint", "crm": None, "accepted_at": now, "homeless": False}
            new = [{"id": name(n), "email": f"p{n}@example.com", "fields": fields(n), **given} for n in some]
            await sql.many(insert(touchpoints), new)
            to = {"state": "waiting", "attempts": 0, "due_at": now, "reason": ""}
            sent = [{"number": n + 1, "touchpoint_id": name(n), "connection_id": crms[n % CRMS], **to} for n in some]
            await sql.many(insert(deliveries), sent)
        await sql.change(update(counters).where(counters.c.name == "deliveries").values(value=size))
    await memory.close()


class Asked:
    """What the database says, past the bot."""

    def __init__(self, url: str) -> None:
        self._sql = psycopg.connect(url, autocommit=True)

    def value(self, statement: str) -> int:
        row = self._sql.execute(statement.encode()).fetchone()
        return int(row[0] or 0) if row else 0

    def text(self, statement: str) -> str:
        row = self._sql.execute(statement.encode()).fetchone()
        return str(row[0] or "") if row else ""

    def push(self) -> None:
        self._sql.execute(
            "UPDATE transfers SET due_at = now() WHERE flow = 'touchpoints'"
            " AND connection_id IN (SELECT id FROM connections WHERE platform = 'salesforce')"
        )

    def check(self) -> None:
        self._sql.execute("UPDATE connections SET next_check_at = now() WHERE platform = 'google_ads'")

    async def until(self, statement: str, within: float) -> float:
        """Seconds until it gives none; raises TimeoutError."""
        began = perf_counter()
        async with asyncio.timeout(within):
            while self.value(statement):  # noqa: ASYNC110 - a database does not tell
                await asyncio.sleep(0.1)
        return perf_counter() - began


UNCHECKED = "SELECT count(*) FROM connections WHERE platform = 'google_ads' AND checked_at IS NULL"


@dataclass(frozen=True)
class Run:
    """So many done in so many seconds, and who had how much of the processors meanwhile."""

    done: int
    seconds: float
    ours: float
    postgres: float
    others: float  # the prepared bytes, and the practice world with this measurement

    @property
    def busy(self) -> float:
        """The part of all cores that somebody had."""
        return (self.ours + self.postgres + self.others) / self.seconds / CORES


class Processors:
    """Who has had how much of them by now."""

    def __init__(self, replicas: list[Practice], asked: Asked) -> None:
        self._replicas = [each.pid for each in replicas]
        self._postgres = parent(asked.value("SELECT pg_backend_pid()"))
        self._others = [os.getpid(), *(child.pid for child in multiprocessing.active_children() if child.pid)]

    def spent(self) -> tuple[float, float, float]:
        return sum(map(cpu, self._replicas)), family(self._postgres), sum(map(cpu, self._others))

    async def during(self, done: int, work: Awaitable[float]) -> Run:
        before = self.spent()
        seconds = await work
        ours, postgres, others = (late - early for early, late in zip(before, self.spent(), strict=True))
        return Run(done, seconds, ours, postgres, others)


async def throughput(url: str, address: str, count: int, size: int, checks: int) -> tuple[Run, Run]:
    """Touchpoints, and checks."""
    async with deployed(url, address, count, size, checks) as replicas:
        asked = Asked(url)
        processors = Processors(replicas, asked)
        asked.check()
        checked = await processors.during(checks, asked.until(UNCHECKED, 120))
        asked.push()
        return await processors.during(size, asked.until(WAITING, 120)), checked


async def apart(urls: list[str], address: str, checks: int) -> Run:
    """Checks of as many processes as there are databases, one on each."""
    async with AsyncExitStack() as stack:
        part = checks // len(urls)
        alone = [await stack.enter_async_context(deployed(url, address, 1, 1, part)) for url in urls]
        databases = [Asked(url) for url in urls]
        processors = Processors([each for one in alone for each in one], databases[0])

        async def checked() -> float:
            return max(await asyncio.gather(*(each.until(UNCHECKED, 120) for each in databases)))

        for each in databases:
            each.check()
        return await processors.during(part * len(urls), checked())


async def takeover(url: str, address: str, size: int) -> float:
    """Seconds from the SIGKILL of a replica in the middle of its pushes until none waits for it any more."""
    async with deployed(url, address, 2, size, 1) as replicas:
        asked = Asked(url)
        asked.push()
        async with asyncio.timeout(60):
            while not (owner := asked.text("SELECT max(owner) FROM transfers WHERE owner IS NOT NULL")):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await next(each for each in replicas if owner in each.log.read_text()).kill()
        took = await asked.until(f"SELECT count(*) FROM transfers WHERE owner = '{owner}'", TAKEOVER)
        await asked.until(WAITING, 120)
        return took


async def measure(size: int, checks: int, rounds: int, processes: list[int], given: str) -> Report:
    pushed: dict[int, list[Run]] = {n: [] for n in processes}
    checked: dict[int, list[Run]] = {n: [] for n in processes}
    resumed, separate = [], []
    with postgres(given) as server, counter(Both()) as address:
        for _ in range(rounds):
            for n in processes:
                with database(server) as url:
                    one = await throughput(url, address, n, size, checks)
                pushed[n].append(one[0])
                checked[n].append(one[1])
            with database(server) as url:
                resumed.append(await takeover(url, address, size))
            with database(server) as one_url, database(server) as other:
                separate.append(await apart([one_url, other], address, checks))
    report = Report("replicas")
    alone = checked[min(checked)]
    for what, unit, found in (("push", "touchpoints", pushed), ("probe", "checks", checked)):
        tell(report, what, unit, found)
    for told, unit, taken in (("", "checks/s", "seconds"), (": of our own processor time", "checks/CPU s", "ours")):
        pace, floor = (statistics.median(run.done / getattr(run, taken) for run in runs) for runs in (separate, alone))
        report.row(f"probe, 2 that share nothing{told}", pace, unit, floor=floor)
    report.row("SIGKILL until its pushes go on elsewhere", max(resumed), "s", target="under 30 s")
    return report


def tell(report: Report, what: str, unit: str, found: dict[int, list[Run]]) -> None:
    """Their pace, and beside it what a second of our own processor time does: where that stays, nothing is in our way."""
    first = next(iter(found))
    pace = {n: statistics.median(run.done / run.seconds for run in runs) for n, runs in found.items()}
    own = {n: statistics.median(run.done / run.ours for run in runs) for n, runs in found.items()}
    most = 1 / statistics.median(run.busy for run in found[first])
    for n, runs in found.items():
        target = "at least 1.6 x" if n == 2 and n != first else ""
        report.row(
            f"{what}, {n} of them", pace[n], f"{unit}/s", target=target, floor=pace[first] if n != first else None
        )
        floor = own[first] if n != first else None
        report.row(f"{what}, {n} of them: of our own processor time", own[n], f"{unit}/CPU s", floor=floor)
        for who, part in (("ours", "ours"), ("Postgres's", "postgres"), ("the far end's", "others")):
            share = statistics.median(getattr(run, part) / run.seconds for run in runs)
            report.row(f"{what}, {n} of them: cores busy, {who}", share, "")
    report.row(f"{what}: the most that any number could bring on {CORES} cores", most, "x")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench replicas", description=__doc__)
    parser.add_argument("--size", type=int, default=480_000, help="touchpoints that wait")
    parser.add_argument("--checks", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--database", default="", help="a Postgres to use instead of one of our own")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    a = parser.parse_args()
    report = asyncio.run(measure(a.size, a.checks, a.rounds, a.processes, a.database))
    report.tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
