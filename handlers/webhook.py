"""Webhooks: what happened, as JSON to an address of the operator's choice.

Signed as Standard Webhooks does it, https://www.standardwebhooks.com, so that receivers find a ready library.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.words.addresses import is_public, public_address
from bot.words.connection import Json
from bot.words.errors import Refused, TryLater

PREFIX = "whsec_"  # a secret written like this is base64; any other is taken as it stands


class Webhook:
    """One receiver. `secrets`: each signs, so that one can be changed for another while both are known.

    `public`: it must be reached at a public address. Whoever may only write settings must not reach into our network by them.
    """

    def __init__(self, url: str, secrets: Sequence[str] = (), *, timeout: float = 30, public: bool = False) -> None:
        self._url = url
        self._secrets = [_key(secret) for secret in secrets if secret]
        self._timeout = aiohttp.ClientTimeout(total=min(timeout, 30))
        self._public = public

    async def send(self, key: str, now: datetime, body: Json) -> None:
        """Give it away. Raises Refused where nobody wants it any more, and TryLater for any other answer but 2xx: whoever runs
        the receiver may mend it meanwhile. `now` is when it is sent, not when it happened: receivers refuse old ones.
        """
        content = json.dumps(body, ensure_ascii=False).encode()
        headers = {"content-type": "application/json; charset=utf-8", **self._signed(key, now, content)}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, connector=self._connector()) as session,
                session.post(self._url, data=content, headers=headers, allow_redirects=False) as answer,
            ):
                status, after = answer.status, _after(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryLater(f"it cannot be reached ({type(error).__name__})") from None
        if status == 410:
            raise Refused("it answered HTTP 410: nothing more is wanted there", code="gone")
        if status >= 300:
            raise TryLater(f"it answered HTTP {status}", after=after)

    def _connector(self) -> aiohttp.TCPConnector:
        if not self._public:
            return aiohttp.TCPConnector()
        host = urlsplit(self._url).hostname or ""
        if _is_address(host) and not is_public(host):  # these are connected to without asking a resolver
            raise TryLater("it leads into a private network; allow that with private = true")
        return aiohttp.TCPConnector(resolver=_PublicOnly(), use_dns_cache=False)

    def _signed(self, key: str, now: datetime, content: bytes) -> dict[str, str]:
        stamp = str(int(now.timestamp()))
        named = {"webhook-id": key, "webhook-timestamp": stamp}
        if not self._secrets:
            return named
        signed = f"{key}.{stamp}.".encode() + content
        seals = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in self._secrets]
        return {**named, "webhook-signature": " ".join("v1," + base64.b64encode(seal).decode() for seal in seals)}


class _PublicOnly(AbstractResolver):
    """Looks a name up once and gives the address it has looked at, so that a second answer cannot differ."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = await public_address(host, port)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        flags: Any = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)]

    async def close(self) -> None:
        """There is nothing to close."""


def new_secret() -> str:
    """As Standard Webhooks writes them: 24 to 64 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


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
