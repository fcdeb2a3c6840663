"""A house with a guarded door: the bot in service, one connection, and all that its database holds. For the edge's tests."""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from practice_slack_strangers import SECRET

from bot.app import App
from bot.reauthorize.reauthorize import STATE_LIVES, digest
from bot.serve import Serving
from bot.settings.file import load
from bot.words.connection import Consent
from sandbox.practice import free_port
from sandbox.visitor import Visitor
from sandbox.world import World

QUIET = {"check_every": "10m", "cost_every": "10m", "tagging_every": "10m", "push_every": "10m"}
NOT_STATE = {"replicas", "redkey_version"}
KEY = "practice-key-0123456789"


class Errors(logging.Handler):
    """Everything that is logged as an error, or with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.told.append(record.getMessage())


def is_bad(entry: Mapping[str, object]) -> bool:
    return bool(entry.get("exc_info")) or entry["log_level"] in {"error", "critical"}


class House:
    """The bot in service, over HTTP for Slack too, with one connection, and what its database holds."""

    def __init__(self, app: App, world: World, port: int, file: Path) -> None:
        self.app = app
        self.world = world
        self.login = world.google_ads.demo_login
        self.soon = ""
        self.port = port
        self._file = file

    def state(self) -> dict[str, list]:
        with closing(sqlite3.connect(self._file)) as database:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            held = {t: sorted(map(repr, database.execute(f"SELECT * FROM {t}"))) for t in tables - NOT_STATE}
            # What has run out is swept away, siege or not.
            living = database.execute("SELECT id FROM consents WHERE expires_at > ?", [str(self.soon)])
            return {**held, "consents": sorted(map(repr, living))}


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    port = free_port()
    async with World.open() as world:
        sections = {
            "database": {"url": f"sqlite:///{folder / 'redkey.db'}"},
            "web": {"port": port, "api_keys": [KEY]},
            "timing": QUIET,
            "slack": {"mode": "http", "signing_secret": SECRET},
        }
        written = world.settings(f"http://127.0.0.1:{port}")
        sections["slack"] = {**written["slack"], **sections["slack"]}
        world.write_settings(folder / "redkey.toml", f"http://127.0.0.1:{port}", sections)
        async with App.open(load(folder / "redkey.toml"), "all") as app:
            stop, ready = asyncio.Event(), asyncio.Event()
            serving = asyncio.create_task(Serving(app).run(stop, ready))
            await asyncio.wait_for(ready.wait(), 20)
            try:
                async with Visitor() as visitor:
                    link = await app.desk.connect_link("google_ads", "U0ANNA000")
                    assert (await visitor.connect(link, world.google_ads.demo_login)).status == 200
                await app.dispatcher.stop(5)  # nothing but the strangers changes anything from here on
                yield House(app, world, port, folder / "redkey.db")
            finally:
                stop.set()
                await serving


async def the_connection(at_home: House) -> str:
    return (await at_home.app.desk.connections())[0].connection.id


async def begun(at_home: House, count: int) -> list[tuple[str, str]]:
    """Consents under way: each its state and the cookie of its browser."""
    connection, found = await the_connection(at_home), list[tuple[str, str]]()
    for _ in range(count):
        begun = await at_home.app.door.begin(connection)
        state = parse_qs(urlsplit(begun.url).query)["state"][0]
        mark = hashlib.sha256(state.encode()).hexdigest()[:16]
        found.append((state, f"redkey_state={mark}:{begun.browser}"))
    return found


async def begun_together(at_home: House, count: int) -> list[tuple[str, str]]:
    """The same for many, in one transaction: what is measured then is how they end."""
    connection, found, now = await the_connection(at_home), list[tuple[str, str]](), at_home.app.now()
    async with at_home.app.memory.begin() as tx:
        for _ in range(count):
            state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            consent = Consent(f"cns_{secrets.token_hex(12)}", "google_ads", "reauthorize", connection, None, now)
            await tx.consents.begin(consent, digest(state), digest(browser), now + STATE_LIVES)
            found.append((state, f"redkey_state={digest(state)[:16]}:{browser}"))
    return found
