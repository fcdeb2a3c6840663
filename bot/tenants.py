"""Keeps every workspace that installed the app in service: each with its own database, pages and work, in one process.

What one of them does, or fails to do, is no other's business: each lives in a task of its own, and tries again by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog

from bot.app import App
from bot.memory.installed import Neighbour
from bot.memory.memory import SealBroken
from bot.reauthorize.installing import Installing
from bot.settings.settings import Settings
from bot.settings.tenant import tenant_settings
from bot.words.connection import Secret
from bot.words.errors import RedkeyError, SetupError
from handlers.slack.line.installation import SlackInstalls
from handlers.slack.workspace import Workspace
from handlers.web.health import PATIENCE, Numbers
from storage import make_place

log = structlog.get_logger()

LOOK_EVERY = 2.0  # seconds: how soon an installation is in service, on every replica
AGAIN_AFTER = 5.0  # seconds until one that could not start is tried again; twice as long each time
AGAIN_MOST = 300.0
AT_ONCE = 4  # that start at the same time
EXPECTED = (SetupError, RedkeyError, SealBroken)


async def settings_for(home: App, told: Neighbour) -> Settings:
    """What that workspace is told; its database is made where there is none yet. Raises SetupError, SealBroken."""
    tokens: tuple[Secret, Secret | None] = Secret(""), None
    if told.rested_at is None:
        async with home.memory.read() as tx:
            tokens = await tx.workspaces.tokens(told.team)
    place = await make_place(home.settings.database.url, told.team)
    return tenant_settings(home.settings, told, tokens, place)


async def settings_of_all(home: Settings) -> list[Settings]:
    """Home's and those of every workspace there ever was, for what must not leave one of them out."""
    async with App.open(home) as app:
        async with app.memory.read() as tx:
            found = await tx.workspaces.all()
        return [home, *[await settings_for(app, told) for told in found]]


async def settings_of_one(home: Settings, team: str) -> Settings:
    """For a command that is about one workspace. Raises SetupError."""
    async with App.open(home) as app:
        async with app.memory.read() as tx:
            found = {each.team: each for each in await tx.workspaces.all()}
        if team not in found:
            there = ", ".join(found) or "none"
            raise SetupError(f"--workspace: no workspace {team} has added the app; there are: {there}")
        return await settings_for(app, found[team])


async def trouble_of(home: App, told: Neighbour) -> str | None:
    """What keeps its database or its token from being opened; None where nothing does."""
    try:
        async with App.open(await settings_for(home, told)) as app:
            await app.memory.ping()
    except EXPECTED as error:
        return str(error)
    return None


class InService(Protocol):
    """One workspace at work (bot/serve.py)."""

    place: Workspace

    async def enter(self) -> None: ...
    def begin(self) -> None: ...
    async def leave(self) -> None: ...
    async def sign_off(self) -> None: ...
    def website(self) -> Any: ...
    async def numbers(self) -> Numbers: ...


Serve = Callable[[App, "Tenants", Neighbour], InService]


class _Lodging:
    """One workspace and the task that keeps it in service."""

    def __init__(self, told: Neighbour) -> None:
        self.told = told
        self.over = asyncio.Event()
        self.serving: InService | None = None
        self.site: Any = None
        self.task: asyncio.Task[None] | None = None


