"""HTTP mode: interactions, commands and events as signed POSTs to the app's request URL.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx2

from sandbox.slack.model import Ack, Json
from sandbox.slack.state import WorkspaceState

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sent:
    """One POST to the app and what became of it."""

    ack: Ack
    wants_no_retry: bool = False
    retry_reason: str = ""


def signed_headers(secret: str, body: bytes, at: int) -> dict[str, str]:
    base = b"v0:" + str(at).encode() + b":" + body
    signature = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(at), "x-slack-signature": f"v0={signature}"}


def encoded(kind: str, payload: Json) -> tuple[bytes, str]:
    """Events travel as JSON, commands as a form, interactions as a form with one JSON field."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    if kind == "slash_commands":
        return urlencode(payload).encode(), FORM
    return urlencode({"payload": json.dumps(payload)}).encode(), FORM


class RequestUrl:
    def __init__(self, state: WorkspaceState) -> None:
        self.state = state
        self.url: str | None = None

    async def send(self, kind: str, payload: Json, within: float, attempt: int = 0, reason: str = "") -> Sent:
        """POST it; acknowledged means any 2xx `within` seconds. Redirects are not followed."""
        body, content_type = encoded(kind, payload)
        headers = {"content-type": content_type, "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed_headers(self.state.signing_secret, body, int(time.time()))
        if attempt:
            headers |= {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
        begun = time.monotonic()
        try:
            async with httpx2.AsyncClient(timeout=within, trust_env=False) as client:
                answer = await client.post(self.url or "", content=body, headers=headers)
        except httpx2.TimeoutException:
            return Sent(
                Ack(acked=False, seconds=time.monotonic() - begun, reason="operation_timeout"), False, "http_timeout"
            )
        except httpx2.TransportError:
            return Sent(
                Ack(acked=False, seconds=time.monotonic() - begun, reason="dispatch_failed"), False, "connection_failed"
            )
        seconds = time.monotonic() - begun
        if not answer.is_success:
            ack = Ack(acked=False, seconds=seconds, reason=f"http_{answer.status_code}")
            return Sent(ack, answer.headers.get("x-slack-no-retry") == "1", "http_error")
        return Sent(Ack(acked=True, seconds=seconds, payload=_said(answer)))

    async def verify(self) -> bool:
        """The handshake when a request URL is entered: https://docs.slack.dev/reference/events/url_verification"""
        challenge = hashlib.sha256(str(time.time_ns()).encode()).hexdigest()[:40]
        payload = {"type": "url_verification", "token": "sandbox", "challenge": challenge}
        sent = await self.send("events_api", payload, 3.0)
        said = sent.ack.payload or {}
        return sent.ack.acked and challenge in {said.get("challenge"), said.get("text")}


def _said(answer: httpx2.Response) -> Json | None:
    if not answer.content.strip():
        return None
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        return body if isinstance(body, dict) else None
    return {"text": answer.text}
