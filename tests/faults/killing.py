"""The kill sweep: the whole story, told by bots that die after a few steps each, and what became of everything in the end."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import mortal
import oracle
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from syscalls import can_trace, killed_by_syscall

from sandbox.demo import touchpoints
from sandbox.person import consent
from sandbox.toml import as_toml
from sandbox.world import World

PLATFORMS = ("google_ads", "salesforce")
PUBLIC = "http://127.0.0.1:8080"
BEGIN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TIMING = {"check_every": "5m", "request_timeout": "2s", "retry_max": "1m", "cost_days": 3, "cost_every": "1h"}
PATIENCE = 200  # lives that one step of the story may take
ROOT = Path(__file__).parents[2]
SHARE = 0.2  # of the lives on SQLite end at a syscall: starting the tracer takes longer than the life


@dataclass
class Tally:
    """What a sweep has come to."""

    points: int = 0
    enough: int = 1_000_000
    """After so many the story that is being told goes on to its end in peace."""
    cycles: int = 0
    where: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    by_syscall: int = 0
    """So many of them were at a write of SQLite's, not between two steps of ours."""
    back: list[float] = field(default_factory=list)
    """For each kill that was followed by a life long enough: seconds until it was at work with the database."""

    def told(self) -> dict[str, object]:
        found = {"points": self.points, "stories": self.cycles, "places": len(self.where)}
        if self.by_syscall:
            found["inside a write"] = self.by_syscall
        return {**found, "back in service s": {"median": round(median(self.back), 2), "max": round(max(self.back), 2)}}


class MortalWorld(World):
    """Every answer of it is a step: it works, and whoever asked may be dead before it hears of that."""

    def __init__(self, fate: mortal.Fate, tally: Tally) -> None:
        super().__init__(fate.now)
        self._app = self._counting(self._app, fate, tally)

    def _counting(self, app: Any, fate: mortal.Fate, tally: Tally) -> Any:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            kept: list[Message] = []

            async def keep(message: Message) -> None:
                kept.append(message)

            with suppress(ClientDisconnect):  # it died while it was still sending
                await app(scope, receive, keep)
            if fate.step():
                tally.where[f"{scope['method']} {scope['path']}"] += 1
            for message in kept:
                await send(message)

        return counted


