"""Our place in one Slack workspace, in one object: words, voice, and the listeners over sockets or HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from bot.people.people import Desk
from bot.words.errors import SetupError, TryLater
from bot.words.interfaces import Clock
from handlers.slack.app import build_app
from handlers.slack.line.bot_client import BotClient, BotKey
from handlers.slack.line.names import Names
from handlers.slack.line.presence import SlackPresence
from handlers.slack.line.request_url import HttpAnswer, RequestUrl
from handlers.slack.line.runner import Runner
from handlers.slack.line.socket_mode import SocketMode
from handlers.slack.line.tenants import Others, again, to_others
from handlers.slack.line.tokens import NETWORK, check_bot_token
from handlers.slack.line.voice import SlackVoice
from handlers.slack.listeners.following import Following
from handlers.slack.looks.announcer import SlackAnnouncer
from handlers.slack.looks.messages import SlackComposer
from handlers.words import Words

log = structlog.get_logger()

ASK_EVERY = 60.0  # seconds between looks at the bot token


class Workspace:
    """`composer` and `voice` are ready at once. `serve` builds the listeners, `start` begins to listen.

    `others`: the workspaces beside ours, to whom what Slack sends for them is given; in the mode `given`, that is where we
    get it from. `on_gone`: Slack said that we were taken out of the workspace, and refuses our token.
    """

    def __init__(
        self,
        *,
        bot_token: BotKey,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "https://slack.com/api/",
        mode: Literal["socket", "http", "given"] = "socket",
        others: Others | None = None,
        on_gone: Callable[[], Awaitable[None]] | None = None,
        language: str = "en",
        broadcast_caught_up: bool = False,
        timeout: float = 30,
        now: Clock,
    ) -> None:
        self._client = BotClient(bot_token, base_url=api_url, timeout=int(timeout) or 1)
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._mode = mode
        self._language = language
        self._now = now
        self._others = others
        self._on_gone = on_gone
        self._team = ""
        self._app: AsyncApp | None = None
        self._runner: Runner | None = None
        self._names = Names(self._client)
        self.presence = SlackPresence(self._client)
        self._socket: SocketMode | None = None
        self._request_url: RequestUrl | None = None
        self._heard_of = False
        self._refused = ""
        self._look_now = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.following = Following()
        self.composer = SlackComposer(language, broadcast_caught_up=broadcast_caught_up, name_of=self._names.of)
        self.announcer = SlackAnnouncer(language)
        self.voice = SlackVoice(bot_token, api_url, timeout=timeout)

    def serve(self, desk: Desk) -> None:
        """Let people reach this desk."""
        http = self._mode == "http"
        app = build_app(
            desk,
            Words(self._language),
            client=self._client,
            names=self._names,
            presence=self.presence,
            now=self._now,
            following=self.following,
            on_tokens=self._look_now.set,
            signing_secret=self._signing_secret if http else "",
            to_others=to_others(self._others, self._own_team) if self._others else None,
        )
        if http:
            self._request_url = RequestUrl(app, self._signing_secret, self._now)
        elif self._mode == "given":
            self._app, self._runner = app, Runner(app)
        else:
            self._socket = SocketMode(app, self._app_token)

    async def start(self, *, socket: bool = True) -> None:
        """Raises SetupError, one line, for a token that Slack refuses for good; Slack being down is no reason.

        `socket`: whether it is our turn to have one; of many replicas, only some do.
        """
        self._heard_of = await check_bot_token(self._client)
        if self._socket is not None and socket:
            await self._socket.start()
        self._watching = asyncio.create_task(self._watch(), name="slack token")

    async def team(self) -> str:
        """Which workspace we are in. Raises TryLater."""
        try:
            return str((await self._client.auth_test())["team_id"])
        except (SlackApiError, *NETWORK) as error:
            raise TryLater(f"Slack did not say which workspace the bot is in ({type(error).__name__})") from None

    async def _own_team(self) -> str:
        self._team = self._team or await self.team()
        return self._team

    async def take(self, request: AsyncBoltRequest) -> BoltResponse:
        """What Slack sent to another workspace's listeners, and is ours."""
        return await self._app.async_dispatch(again(request)) if self._app is not None else BoltResponse(status=503)

    async def stop(self, within: float = 5.0) -> None:
        """Running listeners finish first."""
        self._heard_of = False
        if self._watching is not None:
            self._watching.cancel()
        await self.following.stop()
        if self._socket is not None:
            await self._socket.stop(within)
        if self._request_url is not None:
            await self._request_url.stop(within)
        if self._runner is not None:
            await self._runner.finished(within)

    async def take_turn(self, *, socket: bool) -> None:
        """Open a socket, or leave it to others; nothing changes where it is so already."""
        if self._socket is None or self._socket.wanted == socket:
            return
        log.info("our turn to have a socket to Slack" if socket else "others have sockets to Slack")
        if not socket:
            await self._socket.stop()
            return
        try:
            await self._socket.start()
        except SetupError as error:
            log.error("Slack refuses our sockets", why=str(error))

    async def _watch(self) -> None:
        """Look at the bot token now and then, and at once when Slack hints that it is dead."""
        hinted = False
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), ASK_EVERY)
            hinted = hinted or self._look_now.is_set()
            self._look_now.clear()
            try:
                self._heard_of = await check_bot_token(self._client)
                if self._heard_of:
                    self._refused, self.voice.refused, hinted = "", "", False
            except SetupError as error:
                self._refused = str(error)
                log.error("Slack refuses us", why=self._refused)
                if hinted and self._on_gone is not None:
                    await self._on_gone()

    @property
    def state(self) -> str:
        """For /readyz: "ok", "connecting" or "refused"."""
        if self._refused or self.voice.refused or (self._socket and self._socket.refused):
            return "refused"
        if self._socket is not None and self._socket.wanted:
            return "ok" if self._socket.connected else "connecting"
        return "ok" if self._heard_of else "connecting"

    async def events(self, method: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """POST /slack/events. 404 in socket mode."""
        if self._request_url is None:
            return HttpAnswer(404)
        return await self._request_url.handle(method, headers, body)
