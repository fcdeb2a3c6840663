"""Rows of cost per second, from a platform's answers to the store: beside dlt's REST source, and beside the floors.

All read the same rows (Google Ads' wire format) from prepared bytes, handed out by a process of its own. Ours is the whole
path: claim, authorized calls, checks, rows replaced day by day, cursor. dlt appends, which is the least it can do. Floor 1
reads the answers and throws them away; floor 2 also decodes them and puts the values, made before, into the same table by
the driver's quickest way, without any checks.
"""

import argparse
import asyncio
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import httpx2
import psycopg
from sqlalchemy import func, select

from bench._counter import counter
from bench._moving import HOUR, Taken, move_all
from bench._postgres import database, postgres
from bench._report import Report
from bench._rows import rows
from bot.catch_up.cost import CostCarrier
from bot.memory.memory import Memory
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from platforms import open_gateways
from storage import new_key, open_memory
from storage.freight import costs

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PEERS = Path(__file__).parent.parent / ".venv-bench" / "bin" / "python"
CAMPAIGNS = 20
WEEK = 7  # days in one of our queries; a page of dlt's has as many
DATES = re.compile(rb"FROM (\w+) WHERE segments\.date BETWEEN '([\d-]+)' AND '([\d-]+)'")


class Answers:
    """The platform's side: every day of an account as bytes, joined for whatever days are asked for."""

    def __init__(self, days: int, ads: int) -> None:
        self.days = [NOW.date() - timedelta(days=n) for n in reversed(range(days))]
        self.ads = ads
        self.of_ads = {day: ",".join(json.dumps(_ad(day, n)) for n in range(ads)).encode() for day in self.days}
        self.of_campaigns = {day: ",".join(_campaigns(day, ads)).encode() for day in self.days}

    def weeks(self) -> list[list[date]]:
        return [self.days[n : n + WEEK] for n in range(0, len(self.days), WEEK)]

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if method == "GET":
            page = int(path.partition("page=")[2] or 0)
            days = self.weeks()[page] if page < len(self.weeks()) else []
            return 200, "application/json", b'{"results":[' + b",".join(self.of_ads[day] for day in days) + b"]}"
        found = DATES.search(json.loads(body)["query"].replace("\n", " ").encode())
        assert found is not None, body
        since, until = (date.fromisoformat(found[n].decode()) for n in (2, 3))
        from_ = self.of_ads if found[1] == b"ad_group_ad" else self.of_campaigns
        rows = b",".join(from_[day] for day in self.days if since <= day <= until)
        return 200, "application/json", b'[{"results":[' + rows + b"]}]"


def _ad(day: date, n: int) -> dict[str, object]:
    at, campaign, group, ad = "customers/1", n % CAMPAIGNS, n // 10, 700_000_000_000 + n
    return {
        "customer": {"resourceName": at, "currencyCode": "EUR"},
        "campaign": {"resourceName": f"{at}/campaigns/{campaign}", "name": f"Été {campaign}", "id": f"{campaign}"},
        "adGroup": {"resourceName": f"{at}/adGroups/{group}", "id": f"{group}"},
        "adGroupAd": {
            "resourceName": f"{at}/adGroupAds/{group}~{ad}",
            "ad": {"resourceName": f"{at}/ads/{ad}", "id": f"{ad}"},
        },
        "metrics": {"clicks": "7", "costMicros": "1230000", "impressions": "911"},
        "segments": {"date": day.isoformat()},
    }


def _campaigns(day: date, ads: int) -> list[str]:
    made = []
    for c in range(CAMPAIGNS):
        row, own = _ad(day, c), len(range(c, ads, CAMPAIGNS))
        sums = {"clicks": f"{7 * own}", "costMicros": f"{1_230_000 * own}", "impressions": f"{911 * own}"}
        made.append(json.dumps({key: row[key] for key in ("customer", "campaign", "segments")} | {"metrics": sums}))
    return made


async def ours(address: str, url: str, accounts: int, answers: Answers) -> Taken:
    memory = await open_memory(url, [new_key()], on_due=None, now=lambda: NOW)
    settings = {"google_ads": {"client_id": "c", "client_secret": "s", "api_url": address, "developer_token": "d"}}
    gateways = open_gateways(settings, timeout=timedelta(seconds=60), now=lambda: NOW)
    try:
        await _connect(memory, accounts)
        carriers = {Flow.COST: CostCarrier(len(answers.days) - 1)}
        taken = await move_all(memory, gateways, carriers, NOW)
        async with memory.read() as tx:
            found = await rows(tx).value(select(func.count()).select_from(costs))
        assert found == accounts * answers.ads * len(answers.days), found
        return taken
    finally:
        await gateways.aclose()
        await memory.close()


async def _connect(memory: Memory, accounts: int) -> None:
    async with memory.begin() as tx:
        tokens = TokenSet(Secret("a"), Secret("r"), expires_at=NOW + HOUR * 9)
        login = await tx.grants.add("google_ads", Identity("p", "p@example.com"), tokens, NOW)
        for n in range(accounts):
            account = Account(f"{n}", f"Account {n}", "EUR", "UTC")
            await tx.connections.add(
                login, Kind.ADS, account, autotagging=False, utm="", flows=[Flow.COST], now=NOW - HOUR
            )