class Sweep:
    """One database, one world, one story; `next_steps` says how many steps each life has (0: it lives)."""

    def __init__(
        self, world: World, fate: mortal.Fate, folder: Path, url: str, dice: random.Random, tally: Tally
    ) -> None:
        self.world, self.fate, self.folder, self.url = world, fate, folder, url
        self.dice, self.tally = dice, tally
        self.lost_answers = 0
        self.immortal = self.killed = False
        self.syscalls = url.startswith("sqlite") and can_trace()
        self.config = folder / "redkey.toml"
        settings = world.settings(PUBLIC, database={"url": url}, timing=TIMING)
        own = {key: settings["platforms"][key] for key in PLATFORMS}
        own["google_ads"] = {**own["google_ads"], "restate_days": 2}
        self.config.write_text(as_toml({**settings, "platforms": own}))
        self._zygote: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._zygote = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "tests" / "faults" / "mortal.py"),
            str(self.folder / "fate"),
            str(self.config),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
        assert self._zygote.stdout
        assert await self._zygote.stdout.readline() == b"ready\n"

    async def stop(self) -> None:
        if self._zygote is not None:
            assert self._zygote.stdin
            self._zygote.stdin.close()
            await self._zygote.wait()

    async def life(self, do: str, steps: int = 0, **order: Any) -> tuple[bool, Any]:
        """One life of the bot with one errand: whether it lived to its end, and what it brought."""
        assert self._zygote
        assert self._zygote.stdin
        assert self._zygote.stdout
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        files = {"config": str(self.config), "log": str(self.folder / "bot.log"), "result": str(result)}
        watched = bool(steps) and self.syscalls and self.dice.random() < SHARE
        order |= {"do": do, "steps": 0 if watched else steps, "watched": watched}
        self.fate.unborn()
        began = monotonic()
        self._zygote.stdin.write(json.dumps({**files, **order}).encode() + b"\n")
        if watched:
            async with killed_by_syscall(self.fate, self.dice.randint(1, 12 * steps)):
                began = monotonic()
                self.fate.go()
                died = int(await self._zygote.stdout.readline())
        else:
            died = int(await self._zygote.stdout.readline())
        self.fate.arm(0)
        if self.killed and self.fate.in_service_since() and not watched:
            self.tally.back.append(self.fate.in_service_since() - began)
        self.killed = bool(died)
        if died:
            assert died == 9, f"the bot ended with signal {died}"
            self.tally.points += 1
            self.tally.by_syscall += watched
            self.lost_answers += len(oracle.refreshes_under_way(self.url))
            return False, None
        return True, json.loads(result.read_text())

    def steps(self, nth: int) -> int:
        """Few at first, more when an errand was begun often: so it gets done at last, whatever is killed."""
        return 0 if self.immortal or self.tally.points >= self.tally.enough else self.dice.randint(1, 6 + 2 * nth)

    async def until(self, done: Callable[[], bool], errand: Callable[[int], Awaitable[Any]], **passes: float) -> None:
        """Lives of this errand until that is so; time goes by between them."""
        for nth in range(PATIENCE):
            if done():
                return
            await errand(self.steps(nth))
            self.pass_by(**(passes or {"seconds": 15}))
        raise AssertionError(f"after {PATIENCE} lives this was still not so: {done}")

    def pass_by(self, **parts: float) -> None:
        self.fate.set_clock(self.fate.now() + timedelta(**parts))

    # The story

    async def tell(self) -> list[str]:
        for platform in PLATFORMS:
            await self.until(lambda key=platform: self._connected(key), lambda s, key=platform: self._connect(key, s))
        await self._send("before", 3)
        await self.until(self._quiet, self._work)
        await self._lose_and_restore()
        await self._expire()
        self.immortal = True
        for _ in range(4):
            await self._work(0)
            self.pass_by(minutes=1)
        logs = [self.folder / "bot.log"]
        return oracle.judge(self.url, self.world, self.fate.now(), lost_answers=self.lost_answers, logs=logs)

    async def _lose_and_restore(self) -> None:
        for platform in PLATFORMS:
            await self.world.pull(platform, "revoke")
        self.world.google_ads.add_ads(count=2)
        await self._send("during", 5)
        await self.until(lambda: len(self._outages()) == len(PLATFORMS), self._work, minutes=6)
        await self.until(lambda: all(o["ts"] for o in self._outages()), self._work)
        for platform in PLATFORMS:
            await self.until(
                lambda key=platform: self._restored(key), lambda s, key=platform: self._reauthorize(key, s), seconds=5
            )
        await self.until(self._quiet, self._work, seconds=40)

    async def _expire(self) -> None:
        """The access tokens run out, twice: refreshes, and where the answer of one was lost, an honest outage."""
        for _ in range(2):
            self.pass_by(hours=2)
            for nth in range(6):
                await self._work(self.steps(nth))
                self.pass_by(seconds=20)
            for platform in PLATFORMS:
                if not self._restored(platform):
                    await self.until(
                        lambda key=platform: self._restored(key),
                        lambda s, key=platform: self._reauthorize(key, s),
                        minutes=2,
                    )
            await self.until(self._quiet, self._work, seconds=40)

    async def _work(self, steps: int) -> None:
        lived, result = await self.life("work", steps)
        assert not lived or not isinstance(result, dict), result

    async def _send(self, batch: str, count: int) -> None:
        given = touchpoints(count, batch)
        for nth in range(PATIENCE):
            if (await self.life("touchpoints", self.steps(nth), given=given))[0]:
                return

    async def _connect(self, platform: str, steps: int) -> None:
        lived, link = await self.life("link", platform=platform)
        assert lived
        _, begun = await self.life("connect", token=link.rpartition("/")[2])
        await self.life("finish", steps, platform=platform, **await self._consent(platform, begun))

    async def _reauthorize(self, platform: str, steps: int) -> None:
        ref = next((o["id"] for o in self._outages() if o["platform"] == platform and not o["closed_at"]), None)
        if ref is None:  # it is not seen yet
            await self._work(steps)
            return
        lived, begun = await self.life("begin", ref=ref)
        assert lived
        if "url" in (begun or {}):
            await self.life("finish", steps, platform=platform, **await self._consent(platform, begun))

    async def _consent(self, platform: str, begun: dict[str, str]) -> dict[str, Any]:
        async with httpx2.AsyncClient() as browser:
            back = await consent(browser, begun["url"], getattr(self.world, platform).demo_login)
        params = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return {"params": params, "browser": begun["browser"]}

    # What there is

    def _quiet(self) -> bool:
        return oracle.quiet(self.url) and all(self._restored(key) for key in PLATFORMS)

    def _outages(self) -> list[Any]:
        return list(oracle.read(self.url)[oracle.outages])

    def _connections(self, platform: str) -> list[Any]:
        return [c for c in oracle.read(self.url)[oracle.connections] if c["platform"] == platform]

    def _connected(self, platform: str) -> bool:
        return bool(self._connections(platform))

    def _restored(self, platform: str) -> bool:
        return all(c["authorized"] for c in self._connections(platform))


@asynccontextmanager
async def sweeping(folder: Path, url: str, seed: int, tally: Tally) -> AsyncIterator[Sweep]:
    fate = mortal.Fate(folder / "fate")
    fate.set_clock(BEGIN)
    world = MortalWorld(fate, tally)
    async with world.live() as living:
        living.slack.rates.on = False
        sweep = Sweep(living, fate, folder, url, random.Random(seed), tally)
        await sweep.start()
        try:
            yield sweep
        finally:
            await sweep.stop()


async def one_cycle(folder: Path, url: str, seed: int, tally: Tally) -> None:
    async with sweeping(folder, url, seed, tally) as sweep:
        tally.problems += [f"seed {seed}: {problem}" for problem in await sweep.tell()]
        tally.cycles += 1
