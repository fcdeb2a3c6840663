"""Touchpoints per second through the API and the importer, beside a bare FastAPI that bulk-inserts the same bodies.

Each server is a process of its own on SQLite with the same care for the disk. Ours checks every touchpoint and writes it and
its delivery to one CRM; the bare one decodes the body and inserts the rows into one table. The floor between them checks
nothing either, but has our two tables to fill: what it takes no care of ours can undercut.
"""

import argparse
import asyncio
import contextlib
import csv
import itertools
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time
from typing import Any

import httpx2

from bench._moving import Taken
from bench._report import Report
from bench.kill import cpu_seconds
from bot.settings.file import load
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from sandbox.practice import free_port
from sandbox.world import World
from storage import new_key, open_memory

A_BODY = 1_000
KEY = "bench-key-0123456789abcdef"
GIVEN = "id, occurred_at, email, kind, fields, crm, accepted_at, homeless"
TO_SEND = "number, touchpoint_id, connection_id, state, attempts, due_at, reason"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


def touchpoint(n: int) -> dict[str, object]:
    fields = {"Medium__c": "cpc", "Source__c": "google", "Campaign__c": f"Été {n % 100}"}
    at = f"2026-11-23T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z"
    return {"id": f"TP2_{n:09}", "occurred_at": at, "email": f"p{n}@example.com", "fields": fields}


def bodies(count: int) -> list[bytes]:
    return [
        json.dumps([touchpoint(n) for n in range(start, min(start + A_BODY, count))]).encode()
        for start in range(0, count, A_BODY)
    ]


def serve_bare(path: str, port: int, *, ours: bool) -> None:
    """The same bodies decoded and inserted by the driver alone: into one table, or into `ours`."""
    import uvicorn  # noqa: PLC0415 - only in the server's process
    from fastapi import FastAPI, Request  # noqa: PLC0415

    sql = sqlite3.connect(path, check_same_thread=False)
    sql.execute("PRAGMA journal_mode = WAL")
    sql.execute("PRAGMA synchronous = FULL")
    if not ours:
        sql.execute("CREATE TABLE touchpoints (id TEXT PRIMARY KEY, occurred_at TEXT, email TEXT, fields TEXT)")
    numbers = itertools.count(1)
    app = FastAPI()

    async def take(request: Request) -> dict[str, int]:
        items = await request.json()
        if ours:
            new = _into_ours(sql, items, numbers)
        else:
            rows = [(i["id"], i["occurred_at"], i["email"], json.dumps(i["fields"])) for i in items]
            new = sql.executemany("INSERT OR IGNORE INTO touchpoints VALUES (?, ?, ?, ?)", rows).rowcount
        sql.commit()
        return {"accepted": new, "duplicates": len(items) - new}

    app.add_api_route("/api/v1/touchpoints", take, methods=["POST"])
    uvicorn.run(app, port=port, log_level="error")


