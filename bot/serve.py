"""`redkey run`: the bot in service, from ready to drained. Knows every part, like app.py."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from bot.alert.alert import Alert
from bot.alert.detour import Detour
from bot.announce.standstill import stands_still
from bot.app import App
from bot.desk.touchpoint_rules import CRMS
from bot.errands import errands
from bot.memory.installed import Neighbour
from bot.outages.marks import taggable
from bot.own_token import own_token
from bot.tenants import Tenants
from bot.watch.lost_keys import LostKeys
from bot.words.connection import Kind, Status
from bot.words.errors import SetupError, TryLater
from bot.work.garbage import leave_be
from bot.work.schedule import Schedule, Tick
from handlers.slack.workspace import Workspace
from handlers.traces import start_traces
from handlers.web.by_tenant import ByTenant
from handlers.web.health import Numbers, Others
from handlers.web.listening import CarefulServer
from handlers.web.signin import SignIn
from handlers.web.slack_login import SlackLogin
from handlers.web.website import Front, Parts, build_web

log = structlog.get_logger()

HAND_OVER = 0.001  # seconds until a thread that reads a large answer lets the event loop go on; Python's own is 5 ms
DRAIN = 6.0  # seconds for running work after SIGTERM; with everything else it stays under 10
DRAIN_LOGINS = 1.0  # seconds more for refreshes, whose answers may be the only copy of a token
CLOSE = 2  # seconds for open HTTP answers
SOCKETS_EVERY = timedelta(seconds=3)  # how often replicas look whose turn it is
MOST_SOCKETS = 8


class Serving:
    """One workspace in service. `role`: web answers people, worker moves data and speaks, all does both.

    Home's runs the process too, and in it, where other workspaces may add the app, one of these for each of them.
    """

    def __init__(self, app: App, tenants: Tenants | None = None, told: Neighbour | None = None) -> None:
        self._app = app
        slack, timing = app.settings.slack, app.settings.timing
        self._own = own_token(app.settings, app.memory, app.now)
        at_home = told is None
        self._tenants = Tenants(app, Serving, self._team) if at_home and slack.install != "off" else None
        self.place: Workspace = Workspace(
            bot_token=self._own or slack.bot_token.get_secret_value(),
            app_token=slack.app_token.get_secret_value(),
            signing_secret=slack.signing_secret.get_secret_value(),
            api_url=slack.api_url,
            mode=slack.mode if told is None else "given",
            others=self._tenants,
            on_gone=(lambda: tenants.gone(told)) if tenants is not None and told is not None else None,
            language=slack.language,
            timeout=timing.request_timeout.total_seconds(),
            now=app.now,
        )
        self._answers_people = app.role in ("all", "web")
        self._works = app.role in ("all", "worker")
        if self._answers_people:
            self.place.serve(app.desk)
        self._alert = Alert(
            app.memory,
            app.facts,
            self.place.composer,
            self.place.voice,
            app.pace,
            timing.progress_every,
            app.now,
            Detour(slack.channel, slack.installer),
            timing.request_timeout,
            self.place.presence,
        )
        announce = app.announcing(self.place.announcer, self.place.voice, self.place.presence)
        app.dispatcher = app.dispatcher_of(app.workers(self._alert, announce, self._own) if self._works else {})
        turns = [Tick("sockets", SOCKETS_EVERY, self._take_turns)] if self._answers_people and at_home else []
        self._schedule = Schedule(
            [
                *app.ticks(announce, works=self._works),
                *(errands(app, self.place) if self._works else []),
                *turns,
            ]
        )

    async def _team(self) -> str:
        return await self.place.team()

    async def run(self, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
        """Serve until `stop`. Raises SetupError when Slack refuses a token for good, or the port is taken."""
        stop_traces = start_traces(self._app.replica)
        sys.setswitchinterval(HAND_OVER)
        try:
            await self._run(stop, ready)
        finally:
            await stop_traces()

    async def _run(self, stop: asyncio.Event, ready: asyncio.Event | None) -> None:
        listener = self._listen()
        try:
            await self.enter()
        except SetupError:
            listener.close()
            raise
        website = self.website()
        server = CarefulServer(ByTenant(website, self._tenants) if self._tenants else website, CLOSE)
        web = asyncio.create_task(server.serve(sockets=[listener]))
        self.begin()
        if self._tenants is not None:
            await self._tenants.start()
        await server.running.wait()
        leave_be()
        log.info("ready", url=self._app.settings.web.public_url, role=self._app.role, replica=self._app.replica)
        if ready is not None:
            ready.set()
        try:
            await stop.wait()
        finally:
            await self._drain(server, web)

    async def enter(self) -> None:
        """Raises SetupError when Slack refuses the token for good."""
        await self.place.start(socket=await self._my_turn())
        if self._works:
            with contextlib.suppress(TryLater):
                await self._app.takeover.beat()
                await self._app.watch.unlock()
            await LostKeys(self._app.memory, self._app.watch).tell()

    def begin(self) -> None:
        self._app.dispatcher.start()
        self._schedule.start()

    async def _my_turn(self) -> bool:
        """Slack allows an app ten sockets: the eldest replicas have them, and a rolling restart has room."""
        app = self._app
        async with app.memory.begin() as tx:
            await app.blind.beat(tx)
            return app.replica in await tx.replicas.eldest(app.now(), ("all", "web"), MOST_SOCKETS)

    async def _take_turns(self) -> None:
        await self.place.take_turn(socket=await self._my_turn())

    async def _drain(self, server: CarefulServer, web: "asyncio.Task[None]") -> None:
        """All workspaces at once, the people last."""
        log.info("draining")
        others = [self._tenants.stop()] if self._tenants is not None else []
        await asyncio.gather(self.leave(), *others)
        server.should_exit = True
        server.stopping.set()
        await web
        await self.sign_off()
        log.info("stopped")

    async def sign_off(self) -> None:
        """Nobody need wait for our next beat."""
        with contextlib.suppress(Exception):
            async with self._app.memory.begin() as tx:
                await tx.replicas.leave(self._app.replica)

    async def leave(self) -> None:
        """New work first, then work under way. What is cut short stays due in the database."""
        self._schedule.stop()
        await self.place.stop()
        await self._app.dispatcher.stop(DRAIN)
        refreshing = [self._app.refresher.drain(DRAIN_LOGINS)]
        await asyncio.gather(*refreshing, *([self._own.drain(DRAIN_LOGINS)] if self._own else []))

    def _listen(self) -> socket.socket:
        """Every role has /healthz and /readyz; only the people's roles have the rest."""
        web = self._app.settings.web
        family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
        # Naming TCP lets asyncio switch Nagle's algorithm off; else every answer waits 40 ms for a delayed ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((web.host, web.port))
        except OSError as error:
            listener.close()
            raise SetupError(
                f"web.port: {web.host}:{web.port} cannot be listened on: {error.strerror}; "
                "end what listens there, or set another web.port or web.host"
            ) from error
        listener.listen(1024)
        return listener

    def website(self) -> ASGIApp:
        app, settings = self._app, self._app.settings
        parts = Parts(
            app.desk,
            app.door,
            app.ledger,
            app.gallery,
            health=self,
            tagging=app.tag_settings,
            guard=self._signin(),
            neighbours=self._tenants,
            slack_http=self._from_slack if settings.slack.mode == "http" and not settings.tenant.team else None,
        )
        front = Front(
            settings.web.public_url,
            settings.slack.language,
            api_keys=[key.get_secret_value() for key in settings.web.api_keys],
            metrics_token=settings.web.metrics_token.get_secret_value(),
            authorize_urls={key: gateway.platform.oauth.authorize_url for key, gateway in app.gateways.items()},
            crms=[key for key, gateway in app.gateways.items() if gateway.platform.kind is Kind.CRM] or CRMS,
            tenant=settings.tenant,
        )
        return build_web(parts, front)

    def _signin(self) -> SignIn | None:
        """Sign in with Slack, where it is asked for."""
        slack, web = self._app.settings.slack, self._app.settings.web
        if not web.require_slack_login:
            return None
        login = SlackLogin(
            api_url=slack.api_url,
            client_id=slack.client_id,
            client_secret=slack.client_secret.get_secret_value(),
            own_team=self.place.team,
            redirect_uri=f"{self._app.settings.tenant.callbacks}/signin/callback",
            timeout=self._app.settings.timing.request_timeout.total_seconds(),
        )
        return SignIn(self._app.signins, login)

    async def _from_slack(self, request: Request) -> Response:
        answer = await self.place.events(request.method, request.headers, await request.body())
        return Response(answer.body, answer.status, dict(answer.headers))

    # What /readyz and /metrics tell (handlers.web.health.Health)

    async def database(self) -> bool:
        await self._app.memory.ping()
        return not stands_still(self._app.takeover.failing_since, self._app.now())

    def slack(self) -> str:
        return "refused" if self._own is not None and self._own.refused else self.place.state

    async def blind(self) -> tuple[datetime, datetime] | None:
        return await self._app.blind.lately()

    def _taggable(self, platform: str, scopes: Sequence[str], opted_in: bool) -> bool:
        gateway = self._app.gateways.get(platform)
        return gateway is None or taggable(gateway.platform, scopes, opted_in=opted_in)

    def in_service(self) -> Mapping[str, bool]:
        return self._tenants.in_service() if self._tenants is not None else {}

    async def others(self) -> Others:
        return await self._tenants.numbers() if self._tenants is not None else {}

    async def numbers(self) -> Numbers:
        async with self._app.memory.read() as tx:
            found = await tx.connections.counted(self._taggable)
            outages, since = await tx.outages.counted()
            return Numbers(
                connections={status.value: found.get(status, 0) for status in Status},
                open_outages=outages,
                oldest_outage=(self._app.now() - since).total_seconds() if since is not None else 0,
                outbox_waiting=await tx.outbox.waiting(),
                touchpoints_waiting=await tx.touchpoints.waiting_everywhere(),
            )


async def until_told(app: App) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await Serving(app).run(stop)
