"""Does anything grow while nothing but ordinary life goes on? The bot as a process of its own, with every platform connected.

Everything is due three hundred times as often as usual; touchpoints come in, and Salesforce drops and heals again and again.
The first third warms up. Growth is the slope of a straight line through the rest.
"""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from time import monotonic

from bench._report import Report
from bench.start import resident
from sandbox.demo import touchpoints
from sandbox.practice import Practice, practising
from sandbox.visitor import Visitor
from sandbox.world import World

EVERY = 5.0  # seconds between two looks
PAUSE = 45.0  # seconds between two drops


@dataclass(frozen=True)
class Look:
    at: float
    resident: float
    files: int
    threads: int
    database: float


def look(practice: Practice, began: float) -> Look:
    process = Path(f"/proc/{practice.pid}")
    stored = sum(file.stat().st_size for file in practice.folder.glob("redkey.db*")) / 2**20
    return Look(
        monotonic() - began,
        resident(practice.pid),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        stored,
    )


async def looking(practice: Practice, minutes: float) -> list[Look]:
    began, looks = monotonic(), list[Look]()
    while monotonic() - began < minutes * 60:
        looks.append(look(practice, began))
        await asyncio.sleep(EVERY)
    return looks


async def living(world: World, practice: Practice, healed: list[str]) -> None:
    """Until it is cancelled. What drops so often is soon told more rarely, so the API says how it stands, not Slack."""
    while True:
        await practice.send_touchpoints(touchpoints(20, f"soak{len(healed)}"))
        await world.pull("salesforce", "revoke")
        lost = await _standing(practice, "Authorization Required")
        async with Visitor() as person:
            await person.log_in(f"{practice.url}/reauthorize/{lost['outage']}", world.salesforce.demo_login)
        await _standing(practice, "Connected")
        healed.append(lost["outage"])
        await asyncio.sleep(PAUSE)


async def _standing(practice: Practice, status: str) -> dict[str, str]:
    async with asyncio.timeout(60):
        while True:
            for each in await practice.get("connections"):
                if each["platform"] == "salesforce" and each["status"].startswith(status):
                    found: dict[str, str] = each
                    return found
            await asyncio.sleep(0.5)


async def soak(minutes: float) -> Report:
    report, healed = Report("soak"), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world, practising(world, Path(folder)) as practice:
            for platform in world.platforms:
                await practice.connect(platform.key, platform.demo_login)
            life = asyncio.create_task(living(world, practice, healed))
            looks = await looking(practice, minutes)
            broken = life.done() and not life.cancelled() and life.exception()
            life.cancel()
            told = [line for line in practice.log.read_text().splitlines() if "Traceback" in line]
    settled = [each for each in looks if each.at > minutes * 20]
    hours = [each.at / 3600 for each in settled]
    slope = linear_regression(hours, [each.resident for each in settled]).slope
    report.row(f"{minutes:g} minutes: resident memory at the end", settled[-1].resident, "MB")
    report.row("it grows by", slope, "MB an hour", target="under 1 MB an hour")
    report.row("file descriptors more at the end", _more([each.files for each in settled]), "", target="at most 5")
    report.row("threads more at the end", _more([each.threads for each in settled]), "", target="at most 2")
    report.row(
        "the database grows by", linear_regression(hours, [each.database for each in settled]).slope, "MB an hour"
    )
    report.row("drops that were healed", len(healed), "")
    report.row("tracebacks in the log", len(told), "", target="at most 0")
    report.failure = f"the story broke off: {broken}" if broken else ""
    return report


def _more(found: list[int]) -> float:
    """The last tenth beside the first: what was open for a moment counts in neither."""
    part = max(len(found) // 10, 1)
    return median(found[-part:]) - median(found[:part])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    asyncio.run(soak(asked.minutes)).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
