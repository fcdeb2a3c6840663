"""`redkey demo`: the whole story on this machine. Without --headless a person plays; with it, this file does."""

import asyncio
import errno
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx2

from sandbox.levers import Lever
from sandbox.practice import Practice, practising
from sandbox.slack import MARKETING, Message
from sandbox.visitor import Visitor
from sandbox.world import World

RED, GREEN = "#D92D20", "#12B76A"
TOUCHPOINTS = 3_000  # enough for a bulk job, so that the catch-up can be watched


@dataclass(frozen=True)
class Part:
    """One platform's part in the story: who logs in, and what is done while the login is dead."""

    key: str
    name: str
    email: str


def run_demo(port: int | None, *, headless: bool) -> int:
    """Run it until it is stopped, or until the story has been told. The exit code: 0 only if every outage was confirmed."""
    try:
        return asyncio.run(_demo(port, headless=headless))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except (OSError, RuntimeError, httpx2.HTTPError) as trouble:
        _say(f"redkey: {_why(trouble, port)}")
        return 1


def _why(trouble: Exception, port: int | None) -> str:
    """For somebody who has only just met us."""
    if isinstance(trouble, OSError) and trouble.errno == errno.EADDRINUSE:
        return f"port {port} is taken: name another one with --port, or leave it out"
    if isinstance(trouble, httpx2.TimeoutException):
        return "the bot did not answer in time: this machine is too busy for the demo now, so try again later"
    return f"the demo stopped: {trouble or type(trouble).__name__}"


async def _demo(port: int | None, *, headless: bool) -> int:
    _end_when_told()
    with tempfile.TemporaryDirectory(prefix="redkey-demo-") as folder:
        async with World.open(port=port or 0) as world, practising(world, Path(folder)) as practice:
            parts = [Part(p.key, p.name, p.demo_login) for p in world.platforms]
            await _connect(practice, parts)
            if headless:
                return await Story(world, practice, parts).tell()
            _add_levers(world, practice)
            world.slack.reload()  # the links that connected everything are used up, and would only be in the way
            _say("\nOpen this page and break something (Ctrl-C ends it):\n")
            print(world.url + "/", flush=True)  # noqa: T201  # the one thing this prints
            await asyncio.Event().wait()
    return 0


def _end_when_told() -> None:
    """As on Ctrl-C: the bot is a process of its own, and must not stay behind."""
    this = asyncio.current_task()
    assert this is not None
    with suppress(NotImplementedError):  # Windows
        for each in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(each, this.cancel)


async def _connect(practice: Practice, parts: list[Part]) -> None:
    for part in parts:
        _say(f"Connecting {part.name} as {part.email}")
        await practice.connect(part.key, part.email)
    await practice.send_touchpoints(touchpoints(50, "before"))
    await _until_fresh(practice)
    await asyncio.gather(
        *(_opt_in(practice, c["id"]) for c in await practice.get("connections") if c["platform"] == "meta_ads")
    )


async def _opt_in(practice: Practice, connection_id: str) -> None:
    """Meta's ads can only be made anew, which somebody has to want after having seen it."""
    await practice.redkey("tagging", "preview", connection_id)
    await practice.redkey("tagging", "optin", connection_id)


async def _until_fresh(practice: Practice) -> None:
    """Wait until every connection has moved its first data."""
    for _ in range(600):
        listed = await practice.get("connections")
        fresh = [await practice.get(f"freshness/{c['id']}") for c in listed]
        if fresh and all(f.get("fresh") for f in fresh):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the connections did not move their first data within a minute")


def message_of(world: World, name: str, colour: str, ts: str | None = None) -> Message | None:
    """The newest message of the channel that names this platform and has this colour; `ts`: only that one."""
    for message in reversed(world.slack.messages(MARKETING)):
        colours = {str(a.get("color", "")).upper() for a in message.attachments}
        if name in message.text and colour in colours and ts in (None, message.ts):
            return message
    return None


def touchpoints(count: int, batch: str) -> list[dict[str, Any]]:
    """Marketing touches as a site would report them."""
    start = datetime.now(UTC) - timedelta(hours=1)
    return [
        {
            "id": f"TP2_{batch}_{n:06d}",
            "occurred_at": (start + timedelta(seconds=n)).isoformat(),
            "email": f"person{n}@example.com",
            "kind": "touchpoint",
            "fields": {"bizible2__Medium__c": "cpc", "bizible2__Touchpoint_Source__c": "google"},
        }
        for n in range(count)
    ]


