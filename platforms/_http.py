"""HTTP as every platform needs it: one shared pool, deadlines, size caps, no redirects, errors named at the edge."""

import asyncio
import hmac
import json as jsonlib
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2

from bot.traces import span
from bot.words.addresses import PrivateAddress
from bot.words.errors import AuthorizationLost, RedkeyError, TryLater
from bot.words.interfaces import Answer, Clock, Platform
from bot.words.oauth import AccessToken, Tokens
from platforms._addresses import guard
from platforms._clock import OwnClock
from platforms._unfolding import body_of
from platforms._verdicts import not_understood, without

TOKEN_LIMIT = 1024 * 1024
API_LIMIT = 64 * 1024 * 1024
LONGEST_WAIT = timedelta(hours=1)  # a platform that says "in a year" would otherwise end the connection
# OpenSSL's numbers: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_CERTIFICATE = {
    9: "it does not count yet; is this machine's clock right?",
    10: "it has run out; if not, this machine's clock is wrong",
    18: "it vouches for itself",
    62: "it is another host's",
    64: "it is another host's",
}
_DEADLINES = 1.5  # an API answer may stream for so many time-outs in all, a token answer for one


def open_pool(own_hosts: Collection[str] = ()) -> httpx2.AsyncHTTPTransport:
    """The one connection pool; to hosts that are not `own_hosts` it goes over public addresses only.

    Idle connections go before any server drops them, or a POST could meet a dead one.
    """
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
    pool = httpx2.AsyncHTTPTransport(verify=_trusted(), limits=limits, retries=0)
    guard(pool, own_hosts)
    return pool


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we believe to be who they say: read once, as it takes longer than many a call."""
    return httpx2.create_ssl_context()


class Wire(httpx2.AsyncBaseTransport):
    """One request over the shared pool, read whole under a deadline and a size cap. Raises TryLater."""

    def __init__(self, pool: httpx2.AsyncBaseTransport, *, timeout: timedelta, deadlines: float, limit: int) -> None:
        self._pool = pool
        self._timeout = httpx2.Timeout(timeout.total_seconds()).as_dict()
        self._deadline = timeout.total_seconds() * deadlines
        self._limit = limit

    @classmethod
    def for_tokens(cls, pool: httpx2.AsyncBaseTransport, timeout: timedelta) -> "Wire":
        return cls(pool, timeout=timeout, deadlines=1, limit=TOKEN_LIMIT)

    @classmethod
    def for_api(cls, pool: httpx2.AsyncBaseTransport, timeout: timedelta) -> "Wire":
        return cls(pool, timeout=timeout, deadlines=_DEADLINES, limit=API_LIMIT)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        sent = False

        async def watch(event: str, _: Mapping[str, Any]) -> None:
            nonlocal sent
            sent = sent or "send_request_headers" in event

        request.extensions = {**request.extensions, "timeout": self._timeout, "trace": watch}
        host = request.url.host
        try:
            async with asyncio.timeout(self._deadline):
                with span("platform call", host=host, method=request.method) as step:
                    response = await self._answer(request)
                    step.set("status", response.status_code)
                    return response
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise TryLater(f"{host} did not answer in time", unclear=sent) from error
        except httpx2.HTTPError as error:
            raise TryLater(_trouble(host, error), unclear=sent) from error

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._pool.handle_async_request(request)
        try:
            body = await body_of(response, self._limit)
        finally:
            await response.aclose()
        dropped = {"content-encoding", "content-length", "transfer-encoding"}
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
        return httpx2.Response(response.status_code, headers=headers, content=body)


def _trouble(host: str, error: httpx2.HTTPError) -> str:
    """The reason, where one stands behind it that somebody could do something about."""
    behind = list(_behind(error))
    if refused := next((e for e in behind if isinstance(e, ssl.SSLCertVerificationError)), None):
        why = _CERTIFICATE.get(refused.verify_code, "nobody known vouches for it")
        return f"the certificate of {host} is not valid: {why}"
    if any(isinstance(e, PrivateAddress) for e in behind):
        return f"{host} leads into a private network; if that is meant, set its address in the platform's settings"
    if any(isinstance(e, socket.gaierror) for e in behind):
        return f"the name {host} could not be looked up"
    if isinstance(error, httpx2.ConnectError):
        return f"{host} cannot be reached"
    return f"the connection to {host} broke ({type(error).__name__})"


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def proof_of(platform: Platform, token: str) -> Mapping[str, str]:
    """The parameter that shows a call comes from us, not from a thief of the token. Empty where the platform has none.

    https://developers.facebook.com/docs/graph-api/guides/secure-requests
    """
    name, secret = platform.oauth.proof, platform.settings.client_secret.get_secret_value()
    return {name: hmac.new(secret.encode(), token.encode(), "sha256").hexdigest()} if name else {}


def answer_of(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read Retry-After, seconds or HTTP date, as a wait of at most an hour. None: none was sent, or garbage."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    return min(max(wait, timedelta()), LONGEST_WAIT)


@dataclass(frozen=True)
class _Call:
    method: str
    url: str
    params: Mapping[str, str] | None
    json: Any
    content: bytes | AsyncIterator[bytes] | None
    headers: Mapping[str, str]
    accept: Sequence[int]
    authorized: bool

    def request(self, base: str, token: str, proof: Mapping[str, str]) -> httpx2.Request:
        url = base.rstrip("/") + self.url if self.url.startswith("/") else self.url
        # Google compresses only for a User-Agent that holds "gzip":
        # https://developers.google.com/google-ads/api/docs/rest/design/compression
        headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "Redkey (gzip)"}
        content = self.content
        if self.json is not None:
            content = jsonlib.dumps(self.json, allow_nan=False, separators=(",", ":")).encode()
            headers["content-type"] = "application/json"
        headers |= self.headers
        params = self.params
        if self.authorized:
            headers["authorization"] = f"Bearer {token}"
            params = {**(self.params or {}), **proof} or self.params
        return httpx2.Request(self.method, url, params=params, headers=headers, content=content)


class AuthorizedFetch:
    """What platform code calls (bot.words.interfaces.Fetch): it sees no token, and no error that was not classified."""

    def __init__(self, platform: Platform, wire: Wire, tokens: Tokens, now: Clock, clock: OwnClock) -> None:
        self._platform = platform
        self._wire = wire
        self._tokens = tokens
        self._now = now
        self._clock = clock
        self._kept: Mapping[str, str] = {}

    @property
    def kept(self) -> Mapping[str, str]:
        return self._kept

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[int] = (),
        authorized: bool = True,
    ) -> Answer:
        call = _Call(method, url, params, json, content, headers or {}, accept, authorized)
        token = await self._tokens.current()
        answer = await self._send(call, token)
        error = self._error(call, token, answer)
        if not isinstance(error, AuthorizationLost) or not authorized:
            return _given(answer, error)
        # One refusal proves nothing: the token may have ended early. A fresh one is refused only if the login is dead.
        token = await self._tokens.renewed(token.generation)
        if content is not None and not isinstance(content, bytes):
            raise TryLater("the token was renewed while something was sent that cannot be sent twice")
        answer = await self._send(call, token)
        error = self._error(call, token, answer)
        if token.waited and isinstance(error, AuthorizationLost):
            raise TryLater("the new token has waited for the database, and is refused: it may have ended meanwhile")
        return _given(answer, error)

    async def _send(self, call: _Call, token: AccessToken) -> Answer:
        self._kept = token.kept
        base, secret = self._platform.base_url(token.kept), token.secret.reveal()
        try:
            request = call.request(base, secret, proof_of(self._platform, secret))
        except httpx2.InvalidURL:
            raise TryLater("the platform named an address that is none") from None
        answer = answer_of(await self._wire.handle_async_request(request))
        self._clock.compare(answer.headers)
        return answer

    def _error(self, call: _Call, token: AccessToken, answer: Answer) -> RedkeyError | None:
        if 200 <= answer.status < 300 or answer.status in call.accept:
            return None
        if answer.status < 400:
            return TryLater(f"the platform answered with a redirect (HTTP {answer.status})")
        error = self._platform.read_error(answer)
        if answer.status == 429 and not isinstance(error, TryLater):
            error = not_understood(answer)
        if isinstance(error, TryLater):
            wait = error.after or retry_after(answer.headers, self._now())
            error.after = min(wait, LONGEST_WAIT) if wait is not None else None
        return without(error, token.secret.reveal())


def _given(answer: Answer, error: RedkeyError | None) -> Answer:
    if error is not None:
        raise error
    return answer
