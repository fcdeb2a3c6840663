"""Our place in one Slack workspace, in one object: words, voice, and the listeners over sockets or HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Literal

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SetupError
from bot.interfaces import Clock
from bot.people import Desk
from handlers.slack.app import build_app
from handlers.slack.messages import SlackComposer
from handlers.slack.names import Names
from handlers.slack.request_url import HttpAnswer, RequestUrl
from handlers.slack.socket_mode import SocketMode
from handlers.slack.tokens import check_bot_token
from handlers.slack.voice import SlackVoice
from handlers.words import Words

log = structlog.get_logger()

ASK_EVERY = 60.0  # seconds


class Workspace:
    """`composer` and `voice` are ready at once. `serve` builds the listeners, `start` begins to listen."""

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "https://slack.com/api/",
        mode: Literal["socket", "http"] = "socket",
        language: str = "en",
        broadcast_caught_up: bool = False,
        timeout: float = 30,
        now: Clock,
    ) -> None:
        self._client = AsyncWebClient(bot_token, base_url=api_url, timeout=int(timeout) or 1)
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._mode = mode
        self._language = language
        self._now = now
        self._names = Names(self._client)
        self._socket: SocketMode | None = None
        self._request_url: RequestUrl | None = None
        self._asked = False
        self._refused = False
        self._asking: asyncio.Task[None] | None = None
        self.composer = SlackComposer(language, broadcast_caught_up=broadcast_caught_up, name_of=self._names.of)
        self.voice = SlackVoice(bot_token, api_url, timeout=timeout)

    def serve(self, desk: Desk) -> None:
        """Let people reach this desk."""
        http = self._mode == "http"
        app = build_app(
            desk,
            Words(self._language),
            client=self._client,
            names=self._names,
            now=self._now,
            signing_secret=self._signing_secret if http else "",
        )
        if http:
            self._request_url = RequestUrl(app, self._signing_secret, self._now)
        else:
            self._socket = SocketMode(app, self._app_token)

    async def start(self) -> None:
        """Raises SetupError, one line, for a token that Slack refuses for good; Slack being down is no reason."""
        if self._socket is not None:
            await self._socket.start()
        else:
            self._asked = await check_bot_token(self._client)
            self._asking = asyncio.create_task(self._ask_again(), name="slack token")

    async def stop(self, within: float = 5.0) -> None:
        """Running listeners finish first."""
        if self._asking is not None:
            self._asking.cancel()
        if self._socket is not None:
            await self._socket.stop(within)
        if self._request_url is not None:
            await self._request_url.stop(within)

    async def _ask_again(self) -> None:
        """Without a socket that would tell, look at the token now and then."""
        while True:
            await asyncio.sleep(ASK_EVERY)
            try:
                self._asked, self._refused = await check_bot_token(self._client), False
            except SetupError as error:
                self._refused = True
                log.error("Slack refuses us", why=str(error))

    @property
    def state(self) -> str:
        """For /readyz: "ok", "connecting" or "refused"."""
        if self._socket is None:
            return "refused" if self._refused else "ok" if self._asked else "connecting"
        if self._socket.refused:
            return "refused"
        return "ok" if self._socket.connected else "connecting"

    async def events(self, method: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """POST /slack/events. 404 in socket mode."""
        if self._request_url is None:
            return HttpAnswer(404)
        return await self._request_url.handle(method, headers, body)