class Story:
    """Plays the person: breaks every login, reads the alerts, clicks, logs in, and reads the receipts."""

    def __init__(self, world: World, practice: Practice, parts: list[Part]) -> None:
        self._world = world
        self._practice = practice
        self._parts = parts
        self._began = asyncio.get_running_loop().time()

    async def tell(self) -> int:
        for part in self._parts:
            self._line("break", f"{part.name}: the login of {part.email} is revoked")
            await self._world.pull(part.key, "revoke")
        await self._live_on()
        alerts = [await self._read(part, RED) for part in self._parts]
        for alert in alerts:
            self._line("alert", unescape(alert.text))
        for part, alert in zip(self._parts, alerts, strict=True):
            await self._reauthorize(part, alert)
        for part in self._parts:
            receipt = await self._read(part, GREEN, within=120)
            self._line("confirm", unescape(receipt.text))
        return await self._verdict()

    async def _live_on(self) -> None:
        """The world does not wait: ads are made and touches happen while the logins are dead."""
        for platform in self._world.platforms:
            for key, step in (("new_ads", "lost"), ("restate", "restated")):
                if any(lever.key.removeprefix(f"{platform.key}_") == key for lever in platform.levers):
                    self._line(step, await self._world.pull(platform.key, key))
        counts = await self._practice.send_touchpoints(touchpoints(TOUCHPOINTS, "during"))
        self._line("lost", f"{counts['accepted']} touchpoints were taken in and wait")

    async def _read(self, part: Part, colour: str, within: float = 30) -> Message:
        """Wait for this platform's message to have this colour."""

        def found() -> Message | None:
            return message_of(self._world, part.name, colour)

        message = await self._world.slack.wait_for(found, timeout=within)
        assert message is not None
        return message

    async def _reauthorize(self, part: Part, alert: Message) -> None:
        clicked = await self._world.slack.click(MARKETING, alert.ts, "reauthorize")
        if not clicked.acked or not clicked.url:
            raise RuntimeError(f"the Reauthorize button of {part.name} does not work: {clicked}")
        async with Visitor() as visitor:
            page = await visitor.log_in(clicked.url, part.email)
        if page.status != 200:
            raise RuntimeError(f"logging in to {part.name} ended with {page.status}")
        self._line("reauthorize", f"{part.name}: {part.email} logged in again")

    async def _verdict(self) -> int:
        """0 only if the bot says that everything is caught up, and the practice platforms say so too."""
        outages = await self._practice.get("outages")
        unconfirmed = [o["id"] for o in outages if not o["caught_up_at"]]
        wrong = self._world.disagreements(await self._practice.costs())
        problems = [f"outage {i} was never confirmed" for i in unconfirmed] + wrong + self._not_pushed()
        if len(outages) < len(self._parts):
            problems.append(f"{len(self._parts)} logins were broken, but only {len(outages)} outages were seen")
        for problem in problems:
            self._line("WRONG", problem)
        if not problems:
            self._line("done", f"{len(outages)} outages: noticed, reauthorized, caught up, verified")
        return 1 if problems else 0

    def _not_pushed(self) -> list[str]:
        """What the practice CRMs hold, asked without the bot: every touchpoint, written exactly once."""
        problems = []
        for crm in self._world.crms:
            held = crm.records()
            missing = [t["id"] for t in touchpoints(TOUCHPOINTS, "during") if t["id"] not in held]
            twice = [i for i, writes in crm.writes.items() if writes.created > 1]
            problems += [f"{crm.name} lacks {len(missing)} touchpoints, {missing[0]} first"] if missing else []
            problems += [f"{crm.name} holds {len(twice)} touchpoints twice"] if twice else []
        return problems

    def _line(self, step: str, text: str) -> None:
        spent = asyncio.get_running_loop().time() - self._began
        print(f"{spent:7.2f} s  {step:<12} {text}", flush=True)  # noqa: T201  # the timeline is the result


def _add_levers(world: World, practice: Practice) -> None:
    """The demo can also break the bot itself: a kill is the harshest test of "nothing lost"."""

    async def kill() -> str:
        await practice.kill()
        await practice.start()
        return "Redkey was killed (SIGKILL) and started again."

    async def touch() -> str:
        batch = datetime.now(UTC).strftime("%H%M%S%f")
        counts = await practice.send_touchpoints(touchpoints(TOUCHPOINTS, batch))
        return f"{counts['accepted']} new touchpoints were sent to Redkey."

    world.add_levers(
        "redkey",
        "Redkey",
        [Lever("kill", "Kill Redkey and start it again", kill), Lever("touch", "Send 3,000 touchpoints", touch)],
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
