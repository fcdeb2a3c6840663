"""An emergency in a big house: ten thousand logins sealed anew while they are refreshed, then all of them given back.

`redkey keys rotate` and `redkey revoke-all` are processes of their own. The second is killed twice and begun again; the
practice platform takes a while for each token, as a real one does, and its ledger says which were really taken back.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from bench._report import Report
from bot.memory.memory import SealBroken
from bot.words.connection import Identity, Secret, TokenSet
from bot.words.errors import TryLater
from sandbox.faults import Fault, Kind
from sandbox.tokens import Person
from sandbox.world import World
from storage import new_key, open_memory
from storage.sealing import Keys
from storage.sql_memory import SqlMemory

A_SECOND = 50  # refreshes
SALESFORCE = "salesforce"


class House:
    """A database with so many logins, and the settings of a bot that is not running."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        old = new_key()
        self.keys = [new_key([old]), old]
        self.url = f"sqlite:///{folder / 'redkey.db'}"
        self.ledger = world.salesforce.ledger
        world.write_settings(
            folder / "redkey.toml",
            "http://127.0.0.1:8080",
            {"database": {"url": self.url}, "secrets": {"keys": self.keys}},
        )

    async def memory(self, keys: Sequence[str]) -> SqlMemory:
        return await open_memory(self.url, keys, on_due=None, now=lambda: datetime.now(UTC))

    async def fill(self, count: int) -> None:
        """Logins that the platform knows too, sealed under the old key."""
        oauth = self.world.salesforce.oauth
        oauth.grants.lifetimes = replace(oauth.grants.lifetimes, live_refresh=None)
        client, now = next(iter(oauth.clients)), datetime.now(UTC)
        memory = await self.memory(self.keys[1:])
        for start in range(0, count, 500):
            async with memory.begin() as tx:
                for n in range(start, min(start + 500, count)):
                    there = oauth.grants.open(Person(f"p{n}", f"p{n}@acme.example", f"P {n}"), client, ("api",))
                    text = oauth.grants.issue_refresh(there).text
                    tokens = TokenSet(Secret(f"at-{n}"), Secret(text), expires_at=now + timedelta(hours=2))
                    await tx.grants.add(SALESFORCE, Identity(f"p{n}", f"p{n}@acme.example"), tokens, now)
        await memory.close()

    async def command(self, *words: str) -> Process:
        argv = [sys.executable, "-P", "-m", "bot", "--config", str(self.folder / "redkey.toml"), *words]
        return await create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=Path(__file__).parents[1]
        )

    def one(self, query: str) -> int:
        with closing(sqlite3.connect(f"file:{self.folder / 'redkey.db'}?mode=ro", uri=True)) as reading:
            return int(reading.execute(query).fetchone()[0])


async def refreshed(memory: SqlMemory, over: asyncio.Event) -> tuple[int, int]:
    """One login after another, opened and replaced, at the pace of a big house. How many, and how many did not open."""
    async with memory.read() as tx:
        grants = [grant.id for grant in await tx.grants.all()]
    done = broken = 0
    began = monotonic()
    while not over.is_set():
        try:
            async with memory.begin() as tx:
                grant = await tx.grants.get(grants[done % len(grants)])
                tokens = await tx.grants.tokens(grants[done % len(grants)])
                assert grant
                assert tokens
                await tx.grants.replace(grant, tokens, datetime.now(UTC))
        except SealBroken:
            broken += 1
        except TryLater:
            continue
        done += 1
        await asyncio.sleep(max(0.0, began + done / A_SECOND - monotonic()))
    return done, broken


