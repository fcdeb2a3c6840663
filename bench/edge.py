"""How the edge stands a siege: malformed callbacks and malformed Slack requests against the bot as a process of its own.

Floor: /healthz, which asks nothing of anybody, over the same connections in the same run.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from practice_slack_strangers import SECRET, slack_requests
from practice_strangers import Malformed, p99, raw, send_all

from bench._report import Report
from sandbox.practice import Practice
from sandbox.world import World

QUIET = {"check_every": "10m", "cost_every": "10m", "tagging_every": "10m", "push_every": "10m"}
TICKS = os.sysconf("SC_CLK_TCK")


def worked(pid: int) -> float:
    """Seconds of processor time the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Siege:
    """The bot as a process of its own, and what its strangers get."""

    def __init__(self, practice: Practice, lines: int, report: Report) -> None:
        self._practice = practice
        self._lines = lines
        self._report = report

    async def stand(self, name: str, requests: Iterator[bytes], floor: float | None = None) -> float:
        """Gives the milliseconds of the bot's own work for each request."""
        pid = self._practice.pid
        used, busy, began = resident(pid), worked(pid), perf_counter()
        score = await send_all(self._practice.port, requests, self._lines)
        took, busy, grown = perf_counter() - began, worked(pid) - busy, resident(pid) - used
        sent, row = len(score.times), self._report.row
        failed = sum(count for status, count in score.statuses.items() if status >= 500)
        row(f"{name}: 99 of 100 answers within", p99(score.times) * 1000, "ms", target="under 50 ms")
        row(f"{name}: the slowest", max(score.times) * 1000, "ms")
        row(f"{name}: the bot's processor time for each", busy / sent * 1000, "ms", floor=floor)
        row(f"{name}: answers", sent / took, "a second")
        row(f"{name}: memory grown by", grown, "MB", target="under 20 MB")
        row(f"{name}: 5xx of {sent:,}", failed, "", target="at most 0")
        return busy / sent * 1000


async def measure(count: int, lines: int) -> Report:
    report, slack = Report("edge"), {"mode": "http", "signing_secret": SECRET}
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            practice = Practice(world, Path(folder), timing=QUIET, database=None, slack=slack)
            practice.write_settings()
            await practice.start()
            for warm in (Malformed(1).callbacks(1000), slack_requests(2, 1000)):
                await send_all(practice.port, warm, lines)
            siege = Siege(practice, lines, report)
            floor = await siege.stand("healthz (floor)", (raw("GET", b"/healthz") for _ in range(count // 10)))
            await siege.stand("malformed callbacks", Malformed(3).callbacks(count), floor)
            await siege.stand("malformed Slack requests", slack_requests(4, count), floor)
            await practice.stop()
            told = [line for line in practice.log.read_text().splitlines() if "Traceback" in line]
            report.row("tracebacks in the log", len(told), "", target="at most 0")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000, help="of each kind")
    parser.add_argument("--lines", type=int, default=8, help="connections at once")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    asyncio.run(measure(asked.requests, asked.lines)).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
