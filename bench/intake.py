"""Touchpoints per second through the API and the importer, beside a bare FastAPI that bulk-inserts the same bodies.

Each server is a process of its own on SQLite with the same care for the disk, measured when it has started and taken a first
body. Ours checks every touchpoint and writes it and its delivery to one CRM. The bare one looks at nothing: it decodes a body
and inserts its rows into one table, in the event loop. Another has a pydantic model of a touchpoint before the same table, as
a user of FastAPI would write it. The floor checks nothing, but has our two tables to fill.
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
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time
from typing import Any, Literal

import httpx2
from msgspec.json import Encoder, decode
from pydantic import AwareDatetime, BaseModel, Field

from bench._moving import Taken
from bench._report import Report
from bench.kill import cpu_seconds
from bot.settings.file import load
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from sandbox.practice import free_port
from sandbox.world import World
from storage import new_key, open_memory
from storage.accepting import COLUMNS, DELIVER
from storage.bulk import insert_many

A_BODY = 1_000
WARM = 2  # bodies that are not measured
SETTLED = 2.0  # seconds after them: what a start leaves to be done is no intake
KEY = "bench-key-0123456789abcdef"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


class Checked(BaseModel):
    """A touchpoint as a user of FastAPI would describe it."""

    id: str = Field(min_length=1, max_length=255)
    occurred_at: AwareDatetime
    email: str = Field("", max_length=320)
    kind: Literal["touchpoint", "attribution_touchpoint"] = "touchpoint"
    crm: Literal["salesforce", "dynamics_365", "hubspot"] | None = None
    fields: dict[str, str | int | float | bool | None] = {}


def touchpoint(n: int) -> dict[str, object]:
    fields = {"Medium__c": "cpc", "Source__c": "google", "Campaign__c": f"Été {n % 100}"}
    at = f"2026-11-23T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z"
    return {"id": f"TP2_{n:09}", "occurred_at": at, "email": f"p{n}@example.com", "fields": fields}


def bodies(count: int) -> list[bytes]:
    return [
        json.dumps([touchpoint(n) for n in range(start, min(start + A_BODY, count))]).encode()
        for start in range(0, count, A_BODY)
    ]


def serve_bare(path: str, port: int, kind: str) -> None:
    """`raw`: decoded and inserted into one table by the driver alone. `model`: checked before. `tables`: into our two."""
    import uvicorn  # noqa: PLC0415 - only in the server's process
    from fastapi import FastAPI, Request  # noqa: PLC0415

    sql = sqlite3.connect(path, check_same_thread=False)
    sql.execute("PRAGMA journal_mode = WAL")
    sql.execute("PRAGMA synchronous = FULL")
    if kind != "tables":
        sql.execute("CREATE TABLE touchpoints (id TEXT PRIMARY KEY, occurred_at TEXT, email TEXT, fields TEXT)")
    numbers = itertools.count(1)
    app = FastAPI()

    def answer(new: int, given: int) -> dict[str, int]:
        sql.commit()
        return {"accepted": new, "duplicates": given - new}

    def insert(rows: list[tuple[Any, ...]]) -> dict[str, int]:
        return answer(
            sql.executemany("INSERT OR IGNORE INTO touchpoints VALUES (?, ?, ?, ?)", rows).rowcount, len(rows)
        )

    async def raw(request: Request) -> dict[str, int]:
        return insert([(i["id"], i["occurred_at"], i["email"], json.dumps(i["fields"])) for i in await request.json()])

    async def model(items: list[Checked]) -> dict[str, int]:
        return insert([(i.id, i.occurred_at.isoformat(), i.email, json.dumps(i.fields)) for i in items])

    async def tables(request: Request) -> dict[str, int]:
        items = decode(await request.body())
        return answer(_into_ours(sql, items, numbers), len(items))

    kinds: dict[str, Callable[..., object]] = {"raw": raw, "model": model, "tables": tables}
    app.add_api_route("/api/v1/touchpoints", kinds[kind], methods=["POST"])
    uvicorn.run(app, port=port, log_level="error")


def _into_ours(sql: sqlite3.Connection, items: list[dict[str, Any]], numbers: Iterator[int]) -> int:
    """With the statements that Redkey has for it; nothing is looked at, not even whether an id is known."""
    fields = Encoder().encode_lines([item["fields"] for item in items]).decode().split("\n")
    rows = [(i["id"], i["occurred_at"], i["email"], held) for i, held in zip(items, fields, strict=False)]
    same = {"kind": "touchpoint", "crm": None, "accepted_at": "2026-11-23", "homeless": False}
    insert_many(sql, "touchpoints", rows, COLUMNS, same)
    last = (next(numbers) - 1) * A_BODY
    return sql.execute(DELIVER, {"row": last, "last": last, "crm": "con_1", "now": "2026-11-23"}).rowcount


async def sent(port: int, given: list[bytes], pid: int) -> Taken:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for _ in range(600):
            with contextlib.suppress(httpx2.TransportError):
                await client.get("/healthz")
                break
            await asyncio.sleep(0.05)
        began, cpu = 0.0, 0.0
        for n, body in enumerate(given):
            if n == WARM:
                await asyncio.sleep(SETTLED)
                began, cpu = perf_counter(), cpu_seconds(pid)
            answer = await client.post("/api/v1/touchpoints", content=body, headers=HEADERS)
            assert answer.status_code in (200, 202), answer.text
        return Taken(perf_counter() - began, cpu_seconds(pid) - cpu)


async def through_us(folder: Path, count: int) -> tuple[Taken, Taken, Taken]:
    """Through the API; then `redkey touchpoints import` of as many from its start to its end, and of none at all."""
    async with World.open() as world:
        port = free_port()
        config = folder / "redkey.toml"
        web = {"port": port, "api_keys": [KEY]}
        own: dict[str, dict[str, Any]] = {"database": {"url": f"sqlite:///{folder}/redkey.db"}, "web": web}
        world.write_settings(config, f"http://127.0.0.1:{port}", own)
        await one_crm(config)
        redkey = [sys.executable, "-P", "-m", "bot", "--config", str(config)]
        bot = await asyncio.create_subprocess_exec(*redkey, "run", stderr=asyncio.subprocess.DEVNULL)
        try:
            api = await sent(port, bodies(count + WARM * A_BODY), bot.pid)
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


def through_bare(folder: Path, count: int, kind: str) -> Taken:
    port, path = free_port(), folder / f"{kind}.db"
    if kind == "tables":
        asyncio.run(_tables(path))
    command = [sys.executable, "-P", "-m", "bench.intake", "--bare", str(path), "--port", str(port), "--kind", kind]
    server = subprocess.Popen(command)
    try:
        return asyncio.run(sent(port, bodies(count + WARM * A_BODY), server.pid))
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
            each |= {kind: through_bare(folder, size, kind) for kind in ("raw", "model", "tables")}
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
    report.row(f"{of}bare FastAPI and bulk insert, {A_BODY:,} a call, nothing checked", rate["raw"], unit)
    report.row(f"{of}Redkey's API", rate["api"], unit, floor=rate["raw"], target="at least 0.8 x")
    report.row(f"{of}FastAPI with a pydantic model, and bulk insert into one table", rate["model"], unit)
    report.row(f"{of}Redkey's API, beside that", rate["api"], unit, floor=rate["model"])
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
    parser.add_argument("--kind", default="raw", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.bare:
        serve_bare(a.bare, a.port, a.kind)
        return 0
    measure(a.size, a.rounds).tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
