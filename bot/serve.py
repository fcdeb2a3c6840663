"""`redkey run`: the bot in service, from ready to drained. Knows every part, like app.py."""

import asyncio
import contextlib
import signal
import socket
from collections import Counter
from collections.abc import Iterator

import structlog
import uvicorn
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response

from bot.alert import Alert
from bot.app import App
from bot.connection import Status
from bot.dispatch import Embedded
from bot.errors import SetupError
from bot.schedule import Schedule
from handlers.slack.app import build_app
from handlers.slack.messages import SlackComposer
from handlers.slack.names import Names
from handlers.slack.request_url import RequestUrl
from handlers.slack.socket_mode import SocketMode
from handlers.slack.tokens import check_bot_token
from handlers.slack.voice import SlackVoice
from handlers.web.health import REFUSED, Numbers
from handlers.web.website import build_web

log = structlog.get_logger()

DRAIN = 7.0  # seconds for running work after SIGTERM; with everything else it stays under 10
CLOSE = 2  # seconds for open HTTP answers


class Serving:
    """One process in service. `role`: web answers people, worker moves data and speaks, all does both."""

    def __init__(self, app: App) -> None:
        self._app = app
        slack, settings = app.settings.slack, app.settings
        self._answers_people = app.role in ("all", "web")
        self._works = app.role in ("all", "worker")
        token = slack.bot_token.get_secret_value()
        signing = slack.signing_secret.get_secret_value()
        timeout = settings.timing.request_timeout.total_seconds()
        self._client = AsyncWebClient(token, base_url=slack.api_url, retry_handlers=[], timeout=int(timeout) or 1)
        names = Names(self._client)
        composer = SlackComposer(slack.language, name_of=names.of)
        self._bolt = build_app(
            app.desk,
            composer.words,
            client=self._client,
            names=names,
            now=app.now,
            signing_secret=signing if slack.mode == "http" else "",
        )
        self._requests = RequestUrl(self._bolt, signing, app.now) if slack.mode == "http" else None
        self._sockets = SocketMode(self._bolt, slack.app_token.get_secret_value()) if slack.mode == "socket" else None
        voice = SlackVoice(token, slack.api_url, timeout=timeout)
        self._alert = Alert(app.memory, app.facts, composer, voice, app.pace, settings.timing.progress_every, app.now)
        app.dispatcher = Embedded(app.workers(self._alert) if self._works else {})
        self._schedule = Schedule(app.ticks(works=self._works))

    async def run(self, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
        """Serve until `stop`. Raises SetupError when Slack refuses a token for good, or the port is taken."""
        listener = self._listen()
        if self._answers_people:
            await self._meet_slack()
        server = _Server(self._website())
        web = asyncio.create_task(server.serve(sockets=[listener]))
        self._app.dispatcher.start()
        self._schedule.start()
        await server.running.wait()
        log.info("ready", url=self._app.settings.web.public_url, role=self._app.role, replica=self._app.replica)
        if ready is not None:
            ready.set()
        try:
            await stop.wait()
        finally:
            await self._drain(server, web)

    async def _meet_slack(self) -> None:
        if self._sockets is not None:
            await self._sockets.start()
        else:
            await check_bot_token(self._client)

    async def _drain(self, server: "_Server", web: "asyncio.Task[None]") -> None:
        """New work first, then work under way, the people last. What is cut short stays due in the database."""
        log.info("draining")
        self._schedule.stop()
        if self._sockets is not None:
            await self._sockets.stop()
        if self._requests is not None:
            await self._requests.stop()
        await self._app.dispatcher.stop(DRAIN)
        await self._app.refresher.drain()
        server.should_exit = True
        server.stopping.set()
        await web
        with contextlib.suppress(Exception):
            async with self._app.memory.begin() as tx:
                await tx.replicas.leave(self._app.replica)
        log.info("stopped")

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
            raise SetupError(f"web.port: {web.host}:{web.port} cannot be listened on: {error.strerror}") from error
        listener.listen(1024)
        return listener

    def _website(self) -> FastAPI:
        app, settings = self._app, self._app.settings
        return build_web(
            app.desk,
            app.door,
            app.ledger,
            self,
            public_url=settings.web.public_url,
            api_keys=[key.get_secret_value() for key in settings.web.api_keys],
            language=settings.slack.language,
            authorize_urls={key: gateway.platform.oauth.authorize_url for key, gateway in app.gateways.items()},
            slack_http=self._from_slack if self._requests is not None else None,
        )

    async def _from_slack(self, request: Request) -> Response:
        assert self._requests is not None
        answer = await self._requests.handle(request.method, request.headers, await request.body())
        return Response(answer.body, answer.status, dict(answer.headers))

    # What /readyz and /metrics tell (handlers.web.health.Health)

    async def database(self) -> bool:
        await self._app.memory.ping()
        return True

    def slack(self) -> str:
        if self._sockets is None:
            return "http"
        if self._sockets.refused:
            return REFUSED
        return "connected" if self._sockets.connected else "connecting"

    async def numbers(self) -> Numbers:
        async with self._app.memory.read() as tx:
            connections = await tx.connections.all()
            waiting = [await tx.touchpoints.waiting(c.id) for c in connections]
            return Numbers(
                connections={s.value: 0 for s in Status} | Counter(c.status.value for c in connections),
                open_outages=len(await tx.outages.latest(open_only=True)),
                outbox_waiting=await tx.outbox.waiting(),
                touchpoints_waiting=sum(waiting),
            )


class _Server(uvicorn.Server):
    """uvicorn in our event loop: it leaves signals to us, and says when it is up."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=CLOSE
        )
        super().__init__(config)
        self.running = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.running.set()
        await self.stopping.wait()


async def until_told(app: App) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await Serving(app).run(stop)
