"""How much is lost when the bot is killed at every durable step: points, lost, twice, and how soon it is back in service."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from killing import Tally, one_cycle

from sandbox.practice import practising
from sandbox.world import World

BACK_WITHIN = 5.0


async def sweep(points: int, seed: int, database: str) -> Tally:
    """Stories until so many kills were met. Each has a database of its own, named after the seed."""
    tally = Tally(enough=points)
    while tally.points < points:
        with tempfile.TemporaryDirectory(prefix="redkey-kill-") as folder:
            url = database.replace("{seed}", str(seed)) if database else f"sqlite:///{folder}/redkey.db"
            await one_cycle(Path(folder), url, seed, tally)
        print(f"{tally.points} points, {len(tally.problems)} problems", file=sys.stderr, flush=True)
        seed += 1
    return tally


async def back_in_service(times: int) -> tuple[list[float], list[float]]:
    """The real `redkey run`, killed and started again: seconds until it is ready and in Slack, and those of CPU."""
    found, cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world, practising(world, Path(folder)) as practice:
            await practice.connect("salesforce", world.salesforce.demo_login)
            for _ in range(times):
                await practice.kill()
                began = perf_counter()
                await practice.start()
                async with httpx2.AsyncClient() as client:
                    assert (await client.get(f"{practice.url}/readyz")).status_code == 200
                found.append(perf_counter() - began)
                cpu.append(cpu_seconds(practice.pid))
    return found, cpu


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", help="an empty Postgres database's address, {seed} in its name")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    tally = asyncio.run(sweep(asked.points, asked.seed, asked.database))
    back, cpu = asyncio.run(back_in_service(3))
    row: dict[str, Any] = {
        "points": tally.points,
        "stories": tally.cycles,
        "problems": tally.problems,
        "back_in_service_s": round(max(back), 2),
        "of_cpu_s": round(max(cpu), 2),
        "places": len(tally.where),
        "inside_a_write": tally.by_syscall,
        "at_work_again_s": {"median": round(median(tally.back), 2), "max": round(max(tally.back), 2)},
    }
    if asked.as_json:
        print(json.dumps(row, indent=2))
    else:
        print(f"{row['points']} kills in {row['stories']} stories at {row['places']} kinds of answers and at commits")
        print(f"{row['inside_a_write']} of them inside a write of SQLite's")
        print(
            "a forked life is at work again after {median} s (median), {max} s at most".format(**row["at_work_again_s"])
        )
        print(f"broken promises: {len(tally.problems)}", *tally.problems, sep="\n  ")
        print(
            f"the real bot is back in service after at most {row['back_in_service_s']} s  target: {BACK_WITHIN:.0f} s"
            f" ({row['of_cpu_s']} s of CPU)"
        )
    return 1 if tally.problems or max(*back, *tally.back) > BACK_WITHIN else 0


if __name__ == "__main__":
    sys.exit(main())
