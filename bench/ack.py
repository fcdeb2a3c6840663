"""How soon a click in Slack is acknowledged while much cost is loaded beside: our whole bot, and bare Bolt with nothing to do.

Clicks come over HTTP, signed as Slack signs them, at a steady rate whether or not the ones before were answered. The bot is
a process of its own with its real workers on SQLite; what it loads are prepared bytes of a process of their own. The first
load of an account is the same walk as catching up, at eight accounts at once where a catch-up has six.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx2
from sqlalchemy import update

from bench._counter import counter
from bench._report import Report
from bench._rows import rows
from bench.cost import NOW, Answers
from bot.settings.file import load
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from sandbox.practice import free_port
from sandbox.slack import MARKETING
from sandbox.slack.state import TEAM
from sandbox.world import World
from storage import open_memory
from storage.tables import connections

DAYS, ADS = 31, 2_000
BARE = Path(__file__).parent / "peers" / "bare_bolt.py"
PEOPLE = ["U0ANNA000"]
PATIENCE = 10.0  # seconds for one acknowledgement; Slack itself gives up after three
FORM = "application/x-www-form-urlencoded"


class Lately(Answers):
    """The same days, up to today."""

    def __init__(self, days: int, ads: int) -> None:
        super().__init__(days, ads)
        shift = datetime.now(UTC).date() - NOW.date()
        self.days = [day + shift for day in self.days]
        for held in (self.of_ads, self.of_campaigns):
            for day in list(held)[::-1]:
                moved = day + shift
                held[moved] = held[day].replace(day.isoformat().encode(), moved.isoformat().encode())

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if b"segments.date BETWEEN" not in body:
            return 200, "application/json", b'[{"results":[]}]'
        return super().__call__(method, path, body)


@dataclass(frozen=True)
class Clicks:
    """Somebody presses Reauthorize, so many times a second."""

    secret: str
    team: str
    rate: int

    async def at(self, url: str, seconds: float) -> list[float]:
        """Seconds from the moment each was to be sent until it was acknowledged."""
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            for n in range(5):  # connections are made, and the token is looked at once
                await self._click(client, url, -n - 1, time.perf_counter())
            began = time.perf_counter()
            sent = []
            for n in range(int(self.rate * seconds)):
                planned = began + n / self.rate
                await asyncio.sleep(max(0.0, planned - time.perf_counter()))
                sent.append(asyncio.create_task(self._click(client, url, n, planned)))
            return list(await asyncio.gather(*sent))

    async def _click(self, client: httpx2.AsyncClient, url: str, n: int, planned: float) -> float:
        body = self._body(n)
        try:
            answer = await client.post(f"{url}/slack/events", content=body, headers=self._signed(body))
        except httpx2.TimeoutException:
            return PATIENCE
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - planned

    def _body(self, n: int) -> bytes:
        person = {"id": PEOPLE[n % len(PEOPLE)], "team_id": self.team}
        button = {"type": "button", "action_id": "reauthorize", "block_id": "b", "value": "out_bench"}
        payload = {
            "type": "block_actions", "team": {"id": self.team}, "user": person, "api_app_id": "A0BENCH", "token": "t",
            "trigger_id": f"{n}.1.x", "container": {"type": "message", "message_ts": "1.1", "channel_id": MARKETING},
            "channel": {"id": MARKETING}, "message": {"ts": "1.1", "text": ""},
            "actions": [{**button, "action_ts": f"{time.time():.6f}", "text": {"type": "plain_text", "text": "R"}}],
        }  # fmt: skip
        return urlencode({"payload": json.dumps(payload)}).encode()

    def _signed(self, body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))
        mac = hmac.new(self.secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={mac}", "content-type": FORM}


@contextlib.asynccontextmanager
async def running(command: list[str], url: str, log: Path) -> AsyncIterator[None]:
    """A server, from ready to stopped. The practice Slack it talks to is in this event loop, so nothing here may block."""
    with log.open("ab") as into:
        server = await asyncio.create_subprocess_exec(*command, stdout=into, stderr=into)
    try:
        async with httpx2.AsyncClient() as client:
            for _ in range(1_200):
                with contextlib.suppress(httpx2.TransportError):
                    await client.get(f"{url}/healthz")
                    break
                if server.returncode is not None:
                    raise RuntimeError(log.read_text()[-2000:])  # noqa: ASYNC240 - it is over
                await asyncio.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        try:
            await asyncio.wait_for(server.wait(), 15)
        except TimeoutError:
            server.kill()


async def fill(config: Path, accounts: int, due: datetime) -> None:
    """Accounts that have never been loaded, and that nobody probes meanwhile."""
    settings, now = load(config), datetime.now(UTC)
    keys = [key.get_secret_value() for key in settings.secrets.keys]
    memory = await open_memory(settings.database.url, keys, on_due=None, now=lambda: now)
    async with memory.begin() as tx:
        tokens = TokenSet(Secret("a"), Secret("r"), expires_at=now + timedelta(hours=9))
        login = await tx.grants.add("google_ads", Identity("p", "p@example.com"), tokens, now)
        for n in range(accounts):
            account = Account(f"{n}", f"Account {n}", "EUR", "UTC")
            await tx.connections.add(login, Kind.ADS, account, autotagging=False, utm="", flows=[Flow.COST], now=due)
        later = update(connections).values(next_check_at=now + timedelta(days=1))
        await rows(tx).change(later)
    await memory.close()


async def ours(world: World, clicks: Clicks, address: str, accounts: int, seconds: float) -> tuple[list[float], int]:
    """The acknowledgements, and the rows loaded while they were asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        config, url = folder / "redkey.toml", f"http://127.0.0.1:{port}"
        world.write_settings(
            config,
            url,
            {
                "database": {"url": f"sqlite:///{folder}/redkey.db"},
                "web": {"port": port},
                "slack": {"mode": "http"},
                "timing": {"check_every": "1h", "cost_every": "1h"},
                "platforms": {"google_ads": {"api_url": address}},
            },
        )
        due = datetime.now(UTC) + timedelta(days=1)
        await fill(config, accounts, datetime.now(UTC) if accounts else due)
        command = [sys.executable, "-P", "-m", "bot", "--config", str(config), "run"]
        async with running(command, url, folder / "log"):
            before = loaded(folder)
            took = await clicks.at(url, seconds)
            return took, loaded(folder) - before


