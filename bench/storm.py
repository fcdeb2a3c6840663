"""A storm: so many logins of one platform die together; how soon people hear, in how many messages, at what memory.

The bot is a process of its own with its real workers; the platform and Slack are the practice world's, Slack's rates included.
Beside it stands what one message for each login would take at Slack's pace of one post a second.
"""

import argparse
import asyncio
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import update

from bench._report import Report
from bench._rows import rows
from bench._spent import cpu
from bot.words.connection import Account, Flow, Identity, Kind, Secret, TokenSet
from sandbox.practice import Practice
from sandbox.slack import MARKETING
from sandbox.world import World
from storage import open_memory
from storage.tables import connections

GOOGLE = "google_ads"


async def fill(practice: Practice, count: int, spread: timedelta) -> None:
    """Logins that worked yesterday and that the platform knows no more; their checks fall due within `spread`."""
    url, keys = practice._database, [practice._key]  # noqa: SLF001
    now = datetime.now(UTC)
    memory = await open_memory(url, keys, on_due=None, now=lambda: now)
    try:
        for start in range(0, count, 500):
            async with memory.begin() as tx:
                for n in range(start, min(start + 500, count)):
                    tokens = TokenSet(Secret(f"dead-{n}"), Secret(f"gone-{n}"), expires_at=now + timedelta(hours=2))
                    grant = await tx.grants.add(GOOGLE, Identity(f"p{n}", f"person{n}@acme.example"), tokens, now)
                    await tx.connections.add(
                        grant,
                        Kind.ADS,
                        Account(f"{n:010d}", f"Account {n}"),
                        autotagging=False,
                        utm="",
                        flows=[Flow.COST],
                        now=now + timedelta(hours=1),
                    )
                    due = now + timedelta(seconds=5) + spread * (n / count)
                    this = update(connections).where(connections.c.account_id == f"{n:010d}")
                    await rows(tx).change(this.values(next_check_at=due))
    finally:
        await memory.close()


class Seen:
    """What the world and the bot's database show while the storm goes on."""

    def __init__(self, world: World, practice: Practice) -> None:
        self.world, self.practice = world, practice
        self._file = f"file:{practice.folder / 'redkey.db'}?mode=ro"

    def known(self) -> int:
        with sqlite3.connect(self._file, uri=True) as reading:
            return int(reading.execute("SELECT count(*) FROM outages").fetchone()[0])

    def first_refusal(self) -> datetime | None:
        entries = self.world.google_ads.ledger.entries
        return next((e.at for e in entries if e.get("outcome") not in (None, "ok")), None)

    def first_post(self) -> datetime:
        return next(c.at for c in self.world.slack.calls if c.method == "chat.postMessage")

    def told(self) -> int:
        """How many outages the channel's messages count between them."""
        posts = self.world.slack.messages(MARKETING)
        counts = [re.match(r"([\d,]+) Google Ads logins? need", post.text) for post in posts]
        return sum(int(found.group(1).replace(",", "")) if found else 1 for found in counts)

    def listed(self) -> int:
        """Start pages that the messages and their threads link to."""
        posts = self.world.slack.messages(MARKETING)
        every = [m for post in posts for m in (post, *self.world.slack.thread(MARKETING, post.ts))]
        return len({ref for m in every for ref in re.findall(r"/reauthorize/(out_\w+)", m.words)})

    def filed(self) -> int:
        """Logins whose start pages stand in the newest file of a thread."""
        shared = [upload for upload in self.world.slack.files.held.values() if upload.data and upload.shared_in]
        return len(set(re.findall(rb"/reauthorize/(out_\w+)", shared[-1].data or b""))) if shared else 0


async def storm(count: int, spread: timedelta) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            practice = Practice(world, Path(folder), timing={"check_every": "5m"}, database=None)
            practice.write_settings()
            await fill(practice, count, spread)
            try:
                await practice.start()
                return await _watched(Seen(world, practice), count)
            finally:
                await practice.stop()
                print((Path(folder) / "redkey.log").read_text()[-1500:], file=sys.stderr)


async def _watched(seen: Seen, count: int) -> Report:
    await _until(lambda: seen.first_refusal() is not None, 60)
    began, idle = monotonic(), cpu(seen.practice.pid)
    await _until(lambda: seen.known() >= count, 1_200)
    known, spent = monotonic() - began, cpu(seen.practice.pid) - idle
    await _until(lambda: seen.told() >= count, 120)
    told = monotonic() - began
    await asyncio.sleep(140)  # its thread is continued once it is quiet, at a post a second; then comes the file of all
    dropped = seen.first_refusal()
    assert dropped is not None
    listed = await seen.practice.get("connections")
    red = [c for c in (listed if isinstance(listed, list) else listed["items"]) if not c["authorized"]]
    report = Report("storm")
    report.row(
        f"{count:,} logins lost: messages in the channel",
        len(seen.world.slack.messages(MARKETING)),
        "",
        target="at most 5",
    )
    report.row("first refusal to first message", (seen.first_post() - dropped).total_seconds(), "s", target="under 5 s")
    report.row("first refusal to all of them known", known, "s", target="within one probe cycle, 330 s")
    report.row("first refusal to the message that counts them all", told, "s", floor=float(count))
    report.row("counted in messages", seen.told(), "", target=f"{count:,}")
    report.row("links to start pages in messages and threads", seen.listed(), "")
    report.row("links to start pages in the file in the thread", seen.filed(), "")
    report.row("red on the first page of /api/v1/connections", len(red), "")
    report.row("most memory ever resident", peak(seen.practice.pid), "MB", target="under 300 MB")
    report.row("CPU of the bot until all of them were known", spent, "s")
    report.row("CPU of the bot for each of them", 1000 * spent / count, "ms")
    return report


async def _until(true: Callable[[], bool], within: float) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - another process, and it does not tell
            await asyncio.sleep(0.2)


def peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=10_000)
    parser.add_argument("--within", type=float, default=60, help="seconds over which their checks fall due")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    report = asyncio.run(storm(asked.logins, timedelta(seconds=asked.within)))
    report.tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
