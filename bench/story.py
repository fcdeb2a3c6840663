"""How quick the story is: refused call -> alert, consent -> catch-up start, last row -> confirmation; beside one bare call.

The bot is a process of its own; every figure is read off the practice world's clock, which sees both ends.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from time import perf_counter

from slack_sdk.web.async_client import AsyncWebClient

from bench._report import Report
from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.ledger import Entry
from sandbox.practice import Practice, practising
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import PlatformSandbox, World

PACE = (
    3.5  # seconds; a channel takes a post a second after three at once, and the last round's replies are not this one's
)
WORK = ("api_call", "api.call", "query", "records.written")
FLOOR = "one bare Slack post (floor)"
TARGETS = {
    "refused call to alert": "under 250 ms",
    "consent to catch-up start": "under 250 ms",
    "last call to confirmation": "under 500 ms",
}


async def measure(rounds: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        await one_world(figures)
    return figures


async def one_world(figures: dict[str, list[float]]) -> None:
    """Every platform once: what drops again soon after is told in the message there is, and would not be a first alert."""
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world, practising(world, Path(folder)) as practice:
            world.slack.rates.on = False
            for platform in world.platforms:
                await practice.connect(platform.key, platform.demo_login)
            await asyncio.sleep(2)
            for platform in world.platforms:
                await practice.send_touchpoints(touchpoints(20, platform.key))
                for name, seconds in (await one_round(world, practice, platform)).items():
                    figures.setdefault(name, []).append(seconds)
                figures.setdefault(FLOOR, []).append(await bare_post(world))


async def one_round(world: World, practice: Practice, platform: PlatformSandbox) -> dict[str, float]:
    """Break, wait for the alert, log in, wait for the receipt: the times between, as the world saw them."""
    await asyncio.sleep(PACE)
    seen = len(platform.ledger.entries)
    await world.pull(platform.key, "revoke")
    alert = await world.slack.wait_for(lambda: message_of(world, platform.name, RED), timeout=30)
    refused = next(e.at for e in platform.ledger.entries[seen:] if is_refusal(e))
    posted = alert.history[0].at
    async with Visitor() as visitor:
        url = (await world.slack.click(MARKETING, alert.ts, "reauthorize")).url
        assert url is not None
        seen = len(platform.ledger.entries)
        await visitor.log_in(url, platform.demo_login)
    receipt = await world.slack.wait_for(lambda: message_of(world, platform.name, GREEN, alert.ts), timeout=60)
    green = receipt.history[-1].at
    outages = await practice.get("outages")
    told = max((o for o in outages if o["platform"] == platform.key), key=lambda o: o["opened_at"])
    back = datetime.fromisoformat(told["reauthorized_at"])
    entries = platform.ledger.entries[seen:]
    consented = next(e.at for e in entries if e.what == "token.issued")
    work = [e.at for e in entries if e.what.startswith(WORK) and back < e.at < green]
    return {
        "refused call to alert": _between(refused, posted),
        "consent to catch-up start": _between(consented, min(work)),
        "last call to confirmation": _between(max(work), green),
    }


def is_refusal(entry: Entry) -> bool:
    """The platform said no: to a call, or to a refresh."""
    return entry.what == "api.refused" or entry.get("outcome") not in (None, "ok")


async def bare_post(world: World) -> float:
    client = AsyncWebClient(world.slack.bot_token, base_url=f"{world.url}/slack/api/", retry_handlers=[])
    began = perf_counter()
    await client.chat_postMessage(channel=MARKETING, text="floor")
    return perf_counter() - began


def _between(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()


def told(figures: dict[str, list[float]]) -> Report:
    report = Report("story")
    floor = statistics.median(figures.pop(FLOOR)) * 1000
    report.row(FLOOR, floor, "ms")
    for name, values in figures.items():
        ordered = sorted(values)
        report.row(f"{name}: median", statistics.median(ordered) * 1000, "ms", floor=floor, target=TARGETS[name])
        report.row(f"{name}: p99 of {len(ordered)}", ordered[int(len(ordered) * 0.99)] * 1000, "ms")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench story", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    told(asyncio.run(measure(asked.rounds))).tell(as_json=asked.as_json, write=asked.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
