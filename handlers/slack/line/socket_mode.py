"""Socket Mode: one socket from us to Slack, kept open. https://docs.slack.dev/apis/events-api/using-socket-mode"""

import asyncio
import contextlib
import json

import structlog
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient

from bot.words.connection import Json
from bot.words.errors import SetupError
from handlers.slack.line.runner import Runner
from handlers.slack.line.slack_answers import code_of, rate_limited, retry_after
from handlers.slack.line.tokens import NO_SOCKETS, check_app_token

log = structlog.get_logger()

LOOK_EVERY = 1.0  # seconds
ASK_AFTER = 30.0  # seconds without a socket before the token is looked at again
MOST_SOCKETS = 8  # of Slack's 10 for one app: a rolling restart needs room
TURNED_AWAY = 10.0  # seconds until the next try where Slack has no socket for us
GOODBYE = 1000  # characters at most; what people do is longer
SWITCHED_OFF = "Socket Mode was switched off for this Slack app; switch it on at api.slack.com/apps, Socket Mode"


class SocketMode:
    def __init__(self, app: AsyncApp, app_token: str, *, ping_interval: float = 5) -> None:
        self._app = app
        self._app_token = app_token
        self._ping_interval = ping_interval
        self._runner = Runner(app)
        self._handler: AsyncSocketModeHandler | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._greeted: ClientWebSocketResponse | None = None  # the socket that Slack has said hello on
        self._not_before = 0.0
        self._slowed_until = 0.0  # what Slack named with HTTP 429
        self.refused = ""  # why Slack takes our app token no more; empty while it does

    @property
    def wanted(self) -> bool:
        """Whether it is our turn to have a socket."""
        return self._handler is not None

    @property
    def connected(self) -> bool:
        if self._handler is None:
            return False
        client = self._handler.client
        session = client.current_session
        greeted = session is not None and session is self._greeted and not session.closed
        return greeted and not client.closed and not client.stale

    async def start(self) -> None:
        """Begin, and return without waiting for the socket: Slack may be down. Raises SetupError for a refused token."""
        await check_app_token(self._app.client, self._app_token)
        self._handler = AsyncSocketModeHandler(self._app, self._app_token, ping_interval=self._ping_interval)
        self._handler.client.message_listeners.append(self._on_message)
        self._handler.client.on_message_listeners.append(self._on_text)
        self._ask_in_time(self._handler.client)
        self._tasks = [
            asyncio.create_task(_connect(self._handler), name="slack socket"),
            asyncio.create_task(self._watch(self._handler), name="slack socket watch"),
        ]

    async def stop(self, within: float = 5.0) -> None:
        """Let running listeners finish, then close."""
        if not await self._runner.finished(within):
            log.warning("a Slack listener was still running at the stop")
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
        self._handler, self._tasks = None, []

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """The SDK tries the same one-use address again and again after a failure; without one it asks for a new one."""
        down = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.connected:
                down, self.refused = 0.0, ""
                continue
            handler.client.wss_uri = None
            down += LOOK_EVERY
            if down % ASK_AFTER < LOOK_EVERY:
                await self._ask_again()

    async def _ask_again(self) -> None:
        if asyncio.get_running_loop().time() < self._slowed_until:
            return
        try:
            await check_app_token(self._app.client, self._app_token)
        except SetupError as error:
            self.refused = str(error)
            log.error("Slack refuses our sockets", why=self.refused)

    async def _on_message(self, client: AsyncBaseSocketModeClient, message: Json, _raw: str | None) -> None:
        """Slack delivers each click to any one socket of the app: too many of them, and ghosts, swallow clicks."""
        if message.get("type") != "hello":
            return
        assert isinstance(client, SocketModeClient)
        self._greeted = client.current_session
        if int(message.get("num_connections") or 0) > MOST_SOCKETS:
            log.warning("this Slack app has very many sockets open", sockets=message["num_connections"])

    async def _on_text(self, told: WSMessage) -> None:
        """Why Slack ends a socket is told to no other listener: the SDK opens a new one instead, whatever the reason."""
        if told.type is not WSMsgType.TEXT or len(told.data) > GOODBYE or '"disconnect"' not in told.data:
            return
        with contextlib.suppress(ValueError, AttributeError):
            message = json.loads(told.data)
            if message.get("type") == "disconnect":
                self._ended(message.get("reason"))

    def _ended(self, reason: object) -> None:
        self._greeted, now = None, asyncio.get_running_loop().time()
        if reason == "link_disabled":
            self.refused, self._not_before = SWITCHED_OFF, now + ASK_AFTER
            log.error("Slack refuses our sockets", why=SWITCHED_OFF)
        elif reason == "too_many_websockets":
            self._not_before = now + TURNED_AWAY
            log.warning("Slack has no socket for us: this app has too many open")

    def _ask_in_time(self, client: SocketModeClient) -> None:
        """The SDK asks for the next address at once, and again and again where Slack has a reason not to give us one."""

        async def asked() -> str:
            now = asyncio.get_running_loop().time
            await asyncio.sleep(max(self._not_before - now(), 0))
            if client.closed:
                raise asyncio.CancelledError
            try:
                return str((await client.web_client.apps_connections_open(app_token=self._app_token))["url"])
            except SlackApiError as error:
                self._wait_after(error, now())
                raise

        client.issue_new_wss_url = asked  # type: ignore[method-assign]

    def _wait_after(self, error: SlackApiError, now: float) -> None:
        if code_of(error) in NO_SOCKETS:
            self._not_before = now + ASK_AFTER
        elif rate_limited(error):
            wait = retry_after(error)
            self._not_before = self._slowed_until = now + (wait.total_seconds() if wait else ASK_AFTER)


async def _connect(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]
