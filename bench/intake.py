"""Touchpoints per second through the API and the importer, beside a bare FastAPI that bulk-inserts the same bodies.

Each server is a process of its own on SQLite with the same care for the disk. Ours checks every touchpoint and writes it and
its delivery to one CRM; the bare one decodes the body and inserts the rows into one table.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import httpx2

from bench._report import Report
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
    return {"id": f"TP2_{n:09}", "occurred_at": "2026-11-23T09:00:00Z", "email": f"p{n}@example.com", "fields": fields}


def bodies(count: int) -> list[bytes]:
    return [
        json.dumps([touchpoint(n) for n in range(start, min(start + A_BODY, count))]).encode()
        for start in range(0, count, A_BODY)
    ]


def serve_bare(path: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 - only in the server's process
    from fastapi import FastAPI, Request  # noqa: PLC0415

    sql = sqlite3.connect(path, check_same_thread=False)
    sql.execute("PRAGMA journal_mode = WAL")
    sql.execute("PRAGMA synchronous = FULL")
    sql.execute("CREATE TABLE touchpoints (id TEXT PRIMARY KEY, occurred_at TEXT, email TEXT, fields TEXT)")
    app = FastAPI()

    async def take(request: Request) -> dict[str, int]:
        items = await request.json()
        rows = [(i["id"], i["occurred_at"], i["email"], json.dumps(i["fields"])) for i in items]
        new = sql.executemany("INSERT OR IGNORE INTO touchpoints VALUES (?, ?, ?, ?)", rows).rowcount
        sql.commit()
        return {"accepted": new, "duplicates": len(rows) - new}

    app.add_api_route("/api/v1/touchpoints", take, methods=["POST"])
    uvicorn.run(app, port=port, log_level="error")


async def sent(port: int, given: list[bytes]) -> float:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for _ in range(600):
            with contextlib.suppress(httpx2.TransportError):
                await client.get("/healthz")
                break
            await asyncio.sleep(0.05)
        began = perf_counter()
        for body in given:
            answer = await client.post("/api/v1/touchpoints", content=body, headers=HEADERS)
            assert answer.status_code in (200, 202), answer.text
        return perf_counter() - began


async def through_us(folder: Path, count: int) -> tuple[float, float]:
    """Seconds through the API, and through `redkey touchpoints import` from its start to its end."""
    async with World.open() as world:
        port = free_port()
        config = folder / "redkey.toml"
        own = {"database": {"url": f"sqlite:///{folder}/redkey.db"}, "web": {"port": port, "api_keys": [KEY]}}
        world.write_settings(config, f"http://127.0.0.1:{port}", own)
        await one_crm(config)
        redkey = [sys.executable, "-P", "-m", "bot", "--config", str(config)]
        bot = await asyncio.create_subprocess_exec(*redkey, "run", stderr=asyncio.subprocess.DEVNULL)
        try:
            api = await sent(port, bodies(count))
        finally:
            bot.terminate()
            await bot.wait()
        file = folder / "more.csv"
        with file.open("w", newline="") as to:
            writer = csv.writer(to)
            writer.writerow(["id", "occurred_at", "email", "kind", "crm", "Medium__c"])
            writer.writerows(
                [f"F{n}", "2026-11-23T09:00:00Z", f"p{n}@example.com", "", "", "cpc"] for n in range(count)
            )
        began = perf_counter()
        importing = await asyncio.create_subprocess_exec(
            *redkey, "touchpoints", "import", str(file), stdout=subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        told, _ = await importing.communicate()
        took = perf_counter() - began
        assert f"accepted {count}" in told.decode(), told
        return api, took


async def bare_minimum(folder: Path, count: int) -> float:
    """The same bodies decoded and put into our own two tables by the driver alone, each body a commit; nothing checked."""
    path = folder / "tables.db"
    await (await open_memory(f"sqlite:///{path}", [new_key()], on_due=None, now=lambda: datetime.now(UTC))).close()
    at, given = "2026-11-23 09:00:00.000000", bodies(count)
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("PRAGMA synchronous = FULL")
        began, number = perf_counter(), 0
        for body in given:
            rows = [
                (i["id"], at, i["email"], "touchpoint", json.dumps(i["fields"]), None, at, 0) for i in json.loads(body)
            ]
            sent = [(number + n, row[0], "con_1", "waiting", 0, at, "") for n, row in enumerate(rows, 1)]
            sql.executemany(f"INSERT INTO touchpoints ({GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            sql.executemany(f"INSERT INTO deliveries ({TO_SEND}) VALUES (?, ?, ?, ?, ?, ?, ?)", sent)
            sql.commit()
            number += len(rows)
        return perf_counter() - began


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


def through_bare(folder: Path, count: int) -> float:
    port = free_port()
    command = [sys.executable, "-P", "-m", "bench.intake", "--bare", str(folder / "bare.db"), "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        return asyncio.run(sent(port, bodies(count)))
    finally:
        server.terminate()
        server.wait()


def inserted(folder: Path, count: int) -> float:
    """The floor of the importer: the same file's rows, read and inserted, in a process that runs already."""
    with closing(sqlite3.connect(folder / "floor.db")) as sql, (folder / "more.csv").open(newline="") as file:
        sql.execute("CREATE TABLE touchpoints (id TEXT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT)")
        began = perf_counter()
        rows = csv.reader(file)
        next(rows)
        sql.executemany("INSERT OR IGNORE INTO touchpoints VALUES (?, ?, ?, ?, ?, ?)", rows)
        sql.commit()
        assert sql.execute("SELECT COUNT(*) FROM touchpoints").fetchone() == (count,)
        return perf_counter() - began


def measure(size: int, rounds: int) -> Report:
    api, imported, bare, floor, tables = [], [], [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours = asyncio.run(through_us(folder, size))
            api.append(size / ours[0])
            imported.append(size / ours[1])
            bare.append(size / through_bare(folder, size))
            floor.append(size / inserted(folder, size))
            tables.append(size / asyncio.run(bare_minimum(folder, size)))
    report = Report("intake")
    report.row(f"bare FastAPI and bulk insert, {A_BODY:,} a call", statistics.median(bare), "touchpoints/s")
    middle = statistics.median(api)
    report.row("Redkey's API", middle, "touchpoints/s", floor=statistics.median(bare), target="at least 0.8 x")
    own = statistics.median(tables)
    report.row("floor: the same bodies into our two tables, nothing checked, without HTTP", own, "touchpoints/s")
    report.row("Redkey's API, beside that floor", middle, "touchpoints/s", floor=own)
    report.row("floor: the file read and inserted, nothing checked", statistics.median(floor), "touchpoints/s")
    report.row("redkey touchpoints import, with its start", statistics.median(imported), "touchpoints/s")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench intake", description=__doc__)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--bare", default="", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.bare:
        serve_bare(a.bare, a.port)
        return 0
    measure(a.size, a.rounds).tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
