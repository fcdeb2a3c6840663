"""How quickly the bot is there and what it takes while idle, beside the floor: importing the libraries it stands on, alone."""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench._report import Report
from sandbox.practice import Practice
from sandbox.world import World

FLOOR = "import slack_bolt.async_app, fastapi, uvicorn, sqlalchemy.ext.asyncio, alembic, authlib, httpx2, structlog"
OURS = "import bot.serve"
USUAL = {"check_every": "5m", "cost_every": "1h", "tagging_every": "2h", "push_every": "30s", "progress_every": "5s"}
IDLE = 5.0  # seconds between ready and the look at the memory


def imported(what: str) -> tuple[float, float]:
    """(seconds, resident MB) of a process that does this and nothing else."""
    began = perf_counter()
    told = f"{what}\nprint(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-P", "-c", told], check=True, stdout=subprocess.PIPE, text=True)
    return perf_counter() - began, told_resident(done.stdout)


async def started() -> list[tuple[float, float]]:
    """(seconds from the command to ready, resident MB when idle): the first start makes the tables, the second finds them."""
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            practice = Practice(world, Path(folder), timing=USUAL, database=None)
            practice.write_settings()
            return [await start(practice), await start(practice)]


async def start(practice: Practice) -> tuple[float, float]:
    began = perf_counter()
    await practice.start(connected=False)
    ready = perf_counter() - began
    await asyncio.sleep(IDLE)
    memory = resident(practice.pid)
    await practice.stop()
    return ready, memory


def resident(pid: int) -> float:
    return told_resident(Path(f"/proc/{pid}/status").read_text())


def told_resident(status: str) -> float:
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(rounds: int) -> Report:
    floor, ours, first, again = [], [], [], []
    for _ in range(rounds):
        floor.append(imported(FLOOR))
        ours.append(imported(OURS))
        made, found = asyncio.run(started())
        first.append(made)
        again.append(found)
    bare, least = (statistics.median(each) for each in zip(*floor, strict=True))
    report = Report("start")
    report.row("import of the libraries alone (floor)", bare, "s")
    report.row("import of all of Redkey", statistics.median(each[0] for each in ours), "s", floor=bare)
    report.row("resident memory of the libraries alone (floor)", least, "MB")
    for what, starts in (("on an empty database", first), ("as every later time", again)):
        ready, memory = statistics.median(s[0] for s in starts), statistics.median(s[1] for s in starts)
        report.row(f"command to ready, {what}", ready, "s", target="under 2 s", floor=bare)
        report.row(f"resident memory when idle, {what}", memory, "MB", target="under 120 MB", floor=least)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    measure(asked.rounds).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