def _into_ours(sql: sqlite3.Connection, items: list[dict[str, Any]], numbers: Iterator[int]) -> int:
    rows = [
        (i["id"], i["occurred_at"], i["email"], "touchpoint", json.dumps(i["fields"]), None, "2026-11-23", 0)
        for i in items
    ]
    sent = [(next(numbers), row[0], "con_1", "waiting", 0, "2026-11-23", "") for row in rows]
    sql.executemany(f"INSERT INTO touchpoints ({GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return sql.executemany(f"INSERT INTO deliveries ({TO_SEND}) VALUES (?, ?, ?, ?, ?, ?, ?)", sent).rowcount


async def sent(port: int, given: list[bytes], pid: int) -> Taken:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for _ in range(600):
            with contextlib.suppress(httpx2.TransportError):
                await client.get("/healthz")
                break
            await asyncio.sleep(0.05)
        began, cpu = perf_counter(), cpu_seconds(pid)
        for body in given:
            answer = await client.post("/api/v1/touchpoints", content=body, headers=HEADERS)
            assert answer.status_code in (200, 202), answer.text
        return Taken(perf_counter() - began, cpu_seconds(pid) - cpu)


async def through_us(folder: Path, count: int) -> tuple[Taken, Taken, Taken]:
    """Through the API; then `redkey touchpoints import` of as many from its start to its end, and of none at all."""
    async with World.open() as world:
        port = free_port()
        config = folder / "redkey.toml"
        own = {"database": {"url": f"sqlite:///{folder}/redkey.db"}, "web": {"port": port, "api_keys": [KEY]}}
        world.write_settings(config, f"http://127.0.0.1:{port}", own)
        await one_crm(config)
        redkey = [sys.executable, "-P", "-m", "bot", "--config", str(config)]
        bot = await asyncio.create_subprocess_exec(*redkey, "run", stderr=asyncio.subprocess.DEVNULL)
        try:
            api = await sent(port, bodies(count), bot.pid)
        finally:
            bot.terminate()
            await bot.wait()
        written(folder / "none.csv", 0)
        written(folder / "more.csv", count)
        none = await imported(redkey, folder / "none.csv", 0)
        return api, await imported(redkey, folder / "more.csv", count), none


def written(file: Path, count: int) -> None:
    with file.open("w", newline="") as to:
        writer = csv.writer(to)
        writer.writerow(["id", "occurred_at", "email", "kind", "crm", "Medium__c"])
        writer.writerows([f"F{n}", "2026-11-23T09:00:00Z", f"p{n}@example.com", "", "", "cpc"] for n in range(count))


async def imported(redkey: list[str], file: Path, count: int) -> Taken:
    began, before = perf_counter(), getrusage(RUSAGE_CHILDREN)
    importing = await asyncio.create_subprocess_exec(
        *redkey, "touchpoints", "import", str(file), stdout=subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    told, _ = await importing.communicate()
    took, after = perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    assert f"accepted {count}" in told.decode(), told
    return Taken(took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


async def one_crm(config: Path) -> None:
    """Connected, and paused so that nothing is pushed beside the measurement."""
    settings, now = load(config), datetime.now(UTC)
    keys = [key.get_secret_value() for key in settings.secrets.keys]
    memory = await open_memory(settings.database.url, keys, on_due=None, now=lambda: now)
    async with memory.begin() as tx:
        login = await tx.grants.add("salesforce", Identity("p", "p@example.com"), TokenSet(Secret("a")), now)
        crm = await tx.connections.add(
            login, Kind.CRM, Account("00D", "Acme"), autotagging=False, utm="", flows=[Flow.TOUCHPOINTS], now=now
        )
        await tx.connections.set_enabled(crm.id, False)
    await memory.close()


def through_bare(folder: Path, count: int, *, ours: bool) -> Taken:
    port, path = free_port(), folder / f"bare-{ours}.db"
    if ours:
        asyncio.run(_tables(path))
    command = [sys.executable, "-P", "-m", "bench.intake", "--bare", str(path), "--port", str(port)]
    server = subprocess.Popen([*command, "--ours"] if ours else command)
    try:
        return asyncio.run(sent(port, bodies(count), server.pid))
    finally:
        server.terminate()
        server.wait()


async def _tables(path: Path) -> None:
    await (await open_memory(f"sqlite:///{path}", [new_key()], on_due=None, now=lambda: datetime.now(UTC))).close()


def inserted(folder: Path, count: int) -> Taken:
    """The floor of the importer: the same file's rows, read and inserted, in a process that runs already."""
    with closing(sqlite3.connect(folder / "floor.db")) as sql, (folder / "more.csv").open(newline="") as file:
        sql.execute("CREATE TABLE touchpoints (id TEXT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT)")
        began, cpu = perf_counter(), process_time()
        rows = csv.reader(file)
        next(rows)
        sql.executemany("INSERT OR IGNORE INTO touchpoints VALUES (?, ?, ?, ?, ?, ?)", rows)
        sql.commit()
        assert sql.execute("SELECT COUNT(*) FROM touchpoints").fetchone() == (count,)
        return Taken(perf_counter() - began, process_time() - cpu)


def measure(size: int, rounds: int) -> Report:
    found: dict[str, list[Taken]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            api, whole, none = asyncio.run(through_us(folder, size))
            beyond = Taken(whole.wall - none.wall, whole.cpu - none.cpu)
            each = {"api": api, "import": whole, "beyond": beyond, "file": inserted(folder, size)}
            each |= {"bare": through_bare(folder, size, ours=False), "tables": through_bare(folder, size, ours=True)}
        for what, taken in each.items():
            found.setdefault(what, []).append(taken)
    report = Report("intake")
    wall = {what: size / statistics.median(taken.wall for taken in each) for what, each in found.items()}
    cpu = {what: size / statistics.median(taken.cpu for taken in each) for what, each in found.items()}
    _tell(report, "", "touchpoints/s", wall)
    _tell(report, "CPU: ", "touchpoints/CPU s", cpu)
    return report


def _tell(report: Report, of: str, unit: str, rate: dict[str, float]) -> None:
    """By the clock, and by the server's CPU: other programs on the machine delay the first only."""
    report.row(f"{of}bare FastAPI and bulk insert, {A_BODY:,} a call", rate["bare"], unit)
    report.row(f"{of}Redkey's API", rate["api"], unit, floor=rate["bare"], target="at least 0.8 x")
    report.row(f"{of}floor: bare FastAPI into our two tables, nothing checked", rate["tables"], unit)
    report.row(f"{of}Redkey's API, beside that floor", rate["api"], unit, floor=rate["tables"])
    report.row(f"{of}floor: the file read and inserted, nothing checked", rate["file"], unit)
    report.row(f"{of}redkey touchpoints import, with its start", rate["import"], unit)
    report.row(f"{of}redkey touchpoints import, its start taken off", rate["beyond"], unit, floor=rate["file"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench intake", description=__doc__)
    parser.add_argument("--size", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--bare", default="", help=argparse.SUPPRESS)
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.bare:
        serve_bare(a.bare, a.port, ours=a.ours)
        return 0
    measure(a.size, a.rounds).tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