def theirs(address: str, url: str, accounts: int, answers: Answers) -> Taken:
    pages = str(len(answers.weeks()))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(__file__).parent / "peers" / "dlt_costs.py"
        command = [str(PEERS), str(script), address, str(accounts), pages, url, folder]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise SystemExit(told.stderr[-2000:])
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["rows"] == accounts * answers.ads * len(answers.days), found
    return Taken(found["wall"], found["cpu"])


async def read(address: str, accounts: int, answers: Answers, *, decode: bool) -> Taken:
    wall, cpu = perf_counter(), process_time()
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        for n in range(accounts):
            for page in range(len(answers.weeks())):
                answer = await client.get(f"/rows/{n}?page={page}")
                if decode:
                    json.loads(answer.content)
    return Taken(perf_counter() - wall, process_time() - cpu)


def inserted(url: str, accounts: int, answers: Answers) -> Taken:
    """The values by the driver's quickest way: executemany, or COPY."""
    rows = [
        (f"con_{a}", day.isoformat(), f"{n % CAMPAIGNS}", f"{n // 10}", f"{700_000_000_000 + n}",
         f"Été {n % CAMPAIGNS}", "EUR", 1_230_000, 7, 911, NOW.isoformat(" "))
        for a in range(accounts) for day in answers.days for n in range(answers.ads)
    ]  # fmt: skip
    kinds = ["text", "date", *["text"] * 5, *["bigint"] * 3, "timestamptz"]
    columns = ", ".join(f"c{n} {kind} NOT NULL" for n, kind in enumerate(kinds))
    table = f"CREATE TABLE floor ({columns}, PRIMARY KEY (c0, c1, c2, c3, c4))"
    if url.startswith("postgresql"):
        with psycopg.connect(url) as sql:
            sql.execute(table)
            wall, cpu = perf_counter(), process_time()
            with sql.cursor() as cursor, cursor.copy("COPY floor FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            sql.commit()
            return Taken(perf_counter() - wall, process_time() - cpu)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as sql:
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute(table)
        wall, cpu = perf_counter(), process_time()
        sql.executemany(f"INSERT INTO floor VALUES ({','.join('?' * 11)})", rows)
        sql.commit()
        return Taken(perf_counter() - wall, process_time() - cpu)


def measure(accounts: int, ads: int, days: int, rounds: int, given: str, *, peer: bool) -> Report:
    answers, rows = Answers(days, ads), accounts * ads * days
    report = Report("cost")
    with postgres(given) as server, counter(answers) as address:
        for name in ("SQLite", "Postgres"):
            found: dict[str, list[Taken]] = {}
            for _ in range(rounds):
                for what, taken in _round(name, server, address, accounts, answers, peer=peer).items():
                    found.setdefault(what, []).append(taken)
            _tell(report, name, rows, found)
    return report


def _round(name: str, server: str, address: str, accounts: int, answers: Answers, *, peer: bool) -> dict[str, Taken]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def fresh(what: str) -> str:
            return stack.enter_context(database(server)) if name == "Postgres" else f"sqlite:///{folder}/{what}.db"

        found = {"ours": asyncio.run(ours(address, fresh("ours"), accounts, answers))}
        if peer:
            found["dlt"] = theirs(address, fresh("dlt"), accounts, answers)
        found["read"] = asyncio.run(read(address, accounts, answers, decode=False))
        found["decoded"] = asyncio.run(read(address, accounts, answers, decode=True))
        found["insert"] = inserted(fresh("floor"), accounts, answers)
        return found


def _tell(report: Report, name: str, rows: int, found: dict[str, list[Taken]]) -> None:
    """By the clock, and by this side's CPU: other programs on the machine delay the first only."""
    wall = {what: statistics.median(t.wall for t in each) for what, each in found.items()}
    cpu = {what: statistics.median(t.cpu for t in each) for what, each in found.items()}
    for of, unit, taken in ((f"{name}", "rows/s", wall), (f"{name}, CPU", "rows/CPU s", cpu)):
        mine = rows / taken["ours"]
        if "dlt" in taken:
            report.row(f"{of}: dlt", rows / taken["dlt"], unit)
            report.row(f"{of}: Redkey, beside dlt", mine, unit, floor=rows / taken["dlt"], target="at least 5 x")
        floor = rows / (taken["decoded"] + taken["insert"])
        report.row(f"{of}: floor 1, read and thrown away + raw insert", rows / (taken["read"] + taken["insert"]), unit)
        report.row(f"{of}: floor 2, read and decoded + raw insert", floor, unit)
        report.row(f"{of}: Redkey, beside floor 2", mine, unit, floor=floor, target="at least 0.6 x")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench cost", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2)
    parser.add_argument("--ads", type=int, default=500)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--database", default="", help="a Postgres to use instead of one of our own")
    parser.add_argument("--no-peer", action="store_true", help="without dlt")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    a = parser.parse_args()
    report = measure(a.accounts, a.ads, a.days, a.rounds, a.database, peer=not a.no_peer)
    report.tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
