"""The edge every request passes: safe headers on every answer, bounded bodies, no posts from other sites."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.traces import Span, span
from bot.work.courtesy import somebody_waits
from handlers.web.metrics import first_part
from handlers.web.problems import answer
from handlers.web.rendering import Pages, policy

log = structlog.get_logger()

KIB = 1024
LARGEST = {"/api/v1/touchpoints": 16 * KIB * KIB, "/slack/events": KIB * KIB}
LARGEST_ELSEWHERE = 64 * KIB
DRAINED = 64 * KIB * KIB  # bytes of a refused body still read, so that its sender gets to see the answer
DRAIN_TIME = 10.0  # seconds
BODY_TIME = 60.0  # seconds for a body to arrive whole
HEADERS = {
    "Content-Security-Policy": policy(),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A year, for this host and no other: what is under it or beside it is not ours to decide about.
STRICT = {"Strict-Transport-Security": "max-age=31536000"}
NOT_PAGES = ("/api/", "/slack/events")  # their callers are no browsers and prove themselves by a key or a signature


Answered = Callable[[str, int, float], None]
"""Hears of each answer: its path, its status, how many seconds it took to begin."""


class TooBig(Exception):
    """The body grew beyond its limit while it was read."""


class TooSlow(Exception):
    """The body did not arrive in time."""


class Edge:
    """ASGI middleware. Nothing in front of it answers, so nothing leaves without its headers."""

    def __init__(self, app: ASGIApp, pages: Pages, public_url: str, answered: Answered) -> None:
        self._app = app
        self._answered = answered
        self._pages = pages
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._headers = HEADERS | (STRICT if parts.scheme == "https" else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, path = Request(scope), scope["path"]
        with span("request", method=request.method, route=first_part(path)) as step, ExitStack() as waiting:
            if request.method == "GET" and not path.startswith(NOT_PAGES):
                waiting.enter_context(somebody_waits())
            sending = _Sending(send, path, self._headers, self._answered, step, waiting)
            await self._answer(request, receive, sending)

    async def _answer(self, request: Request, receive: Receive, sending: "_Sending") -> None:
        try:
            response = self._refusal(request)
            if response is None:
                await self._app(request.scope, _limited(receive, _limit(request)), sending)
                return
        except TooBig:
            response = answer(self._pages, request, 413)
        except TooSlow:
            response = answer(self._pages, request, 408)
        except ClientDisconnect:
            return  # whoever asked has gone before all of it was here: there is nothing to answer, and nobody
        except Exception:  # the last resort: whatever broke, the answer carries the headers and tells no insides
            log.exception("a request failed", route=first_part(request.scope["path"]), method=request.method)
            response = answer(self._pages, request, 500)
        if sending.begun:
            raise ConnectionError("an answer broke off")  # half an answer must not look like a whole one
        if response.status_code == 413:
            await _drain(receive)
        await response(request.scope, receive, sending)

    def _refusal(self, request: Request) -> Response | None:
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            # Two lengths: a proxy may have seen another end of this request than we, and what follows may be hidden in it.
            # https://www.rfc-editor.org/rfc/rfc9112#section-6.3-2.3
            refused = answer(self._pages, request, 400)
            refused.headers["Connection"] = "close"
            return refused
        declared = request.headers.get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > _limit(request):
            return answer(self._pages, request, 413)
        if request.method == "POST" and not request.scope["path"].startswith(NOT_PAGES) and not self._from_us(request):
            return answer(self._pages, request, 403, "cross_site")
        return None

    def _from_us(self, request: Request) -> bool:
        """Sec-Fetch-Site decides where a browser sends it. With our no-referrer policy, Origin is "null" even on our own
        posts (https://fetch.spec.whatwg.org/#append-a-request-origin-header), so that value says nothing.
        """
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        return request.headers.get("origin", self._origin) in {self._origin, "null"}


class _Sending:
    """Passes an answer on with its headers, and knows whether one has begun."""

    def __init__(
        self, send: Send, path: str, headers: dict[str, str], answered: Answered, step: Span, waiting: ExitStack
    ) -> None:
        self._send = send
        self._path = path
        self._headers = headers
        self._answered = answered
        self._step = step
        self._waiting = waiting
        self._since = time.perf_counter()
        self._static = path.startswith("/static/")
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._waiting.close()  # what goes on, such as the news of an outage, holds up nobody
            self._step.set("status", message["status"])
            self._answered(self._path, message["status"], time.perf_counter() - self._since)
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            kept = self._static and message["status"] in {200, 206, 304}
            headers["Cache-Control"] = "public, max-age=86400" if kept else "no-store"
        await self._send(message)


def _limit(request: Request) -> int:
    return LARGEST.get(request.scope["path"], LARGEST_ELSEWHERE)


def _limited(receive: Receive, limit: int) -> Receive:
    """Count what really comes: a chunked body declares nothing, and a declared length may be a lie."""
    read, whole = 0, False
    until = asyncio.get_running_loop().time() + BODY_TIME

    async def counted() -> Message:
        nonlocal read, whole
        if whole:
            return await receive()  # all that can come now is that the other side has gone
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        read += len(message.get("body", b""))
        if read > limit:
            raise TooBig
        whole = not message.get("more_body", False)
        return message

    return counted


async def _drain(receive: Receive) -> None:
    read = 0
    try:
        async with asyncio.timeout(DRAIN_TIME):
            while read < DRAINED:
                message = await receive()
                read += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
