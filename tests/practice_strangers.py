"""Strangers at the door: raw requests of every broken kind, sent over kept connections, and what came back. For the tests."""

import asyncio
import hashlib
import random
import string
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

SAFE = ("content-security-policy", "referrer-policy", "x-content-type-options", "cache-control")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    took: float
    worked: float  # seconds of this process' own work in between: what other programs do does not count


@dataclass
class Score:
    """What a crowd of strangers was told."""

    statuses: Counter = field(default_factory=Counter)
    times: "array[float]" = field(default_factory=lambda: array("d"))
    work: "array[float]" = field(default_factory=lambda: array("d"))
    unsafe: list[bytes] = field(default_factory=list)
    odd: list[tuple[int, bytes]] = field(default_factory=list)

    def note(self, sent: bytes, reply: Reply) -> None:
        self.statuses[reply.status] += 1
        self.times.append(reply.took)
        self.work.append(reply.worked)
        if not set(SAFE) <= reply.headers.keys() and len(self.unsafe) < 20:
            self.unsafe.append(sent[:300])
        if not 400 <= reply.status < 500 and len(self.odd) < 20:
            self.odd.append((reply.status, sent[:400]))


def p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


class Line:
    """One kept connection, opened again whenever the other side closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes, *, head: bool = False) -> Reply:
        for _ in range(3):
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            began = time.perf_counter(), time.process_time()
            try:
                self._writer.write(request)
                return await self._read(began, head=head)
            except (ConnectionError, asyncio.IncompleteReadError):  # closed between two requests
                self.close()
        raise AssertionError(f"no answer to {request[:300]!r}")

    async def _read(self, began: tuple[float, float], *, head: bool) -> Reply:
        top = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        first, *lines = top.rstrip().split("\r\n")
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body = b"" if head else await self._reader.readexactly(int(headers.get("content-length", 0)))
        took, worked = time.perf_counter() - began[0], time.process_time() - began[1]
        if headers.get("connection") == "close":
            self.close()
        return Reply(int(first.split()[1]), headers, body, took, worked)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def send_all(port: int, requests: Iterator[bytes], lines: int = 4) -> Score:
    score = Score()

    async def work() -> None:
        line = Line(port)
        for request in requests:
            score.note(request, await line.ask(request, head=request.startswith(b"HEAD")))
        line.close()

    await asyncio.gather(*(work() for _ in range(lines)))
    return score


def raw(method: str, target: bytes, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    given = {"Host": "127.0.0.1", **(headers or {})}
    if body and not {"content-length", "transfer-encoding"} & {name.lower() for name in given}:
        given["Content-Length"] = str(len(body))
    top = "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode("utf-8", "surrogateescape")
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + top + b"\r\n" + body


class Malformed:
    """Callbacks that no platform sends, drawn from a seed. `cookie`: a real browser's, so that only the rest is wrong."""

    def __init__(self, seed: int, cookie: str = "") -> None:
        self._draw = random.Random(seed)
        self._cookie = cookie

    def callbacks(self, count: int) -> Iterator[bytes]:
        kinds: list[Callable[[], bytes]] = [
            self._wrong_state,
            self._twice,
            self._bytes,
            self._long,
            self._many,
            self._method,
            self._platform,
            self._cookies,
            self._no_http,
            self._header,
            self._error,
            self._made_up,
        ]
        for _ in range(count):
            yield self._draw.choice(kinds)()

    def made_up(self, count: int) -> Iterator[bytes]:
        return (self._made_up() for _ in range(count))

    def _text(self, most: int = 40) -> str:
        alphabet = string.printable + "éß漢🔑\u202e\u0000'\"<>%;--"
        return "".join(self._draw.choices(alphabet, k=self._draw.randint(0, most)))

    def _get(self, query: str | bytes, headers: dict[str, str] | None = None, platform: str = "google_ads") -> bytes:
        query = query.encode() if isinstance(query, str) else query
        cookie = {"Cookie": self._cookie} if self._cookie and self._draw.random() < 0.5 else {}
        return raw("GET", f"/oauth/callback/{platform}?".encode() + query, {**cookie, **(headers or {})})

    def _state(self) -> str:
        return "".join(self._draw.choices(string.ascii_letters + string.digits + "-_", k=43))

    def _wrong_state(self) -> bytes:
        return self._get(f"code={quote(self._text())}&state={self._draw.choice([self._state(), quote(self._text())])}")

    def _twice(self) -> bytes:
        name = self._draw.choice(["code", "state", "iss", "error"])
        return self._get(f"code=a&state={self._state()}&{name}=b&{name}=c")

    def _bytes(self) -> bytes:
        safe = bytes(b for b in self._draw.randbytes(60) if b > 32 and b not in b"#\x7f")
        return self._get(safe)

    def _long(self) -> bytes:
        size = self._draw.choice([4097, 9000, 40_000, 70_000])
        return self._get(f"state={self._state()}&code={'x' * size}")

    def _many(self) -> bytes:
        return self._get("&".join(f"p{n}={n}" for n in range(self._draw.randint(31, 300))))

    def _method(self) -> bytes:
        method = self._draw.choice(["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "FOO"])
        return raw(method, f"/oauth/callback/google_ads?code=a&state={self._state()}".encode())

    def _platform(self) -> bytes:
        return self._get("code=a&state=b", platform=quote(self._text(30) or "x"))

    def _cookies(self) -> bytes:
        value = self._text(200).replace("\r", "").replace("\n", "").replace("\x00", "").replace("\x0b", "")
        planted = self._draw.choice([f"redkey_state={value}", "redkey_state=" + "a:b." * 500, ";;;=", "redkey_state"])
        return self._get(f"code=a&state={self._state()}", {"Cookie": planted.replace("\x0c", "")})

    def _no_http(self) -> bytes:
        return self._draw.choice(
            [
                b"GET /oauth/callback/google_ads?state=\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                b"GET http://evil.example/ HTTP/1.1\r\n\r\n",
                b"GET /oauth/callback/google_ads HTTP/9.9\r\nHost: a\r\n\r\n",
                b"GET /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                b"GET /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                b"GET /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                b"GET /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\n bad folding\r\n\r\n",
                b"POST /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                b"GET /oauth/callback/google_ads HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
            ]
        )

    def _header(self) -> bytes:
        name, value = self._draw.choice(
            [
                ("X-Forwarded-Host", "evil.example"),
                ("Upgrade", "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13"),
                ("Content-Length", "0"),
                ("Accept-Encoding", "gzip;q=" + "9" * 400),
                ("Range", "bytes=0-,0-,0-"),
                ("Expect", "100-continue"),
            ]
        )
        return self._get(f"code=a&state={self._state()}", {name: value})

    def _error(self) -> bytes:
        return self._get(
            f"error={quote(self._text())}&error_description={quote(self._text(200))}&state={self._state()}"
        )

    def _made_up(self) -> bytes:
        """Right in form throughout: a state, and a browser's cookie that fits it. Only that nobody began it."""
        state = self._state()
        cookie = f"redkey_state={hashlib.sha256(state.encode()).hexdigest()[:16]}:{self._state()}"
        return self._get(f"code=a&state={state}", {"Cookie": cookie})