async def rotated(house: House, report: Report, count: int) -> None:
    over, memory = asyncio.Event(), await house.memory(house.keys)
    refreshing = asyncio.create_task(refreshed(memory, over))
    began = monotonic()
    process = await house.command("keys", "rotate")
    out, complaint = await process.communicate()
    took = monotonic() - began
    over.set()
    done, broken = await refreshing
    await memory.close()
    assert process.returncode == 0, complaint.decode()
    report.row(f"keys rotate, {count:,} logins, with its start", took, "s", target="under 60 s")
    report.row("refreshes meanwhile", done / took, "a second")
    report.row("logins that did not open meanwhile", broken, "", target="at most 0")
    report.row(
        "still under the old key",
        house.one("SELECT count(*) FROM grants WHERE tokens_key = 'k1'"),
        "",
        target="at most 0",
    )
    alone = await house.memory(house.keys[:1])
    async with alone.read() as tx:
        opened = await tx.grants.opened([grant.id for grant in await tx.grants.all()])
    await alone.close()
    report.row("logins that open with the new key alone", len(opened), "", target=f"at least {count}")
    print(out.decode().strip(), file=sys.stderr)


def swapped(report: Report, count: int) -> None:
    """Sealed values moved to another row, and values with one bit turned over."""
    keys, caught = Keys([new_key()]), 0
    for n in range(count):
        sealed = keys.seal("grants", f"gra_{n}", "tokens", f"secret-{n}")
        head, rest = sealed.rsplit(".", 2)[0], sealed.rsplit(".", 2)[1:]
        at = n % (len(rest[0]) - 1)  # the last letter of a part has bits that mean nothing
        turned = rest[0][:at] + ("A" if rest[0][at] != "A" else "B") + rest[0][at + 1 :]
        for row, value in ((f"gra_{n + 1}", sealed), (f"gra_{n}", ".".join([head, turned, rest[1]]))):
            try:
                keys.open("grants", row, "tokens", value, keys.newest)
            except SealBroken:
                caught += 1
    report.row(f"swapped and changed values that opened, of {2 * count:,}", 2 * count - caught, "", target="at most 0")


async def revoked(house: House, report: Report, count: int, latency: float) -> None:
    house.world.salesforce.faults.add(Fault(match="revoke", kind=Kind.SLOW, times=None, seconds=latency))
    taken = "SELECT count(*) FROM grants WHERE tokens IS NULL"
    kills: list[Callable[[], bool]] = [
        lambda: house.one(taken) >= count // 2,
        lambda: house.ledger.count("grant.revoked") >= count // 2,
    ]
    began = monotonic()
    for so_far in kills:
        process = await house.command("revoke-all", "--yes")
        while not so_far() and process.returncode is None:  # noqa: ASYNC110 - another process, and it does not tell
            await asyncio.sleep(0.05)
        if process.returncode is None:
            process.kill()
        await process.communicate()
    last = await house.command("revoke-all", "--yes")
    _, told = await last.communicate()
    took = monotonic() - began
    report.row(
        f"revoke-all of {count:,}, killed twice, {latency * 1000:.0f} ms for each", took, "s", target="under 600 s"
    )
    report.row("revoked at the platform by then", house.ledger.count("grant.revoked"), "")
    left = house.one("SELECT count(*) FROM revocations")
    report.row("put off by the kills, as it says itself", left, "", target="at most 40")
    assert not left or str(left) in told.decode(), told.decode()
    with closing(sqlite3.connect(house.folder / "redkey.db")) as database, database:  # five minutes later
        database.execute("UPDATE revocations SET due_at = created_at")
    await (await house.command("revoke-all", "--yes")).communicate()
    report.row(
        "not revoked at the platform five minutes later",
        count - house.ledger.count("grant.revoked"),
        "",
        target="at most 0",
    )
    report.row("logins that we still hold", count - house.one(taken), "", target="at most 0")


async def measure(count: int, latency: float) -> Report:
    report = Report("emergency")
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            house = House(world, Path(folder))
            await house.fill(count)
            await rotated(house, report, count)
            swapped(report, count)
            await revoked(house, report, count, latency)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds that the platform takes for each token")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    asyncio.run(measure(asked.logins, asked.latency)).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
