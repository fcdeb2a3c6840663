"""Socket Mode: one socket from us to Slack, kept open. https://docs.slack.dev/apis/events-api/using-socket-mode"""

import asyncio
import contextlib

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient

from bot.words.connection import Json
from bot.words.errors import SetupError
from handlers.slack.line.in_flight import InFlight
from handlers.slack.line.tokens import check_app_token

log = structlog.get_logger()

LOOK_EVERY = 1.0  # seconds
ASK_AFTER = 30.0  # seconds without a socket before the token is looked at again
MOST_SOCKETS = 8  # of Slack's 10 for one app: a rolling restart needs room


class SocketMode:
    def __init__(self, app: AsyncApp, app_token: str, *, ping_interval: float = 5) -> None:
        self._app = app
        self._app_token = app_token
        self._ping_interval = ping_interval
        self._in_flight = InFlight(app)
        self._handler: AsyncSocketModeHandler | None = None
        self._tasks: list[asyncio.Task[None]] = []
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
        return not client.closed and not client.stale and session is not None and not session.closed

    async def start(self) -> None:
        """Begin, and return without waiting for the socket: Slack may be down. Raises SetupError for a refused token."""
        await check_app_token(self._app.client, self._app_token)
        self._handler = AsyncSocketModeHandler(self._app, self._app_token, ping_interval=self._ping_interval)
        self._handler.client.message_listeners.append(self._on_message)
        self._tasks = [
            asyncio.create_task(_connect(self._handler), name="slack socket"),
            asyncio.create_task(self._watch(self._handler), name="slack socket watch"),
        ]

    async def stop(self, within: float = 5.0) -> None:
        """Let running listeners finish, then close."""
        if not await self._in_flight.finished(within):
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
        try:
            await check_app_token(self._app.client, self._app_token)
        except SetupError as error:
            self.refused = str(error)
            log.error("Slack refuses our sockets", why=self.refused)

    async def _on_message(self, _client: AsyncBaseSocketModeClient, message: Json, _raw: str | None) -> None:
        """Slack delivers each click to any one socket of the app: too many of them, and ghosts, swallow clicks."""
        if message.get("type") == "hello" and int(message.get("num_connections") or 0) > MOST_SOCKETS:
            log.warning("this Slack app has very many sockets open", sockets=message["num_connections"])
        if message.get("type") == "disconnect" and message.get("reason") == "link_disabled":
            log.error("Socket Mode was switched off for this Slack app")


async def _connect(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]
