"""How quick the story is: refused call -> alert, consent -> catch-up start, last row -> confirmation; beside one bare call.

The bot is a process of its own; every figure is read off the practice world's clock, which sees both ends.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from time import perf_counter

from slack_sdk.web.async_client import AsyncWebClient

from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.practice import Practice, practising
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import World

TARGETS = {"refused call to alert": 1.0, "consent to catch-up start": 1.0}


async def measure(rounds: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world, practising(world, Path(folder)) as practice:
            world.slack.rates.on = False
            for platform in world.platforms:
                await practice.connect(platform.key, platform.demo_login)
            await asyncio.sleep(2)
            for turn in range(rounds):
                for platform in world.platforms:
                    await practice.send_touchpoints(touchpoints(20, f"{platform.key}{turn}"))
                    for name, seconds in (await one_round(world, practice, platform)).items():
                        figures.setdefault(name, []).append(seconds)
                figures.setdefault("floor: one bare Slack post", []).append(await bare_post(world))
    return figures


async def one_round(world: World, practice: Practice, platform) -> dict[str, float]:
    """Break, wait for the alert, log in, wait for the receipt: the times between, as the world saw them."""
    seen = len(platform.ledger.entries)
    calls = len(world.slack.calls)
    await world.pull(platform.key, "revoke")
    alert = await world.slack.wait_for(lambda: message_of(world, platform.name, RED), timeout=30)
    refused = _first(platform.ledger.entries[seen:], "refused")
    posted = next(c.at for c in world.slack.calls[calls:] if c.method == "chat.postMessage")
    async with Visitor() as visitor:
        url = (await world.slack.click(MARKETING, alert.ts, "reauthorize")).url
        seen = len(platform.ledger.entries)
        await visitor.log_in(url, platform.demo_login)
    consented = _first(platform.ledger.entries[seen:], "token.issued")
    await world.slack.wait_for(lambda: message_of(world, platform.name, GREEN, alert.ts), timeout=60)
    entries = platform.ledger.entries[seen:]
    working = [e.at for e in entries if e.what.startswith(("api.call", "records.written")) and e.at > consented]
    green = max(c.at for c in world.slack.calls if c.method == "chat.update")
    return {
        "refused call to alert": _between(refused, posted),
        "consent to catch-up start": _between(consented, min(working)),
        "last call to confirmation": _between(max(w for w in working if w <= green), green),
    }


async def bare_post(world: World) -> float:
    client = AsyncWebClient(world.slack.bot_token, base_url=f"{world.url}/slack/api/", retry_handlers=[])
    began = perf_counter()
    await client.chat_postMessage(channel=MARKETING, text="floor")
    return perf_counter() - began


def _first(entries, part: str) -> datetime:
    return next(e.at for e in entries if part in e.what)


def _between(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()


def main(rounds: int = 10, *, as_json: bool = False) -> int:
    figures = asyncio.run(measure(rounds))
    rows = {
        name: {
            "median_ms": round(statistics.median(values) * 1000, 1),
            "p99_ms": round(sorted(values)[min(len(values) - 1, int(len(values) * 0.99))] * 1000, 1),
            "runs": len(values),
        }
        for name, values in figures.items()
    }
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    for name, row in rows.items():
        target = f"  target median under {TARGETS[name] * 1000:.0f} ms" if name in TARGETS else ""
        print(f"{name:<28} median {row['median_ms']:8.1f} ms   p99 {row['p99_ms']:8.1f} ms   n={row['runs']}{target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
