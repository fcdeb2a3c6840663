"""Touchpoints per second into Salesforce's Bulk API, beside simple-salesforce and jsforce, and beside the same bytes sent raw.

The far end is a counter of prepared answers in a process of its own: a job is complete at once, and says of each record
what was sent. Ours is the whole path: claim, outbox, jobs, each record's own answer, settled in the same database (SQLite).
simple-salesforce is given a script around it that does as much for records that are always taken; jsforce only sends and
reads what became of it, from memory. Both look for the end of a job every millisecond here; left alone they wait seconds.

Floor 1 sends the same bytes, made before, and throws the answers away. Floor 2 also reads what waits from our own tables and
marks it as sent, one number for each job as we do, by the driver alone: whoever keeps an outbox there cannot do with less, and
it builds and reads no CSV yet. Floor 3 does that too, in one loop without objects or checks: what it reaches beside
simple-salesforce, nothing written in Python on this outbox exceeds. Where the time between goes: docs/scaling.md.

Each runs in a process of its own, so that its peak memory can be told; ours also with 10,000 waiting, to see whether memory
grows.
"""

import argparse
import asyncio
import io
import json
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import httpx2
from sqlalchemy import insert, update

from bench._counter import counter
from bench._least import kept, least
from bench._moving import HOUR, move_all
from bench._report import Report
from bench._rows import rows
from bot.catch_up.touchpoints import TouchpointCarrier
from bot.memory.memory import Tx
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from platforms import Gateways, open_gateways
from storage import new_key, open_memory
from storage.freight import counters, deliveries, touchpoints

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FEW = 10_000


class Org:
    """Salesforce's side of a bulk job, and of a call with up to 200 records."""

    def __init__(self) -> None:
        self.done: dict[str, bytes] = {}

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        parts = path.rstrip("/").split("/")
        if "composite" in parts:
            ok = {"id": "a0X000000000001", "success": True, "created": True, "errors": []}
            return 200, "application/json", json.dumps([ok] * body.count(b'"attributes"')).encode()
        if method == "POST":
            return 200, "application/json", self._job(f"750{len(self.done):015}", "Open")
        job = parts[parts.index("ingest") + 1]
        if method == "PUT":
            head, _, rows = body.replace(b"\r\n", b"\n").partition(b"\n")
            marked = b"\n".join(b'"a0X000000000001","true",' + row for row in rows.splitlines())
            self.done[job] = b'"sf__Id","sf__Created",' + head + b"\n" + marked + b"\n"
            return 201, "application/json", b""
        if parts[-1] == "successfulResults":
            return 200, "text/csv", self.done[job]
        if parts[-1] in ("failedResults", "unprocessedrecords"):
            return 200, "text/csv", b'"sf__Id","sf__Error"\n'
        return 200, "application/json", self._job(job, "UploadComplete" if method == "PATCH" else "JobComplete")

    def _job(self, job: str, state: str) -> bytes:
        self.done.setdefault(job, b"")
        counted = {"numberRecordsProcessed": self.done[job].count(b"\n") - 1, "numberRecordsFailed": 0}
        return json.dumps({"id": job, "state": state, "object": "Touchpoint__c", **counted}).encode()


def fields(n: int) -> dict[str, str]:
    return {"Medium__c": "cpc", "Source__c": "google", "Campaign__c": f"Été {n % 100}"}


async def ours(address: str, path: Path, count: int) -> dict[str, float]:
    settings = {
        "salesforce": {
            "client_id": "c", "client_secret": "s", "login_url": address, "object": "Touchpoint__c",
            "external_id": "UniqueId__c", "email_field": "Email__c", "date_field": "", "daily_credits": 0,
        }
    }  # fmt: skip
    gateways = open_gateways(settings, timeout=timedelta(seconds=60), now=lambda: NOW)
    return await moved(gateways, backlog("salesforce", "00D", address, count, fields), path, count)


Fill = Callable[[Tx], Awaitable[None]]


async def moved(gateways: Gateways, fill: Fill, path: Path, count: int) -> dict[str, float]:
    """The whole backlog, from the first claim on; and the most memory that this process ever held."""
    memory = await open_memory(f"sqlite:///{path}", [new_key()], on_due=None, now=lambda: NOW)
    try:
        async with memory.begin() as tx:
            await fill(tx)
        taken = await move_all(memory, gateways, {Flow.TOUCHPOINTS: TouchpointCarrier()}, NOW)
        async with memory.read() as tx:
            (crm,) = await tx.connections.all()
            left = await tx.touchpoints.waiting(crm.id)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"wall": taken.wall, "cpu": taken.cpu, "rows": count - left, "peak": peak}
    finally:
        await gateways.aclose()
        await memory.close()


def backlog(platform: str, account: str, address: str, count: int, fields: Callable[[int], dict[str, str]]) -> Fill:
    """A backlog, written past the API: what is measured begins with it."""

    async def fill(tx: Tx) -> None:
        tokens = TokenSet(Secret("a"), Secret("r"), expires_at=NOW + HOUR * 9, kept={"instance_url": address})
        login = await tx.grants.add(platform, Identity("p", "p@example.com"), tokens, NOW)
        crm = await tx.connections.add(
            login,
            Kind.CRM,
            Account(account, "Acme"),
            autotagging=False,
            utm="",
            flows=[Flow.TOUCHPOINTS],
            now=NOW - HOUR,
        )
        sql = rows(tx)
        for start in range(0, count, 5_000):
            some = range(start, min(start + 5_000, count))
            given = {"occurred_at": NOW, "kind": "touchpoint", "crm": None, "accepted_at": NOW, "homeless": False}
            new = [{"id": name(n), "email": f"person{n}@example.com", "fields": fields(n), **given} for n in some]
            await sql.many(insert(touchpoints), new)
            to = {"connection_id": crm.id, "state": "waiting", "attempts": 0, "due_at": NOW, "reason": ""}
            await sql.many(insert(deliveries), [{"number": n + 1, "touchpoint_id": name(n), **to} for n in some])
        await sql.change(update(counters).where(counters.c.name == "deliveries").values(value=count))

    return fill