async def _numbers(lodging: _Lodging) -> Numbers | None:
    with contextlib.suppress(RedkeyError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            return await lodging.serving.numbers() if lodging.serving is not None else None
    return None


class Tenants:
    """Implements handlers.slack.line.tenants.Others and handlers.web.by_tenant.Neighbours.

    `serve`: puts an app into service.
    """

    def __init__(self, home: App, serve: Serve, own_team: Callable[[], Awaitable[str]]) -> None:
        self._home = home
        self._serve = serve
        self._lodgings: dict[str, _Lodging] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Semaphore(AT_ONCE)
        self._look_now = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        settings, slack = home.settings, home.settings.slack
        vendor = SlackInstalls(
            slack.client_id,
            Secret(slack.client_secret.get_secret_value()),
            api_url=slack.api_url,
            callbacks=settings.tenant.callbacks,
            timeout=settings.timing.request_timeout.total_seconds(),
        )
        self._listed = None if slack.install == "any" else {each.team for each in settings.workspaces}
        self.installs = Installing(home.memory, vendor, self._listed, own_team, settings.web.public_url, home.now)

    # Who is here

    def place(self, team: str) -> Workspace | None:
        lodging = self._lodgings.get(team)
        return lodging.serving.place if lodging and lodging.serving else None

    def site(self, team: str) -> Any:
        lodging = self._lodgings.get(team)
        return lodging.site if lodging else None

    def known(self, team: str) -> bool:
        return team in self._lodgings or any(task.get_name() == team for task in self._leaving)

    def in_service(self) -> dict[str, bool]:
        return {team: lodging.serving is not None for team, lodging in self._lodgings.items()}

    async def numbers(self) -> dict[str, Numbers | None]:
        """For /metrics; those whose database does not answer hold up nobody."""
        lodgings = dict(self._lodgings)
        return dict(zip(lodgings, await asyncio.gather(*map(_numbers, lodgings.values())), strict=True))

    # Coming and going

    async def start(self) -> None:
        with contextlib.suppress(RedkeyError):
            await self._look()
        self._looking = asyncio.create_task(self._keep_looking(), name="workspaces")

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        for lodging in self._lodgings.values():
            lodging.over.set()
        living = [each.task for each in self._lodgings.values() if each.task is not None]
        await asyncio.gather(*living, *self._leaving, return_exceptions=True)

    async def gone(self, told: Neighbour) -> None:
        """Slack took the app out of this workspace: its token is forgotten, its database stays as it is."""
        try:
            async with self._home.memory.begin() as tx:
                if await tx.workspaces.rest(told.team, told.generation, self._home.now()):
                    tx.audit.note("workspace_uninstalled", who="", subject=told.team)
                    log.warning("a workspace took the app out; its database is kept", team=told.team)
        except RedkeyError as error:
            log.warning("a workspace that took the app out is noted later", team=told.team, why=str(error))
        self._look_now.set()

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), LOOK_EVERY)
            self._look_now.clear()
            try:
                await self._look()
            except RedkeyError as error:
                log.info("workspaces are looked for later", why=str(error))

    async def _look(self) -> None:
        """What the rows say, here: whoever was installed comes, whoever rests goes, who was installed anew does both."""
        async with self._home.memory.read() as tx:
            found = [each for each in await tx.workspaces.all() if each.rested_at is None]
        awake = {each.team: each for each in found if self._listed is None or each.team in self._listed}
        for team, lodging in list(self._lodgings.items()):
            if awake.get(team) != lodging.told:
                self._close(team)
        for team, told in awake.items():
            if not self.known(team):  # one that is leaving lets go of its database first
                self._open(told)

    def _open(self, told: Neighbour) -> None:
        lodging = self._lodgings[told.team] = _Lodging(told)
        lodging.task = asyncio.create_task(self._live(lodging), name=told.team)

    def _close(self, team: str) -> None:
        lodging = self._lodgings.pop(team)
        lodging.over.set()
        if lodging.task is not None:
            self._leaving.add(lodging.task)
            lodging.task.add_done_callback(self._leaving.discard)

    async def _live(self, lodging: _Lodging) -> None:
        """In service until it is over. Whatever stops it from starting is this workspace's own trouble."""
        pause, said = AGAIN_AFTER, ""
        while not lodging.over.is_set():
            why = await self._until_over(lodging)
            if why not in ("", said):
                log.error("a workspace is not in service", team=lodging.told.team, why=why)
            said = why
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lodging.over.wait(), pause)
            pause = min(2 * pause, AGAIN_MOST)

    async def _until_over(self, lodging: _Lodging) -> str:
        """Why it could not be in service, or not any longer; empty when its time is over."""
        try:
            async with self._in_service(lodging):
                await lodging.over.wait()
        except EXPECTED as error:
            return str(error)
        except Exception as error:  # noqa: BLE001
            return f"{type(error).__name__}: {error}"
        return ""

    @asynccontextmanager
    async def _in_service(self, lodging: _Lodging) -> AsyncIterator[None]:
        home, told = self._home, lodging.told
        async with contextlib.AsyncExitStack() as stack:
            async with self._starting:
                settings = await settings_for(home, told)
                app = await stack.enter_async_context(App.open(settings, home.role, home.now))
                serving = self._serve(app, self, told)
                stack.push_async_callback(serving.sign_off)
                stack.push_async_callback(serving.leave)
                await serving.enter()
                serving.begin()
            lodging.site, lodging.serving = serving.website(), serving
            log.info("a workspace is in service", team=told.team, name=told.name)
            try:
                yield
            finally:
                lodging.site = lodging.serving = None
