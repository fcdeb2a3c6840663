"""HTTP mode: what Slack posts to /slack/events. Checked before Bolt sees it, so that nothing a stranger sends is a 500.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs

import structlog
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.words.interfaces import Clock
from handlers.slack.line.runner import Runner

log = structlog.get_logger()

TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
WINDOW = timedelta(minutes=5)
LONGEST = 1_000_000  # bytes; Slack's payloads are far smaller
SEEN_MOST = 50_000


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class RequestUrl:
    """Web-framework-free: method, headers and the raw body in, an answer out."""

    def __init__(self, app: AsyncApp, signing_secret: str, now: Clock) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._now = now
        self._runner = Runner(app)
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._warned_at = 0.0

    async def handle(self, method: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        named = {name.lower(): value for name, value in headers.items()}
        if method != "POST":
            return HttpAnswer(405, {"allow": "POST"})
        if len(body) > LONGEST:
            return HttpAnswer(413)
        if not self._signed(named, body) or not self._first_time(named["x-slack-signature"]):
            return HttpAnswer(401)
        request = _read(named, body)
        return await self._dispatch(request) if request is not None else HttpAnswer(400)

    async def stop(self, within: float = 5.0) -> None:
        await self._runner.finished(within)

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        if not TIMESTAMP.fullmatch(timestamp) or not SIGNATURE.fullmatch(signature):
            return False
        due = hmac.digest(self._secret, b"v0:" + timestamp.encode() + b":" + body, "sha256").hex()
        return hmac.compare_digest(f"v0={due}", signature) and self._of_now(int(timestamp))

    def _of_now(self, timestamp: int) -> bool:
        """What Slack signed, but not now, is a replay; or our clock is wrong, and all of Slack's requests are refused."""
        now = self._now().timestamp()
        if abs(now - timestamp) <= WINDOW.total_seconds():
            return True
        if abs(now - self._warned_at) >= WINDOW.total_seconds():
            self._warned_at = now
            log.error(
                "a request that Slack signed is not of now: is this machine's clock right?", ahead=int(now - timestamp)
            )
        return False

    def _first_time(self, signature: str) -> bool:
        """A signature covers the time and the whole body: seen twice within the window, it is a replay."""
        now = self._now().timestamp()
        while self._seen and (len(self._seen) > SEEN_MOST or next(iter(self._seen.values())) < now):
            self._seen.popitem(last=False)
        if signature in self._seen:
            return False
        self._seen[signature] = now + 2 * WINDOW.total_seconds()
        return True

    async def _dispatch(self, request: AsyncBoltRequest) -> HttpAnswer:
        try:
            answer = await self._app.async_dispatch(request)
        except Exception as error:
            log.exception("a request from Slack failed", why=type(error).__name__)
            return HttpAnswer(200)
        return HttpAnswer(answer.status, answer.first_headers_without_set_cookie(), answer.body)


def _read(headers: Mapping[str, str], body: bytes) -> AsyncBoltRequest | None:
    """None for what is neither a JSON object, nor a form, nor a form whose `payload` is a JSON object."""
    try:
        text, kind = body.decode(), headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not text.startswith("payload="):  # which Bolt reads by itself, once is enough
            parse_qs(text, strict_parsing=True, max_num_fields=100)
        request = AsyncBoltRequest(body=text, headers={name: [value] for name, value in headers.items()})
    except (ValueError, RecursionError, AttributeError, TypeError, LookupError):
        return None  # Bolt looks into what it reads at once, whatever that is
    return request if request.body and isinstance(request.body, dict) else None
