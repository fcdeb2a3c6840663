"""How quick /connections is with 1,000 connections and 10,000 outages: the whole answer over HTTP, on SQLite."""

import argparse
import asyncio
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import httpx2

from bench._report import Report
from bot.app import App
from bot.logs import start_logging
from bot.serve import Serving
from bot.settings.file import load
from bot.words.connection import Account, Cause, Flow, Identity, Kind, Reach, Secret, TokenSet
from sandbox.practice import free_port
from sandbox.world import World

KINDS = {True: ("salesforce", Kind.CRM, Flow.TOUCHPOINTS), False: ("google_ads", Kind.ADS, Flow.COST)}
PAGES = ("/connections", "/connections?ads=11", "/connections?search=account+7")


async def fill(app: App, connections: int, outages: int) -> None:
    now, cause = datetime.now(UTC), Cause("revoked", "The login was revoked.", "Log in again.")
    async with app.memory.begin() as tx:
        ids = []
        for n in range(connections):
            platform, kind, flow = (
                ("salesforce", Kind.CRM, Flow.TOUCHPOINTS) if n % 4 == 0 else ("google_ads", Kind.ADS, Flow.COST)
            )
            grant = await tx.grants.add(platform, Identity(f"p{n}", f"p{n}@example.com"), TokenSet(Secret("a")), now)
            account = Account(f"{n:06}", f"Account {n}")
            found = await tx.connections.add(grant, kind, account, autotagging=True, utm="", flows=[flow], now=now)
            await tx.connections.set_enabled(found.id, False)  # nothing runs beside the measurement
            ids.append((platform, grant.id, found.id))
        for n in range(outages):
            platform, grant_id, connection_id = ids[n % connections]
            opened = now - timedelta(days=(n // connections) * 8 + 1)
            outage = await tx.outages.open(
                platform=platform, reach=Reach.GRANT, grant_id=grant_id, login="", connection_ids=[connection_id],
                remedy="AuthorizationLost", cause=cause, last_good_at=None, channel="C1", now=opened,
            )  # fmt: skip
            assert outage is not None
            await tx.outages.close(outage.id, {}, {}, opened + timedelta(hours=5))


async def measure(connections: int, outages: int, rounds: int) -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            port = free_port()
            config, base = Path(folder) / "redkey.toml", f"http://127.0.0.1:{port}"
            web = {"port": port}
            own: dict[str, dict[str, Any]] = {"database": {"url": f"sqlite:///{folder}/redkey.db"}, "web": web}
            world.write_settings(config, base, own)
            async with App.open(load(config), "all") as app:
                await fill(app, connections, outages)
                stop, ready = asyncio.Event(), asyncio.Event()
                serving = asyncio.create_task(Serving(app).run(stop, ready))
                await ready.wait()
                try:
                    async with app.memory.read() as tx:
                        one, *_ = await tx.connections.all()
                        last, *_ = await tx.outages.latest(limit=1)
                    paths = {path: path for path in PAGES}
                    paths |= {"/connections/ID": f"/connections/{one.id}", "/reauthorize/ID": f"/reauthorize/{last.id}"}
                    async with httpx2.AsyncClient(base_url=base) as client:
                        return {name: await median(client, path, rounds) for name, path in paths.items()}
                finally:
                    stop.set()
                    await serving


async def median(client: httpx2.AsyncClient, path: str, rounds: int) -> tuple[float, float]:
    """Of the time that passed, and of this process' own work in it: other programs delay the first only."""
    spent, worked = [], []
    for turn in range(rounds + 3):
        began, busy = perf_counter(), process_time()
        answer = await client.get(path)
        assert answer.status_code == 200
        if turn >= 3:
            spent.append(perf_counter() - began)
            worked.append(process_time() - busy)
    return statistics.median(spent), statistics.median(worked)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench pages", description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--outages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    start_logging()  # to stderr: what is measured stands on stdout
    report = Report("pages")
    for path, (passed, own) in asyncio.run(measure(given.connections, given.outages, given.rounds)).items():
        report.row(f"{path}: until it is there", passed * 1000, "ms", target="under 100 ms")
        report.row(f"{path}: processor time, the asking included", own * 1000, "ms")
    report.tell(as_json=given.as_json, write=given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
