"""The fallback webhook: an alert that Slack does not take, as JSON to an address of the operator's choice.

Signed as Standard Webhooks does it, https://www.standardwebhooks.com, so that receivers find a ready library.
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta

import aiohttp

from bot.connection import Json
from bot.errors import TryLater

PREFIX = "whsec_"  # a secret written like this is base64; any other is taken as it stands


class Webhook:
    def __init__(self, url: str, secret: str = "", *, timeout: float = 30) -> None:
        self._url = url
        self._secret = _key(secret)
        self._timeout = aiohttp.ClientTimeout(total=min(timeout, 30))

    async def send(self, key: str, made_at: datetime, body: Json) -> None:
        """Give it away. Raises TryLater for any answer but 2xx: whoever runs the receiver may mend it meanwhile."""
        content = json.dumps(body, ensure_ascii=False).encode()
        headers = {"content-type": "application/json; charset=utf-8", **self._signed(key, made_at, content)}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self._url, data=content, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status >= 300:
                    raise TryLater(f"it answered HTTP {answer.status}", after=_after(answer))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryLater(f"it cannot be reached ({type(error).__name__})") from None

    def _signed(self, key: str, made_at: datetime, content: bytes) -> dict[str, str]:
        stamp = str(int(made_at.timestamp()))
        named = {"webhook-id": key, "webhook-timestamp": stamp}
        if not self._secret:
            return named
        seal = hmac.new(self._secret, f"{key}.{stamp}.".encode() + content, hashlib.sha256).digest()
        return {**named, "webhook-signature": "v1," + base64.b64encode(seal).decode()}


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _after(answer: aiohttp.ClientResponse) -> timedelta | None:
    said = answer.headers.get("retry-after", "")
    return timedelta(seconds=min(int(said), 3600)) if said.isdecimal() else None
