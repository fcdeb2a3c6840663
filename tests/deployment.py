"""The real bot and the practice world in one event loop, over real sockets; for the tests of the story."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from canary import guarded

from bot.app import App
from bot.serve import Serving
from bot.settings.file import load
from bot.words.connection import Flow
from sandbox.demo import GREEN, RED, message_of, touchpoints
from sandbox.practice import QUICK, free_port
from sandbox.slack import MARKETING, Message
from sandbox.visitor import Page, Visitor
from sandbox.world import World

AMBER = "#F79009"
# Little to load, as each test loads it: the days are the same code, however many.
LITTLE = {"cost_days": "5"}
OFTEN_READ_AGAIN = ("google_ads", "microsoft_advertising", "meta_ads", "linkedin_ads")


async def a_moment(_seconds: float) -> None:
    """In place of the seconds that Microsoft is given to prepare a file."""
    await asyncio.sleep(0.01)


class ShiftedClock:
    """Real time, moved forward at will: what takes an hour for the bot takes a test no time."""

    def __init__(self) -> None:
        self._shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def advance(self, **parts: float) -> None:
        self._shift += timedelta(**parts)


class Deployment:
    """What a person and an operator can do with a running bot and its world."""

    def __init__(self, world: World, app: App, clock: ShiftedClock) -> None:
        self.world = world
        self.app = app
        self.clock = clock

    async def connect(self, platform: str, email: str = "") -> None:
        link = await self.app.desk.connect_link(platform, "U0ANNA000")
        async with Visitor() as visitor:
            page = await visitor.connect(link, email or self.sandbox(platform).demo_login)
        assert page.status == 200, page.html
        await self.until(self.fresh)
        await self.until(self.looked_at_all_ads)

    def sandbox(self, platform: str) -> Any:
        return getattr(self.world, platform)

    async def fresh(self) -> bool:
        found = await self.app.desk.connections()
        return all([(await self.app.ledger.freshness(c.connection.id)).fresh for c in found])

    async def looked_at_all_ads(self) -> bool:
        """Only then can be told when an ad was made that is new."""
        async with self.app.memory.read() as tx:
            connections = await tx.connections.all()
            transfers = await tx.transfers.of_connections([c.id for c in connections])
        return all("as_of" in t.cursor for t in transfers if t.flow is Flow.TAGGING)

    async def until(self, true: Callable[[], Any], within: float = 15.0) -> Any:
        """Wait for something that the database or the world must come to say."""
        async with asyncio.timeout(within):
            while not (found := await true()):  # noqa: ASYNC110 - nobody tells when a database says something new
                await asyncio.sleep(0.02)
        return found

    async def soon(self, true: Callable[[], Any], within: float = 15.0) -> Any:
        """As `until`, while time flies: a second for each look, and the ticks that come with it."""

        async def later() -> Any:
            self.clock.advance(seconds=1)
            self.app.dispatcher.tick()
            return await true()

        return await self.until(later, within)

    async def message(self, name: str, colour: str, ts: str | None = None, within: float = 15.0) -> Message:
        return await self.world.slack.wait_for(lambda: message_of(self.world, name, colour, ts), timeout=within)

    async def drop(self, platform: str) -> Message:
        """Revoke the login and wait for the alert."""
        sandbox = self.sandbox(platform)
        await self.world.pull(platform, "revoke")
        alert = await self.message(sandbox.name, RED)
        await self.until(self.alerted)
        return alert

    async def dropped(self) -> bool:
        return any(not c.connection.authorized for c in await self.app.desk.connections())

    async def alerted(self) -> bool:
        return all(o.outage.alerted_at for o in await self.app.desk.outages())

    async def start_url(self, alert: Message) -> str:
        clicked = await self.world.slack.click(MARKETING, alert.ts, "reauthorize")
        assert clicked.acked
        assert clicked.url
        return clicked.url

    async def log_in(self, alert: Message, email: str, *, allow: bool = True) -> Page:
        async with Visitor() as visitor:
            return await visitor.log_in(await self.start_url(alert), email, allow=allow)

    async def receipt(self, platform: str, alert: Message) -> Message:
        return await self.message(self.sandbox(platform).name, GREEN, alert.ts, within=30)

    async def send(self, count: int, batch: str) -> None:
        from bot.desk.intake import parse_json

        await self.app.ledger.accept(parse_json(json.dumps(touchpoints(count, batch)).encode()))

    def replies(self, alert: Message) -> list[str]:
        return [reply.text for reply in self.world.slack.thread(MARKETING, alert.ts) if reply.ts != alert.ts]

    def posts(self) -> list[Message]:
        """Top-level messages of the channel."""
        return list(self.world.slack.messages(MARKETING))


@asynccontextmanager
async def deployed(
    folder: Path,
    database: str,
    *,
    timing: dict[str, str] | None = None,
    sections: dict[str, Any] | None = None,
    guard: bool = True,
) -> AsyncIterator[Deployment]:
    """`guard`: at the end no secret may be where it does not belong (canary.py)."""
    clock = ShiftedClock()
    async with World.open(now=clock) as world:
        world.slack.rates.on = False
        async with redeployed(
            world, folder, database, clock, timing=timing, sections=sections, guard=guard
        ) as deployment:
            yield deployment


@asynccontextmanager
async def redeployed(
    world: World,
    folder: Path,
    database: str,
    clock: ShiftedClock,
    *,
    timing: dict[str, str] | None = None,
    sections: dict[str, Any] | None = None,
    guard: bool = True,
) -> AsyncIterator[Deployment]:
    """The bot alone, started on a world and a database that may have a history."""
    config, kept = folder / "redkey.toml", folder / "kept.json"
    before = json.loads(kept.read_text()) if kept.exists() else {"port": free_port()}
    port = before["port"]
    own: dict[str, Any] = {
        "database": {"url": database},
        "web": {"port": port, "api_keys": ["practice-key-0123456789"]},
        # "blind_after": a clock moved forward is no stop
        "timing": {**QUICK, **LITTLE, "blind_after": "3650d", **(timing or {})},
        "platforms": {platform: {"restate_days": 3} for platform in OFTEN_READ_AGAIN},
    }
    if "secrets" in before:
        own["secrets"] = before["secrets"]
    more = sections or {}
    own |= {**more, "platforms": own["platforms"] | more.get("platforms", {})}
    written = world.write_settings(config, f"http://127.0.0.1:{port}", own)
    kept.write_text(json.dumps({"port": port, "secrets": written["secrets"]}))
    async with App.open(load(config), "all", now=clock) as app:
        app.gateways["microsoft_advertising"].platform.orders.sleep = a_moment
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(Serving(app).run(stop, ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
        if app.settings.slack.mode == "socket":
            await world.slack.wait_for(lambda: world.slack.sockets.sockets)
        try:
            async with guarded(world, app) if guard else nullcontext():
                yield Deployment(world, app, clock)
        finally:
            stop.set()
            await serving