def name(n: int) -> str:
    return f"TP2_{n:09}"


async def raw(address: str, count: int) -> dict[str, float]:
    """The same jobs with the same bytes, made before; answers are read and thrown away."""
    bodies = []
    for start in range(0, count, 10_000):
        written = io.StringIO()
        written.write('"UniqueId__c","Campaign__c","Email__c","Medium__c","Source__c"\n')
        for n in range(start, min(start + 10_000, count)):
            written.write(f'"{name(n)}","Été {n % 100}","person{n}@example.com","cpc","google"\n')
        bodies.append(written.getvalue().encode())
    at = "/services/data/v66.0/jobs/ingest"
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        wall, cpu = perf_counter(), process_time()
        for body in bodies:
            job = (await client.post(at, json={})).json()["id"]
            await client.put(f"{at}/{job}/batches", content=body)
            await client.patch(f"{at}/{job}", json={})
            await client.get(f"{at}/{job}")
            await client.get(f"{at}/{job}/successfulResults")
            await client.get(f"{at}/{job}/failedResults")
        return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "rows": count, "peak": 0}


def outbox(path: Path, count: int) -> None:
    """What waits, for the script around simple-salesforce."""
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("CREATE TABLE waiting (id TEXT PRIMARY KEY, record TEXT, sent INTEGER)")
        sql.execute("CREATE INDEX unsent ON waiting (sent)")
        rows = ((name(n), json.dumps({"Email__c": f"person{n}@example.com", **fields(n)}), 0) for n in range(count))
        sql.executemany("INSERT INTO waiting VALUES (?, ?, ?)", rows)
        sql.commit()


def run(*command: object) -> dict[str, float]:
    told = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT)
    if told.returncode:
        raise SystemExit(told.stderr[-2000:])
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def one_round(address: str, size: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        own = (sys.executable, "-P", "-m", "bench.push", "--ours", address)
        found = {"ours": run(*own, "--size", size, "--at", f"{folder}/ours.db")}
        found["few"] = run(*own, "--size", FEW, "--at", f"{folder}/few.db")
        outbox(Path(folder) / "theirs.db", size)
        peers = ROOT / "bench" / "peers"
        python = ROOT / ".venv-bench" / "bin" / "python"
        if python.exists():
            found["simple-salesforce"] = run(
                python, peers / "simple_salesforce_push.py", address, f"{folder}/theirs.db"
            )
        opinions = ROOT / "tests" / "second_opinions"
        if shutil.which("node") and (opinions / "node_modules").exists():
            found["jsforce"] = run("node", peers / "jsforce_push.mjs", address, size, opinions)
        found["raw"] = asyncio.run(raw(address, size))
        found["kept"] = kept(Path(folder) / "ours.db", NOW)
        found["least"] = least(address, Path(folder) / "ours.db", NOW)
        for what, one in found.items():
            assert one["rows"] == (FEW if what == "few" else size), (what, one)
        return found


def measure(size: int, rounds: int) -> Report:
    with counter(Org()) as address:
        all_ = [one_round(address, size) for _ in range(rounds)]
    report = Report("push")

    def of(what: str, which: str) -> float:
        return statistics.median(one[what][which] for one in all_)

    for unit, which in (("records/s", "wall"), ("records/CPU s", "cpu")):
        mine = size / of("ours", which)
        for peer, target in (("simple-salesforce", "at least 3 x"), ("jsforce", "at least 1.5 x")):
            if peer in all_[0]:
                report.row(peer, size / of(peer, which), unit)
                report.row(f"Redkey, beside {peer}", mine, unit, floor=size / of(peer, which), target=target)
        sent, floor = size / of("raw", which), size / (of("raw", which) + of("kept", which))
        report.row("floor 1: the same bytes sent raw", sent, unit)
        report.row("Redkey, beside floor 1", mine, unit, floor=sent, target="at least 0.7 x")
        report.row("floor 2: and the outbox read and marked", floor, unit)
        report.row("Redkey, beside floor 2", mine, unit, floor=floor)
        report.row("floor 3: and its CSV written and read", size / of("least", which), unit)
        report.row("Redkey, beside floor 3", mine, unit, floor=size / of("least", which))
        if "simple-salesforce" in all_[0]:
            slow = size / of("simple-salesforce", which)
            report.row("floor 3, beside simple-salesforce", size / of("least", which), unit, floor=slow)
    few, many = of("few", "peak"), of("ours", "peak")
    report.row(f"peak memory with {FEW:,} waiting", few, "MB")
    report.row(f"more than that with {size:,} waiting", many - few, "MB", target="at most 20 MB")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench push", description=__doc__)
    parser.add_argument("--size", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--ours", default="", help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.ours:
        print(json.dumps(asyncio.run(ours(a.ours, a.at, a.size))))
        return 0
    measure(a.size, a.rounds).tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