def loaded(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'redkey.db'}?mode=ro", uri=True)) as reading:
        return int(reading.execute("SELECT count(*) FROM costs").fetchone()[0])


async def bare(world: World, clicks: Clicks, seconds: float) -> list[float]:
    port = free_port()
    slack = world.slack
    command = [sys.executable, "-P", str(BARE), str(port), f"{world.url}/slack/api/", slack.bot_token]
    with tempfile.TemporaryDirectory() as folder:
        async with running([*command, slack.signing_secret], f"http://127.0.0.1:{port}", Path(folder) / "log"):
            return await clicks.at(f"http://127.0.0.1:{port}", seconds)


async def measure(rows: int, rate: int, seconds: float, rounds: int) -> Report:
    answers, accounts = Lately(DAYS, ADS), max(1, rows // (DAYS * ADS))
    mine: list[float] = []
    idle: list[float] = []
    theirs: list[float] = []
    speed: list[float] = []
    with counter(answers) as address:
        async with World.open() as world:
            world.slack.rates.on = False
            clicks = Clicks(world.slack.signing_secret, TEAM["id"], rate)
            for _ in range(rounds):
                theirs += await bare(world, clicks, seconds)
                idle += (await ours(world, clicks, address, 0, seconds))[0]
                took, found = await ours(world, clicks, address, accounts, seconds)
                mine += took
                speed.append(found / seconds)
    return told(mine, idle, theirs, rate, statistics.median(speed))


def told(mine: list[float], idle: list[float], theirs: list[float], rate: int, speed: float) -> Report:
    report = Report("ack")
    for what, at, target in (("median", 0.5, ""), ("p99", 0.99, "at most 100 ms"), ("slowest", 1.0, "under 1,000 ms")):
        floor = at_share(theirs, at) * 1000
        report.row(f"bare Bolt, idle, {rate} clicks/s: {what}", floor, "ms")
        report.row(f"Redkey, idle, {rate} clicks/s: {what}", at_share(idle, at) * 1000, "ms", floor=floor)
        busy = at_share(mine, at) * 1000
        report.row(f"Redkey while cost is loaded, {rate} clicks/s: {what}", busy, "ms", floor=floor, target=target)
    report.row("cost rows loaded meanwhile", speed, "rows/s")
    return report


def at_share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench ack", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="cost rows that wait to be loaded")
    parser.add_argument("--clicks", type=int, default=200, help="a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    a = parser.parse_args()
    report = asyncio.run(measure(a.rows, a.clicks, a.seconds, a.rounds))
    report.tell(as_json=a.as_json, write=a.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
