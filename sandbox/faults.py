"""Faults on demand: what networks and platforms do on bad days, put in front of any part of the practice world."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.dropping import drop_connection
from sandbox.ledger import Ledger

HTML = "<!doctype html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
HUGE = 50 * 1024 * 1024
CHUNK = 64 * 1024


class Kind(StrEnum):
    STATUS = "status"  # answers `status` with `body` (JSON unless `content_type` says otherwise)
    HTML = "html"  # an HTML page where JSON belongs; `status` 200 unless given
    GARBAGE = "garbage"  # 200 with `body`, or with bytes that are not JSON
    EMPTY = "empty"  # 200 and nothing
    HANG = "hang"  # accepts and never answers, until `faults.release()`
    RESET = "reset"  # breaks the connection before anything was done
    DROP = "drop"  # does the work, then breaks the connection: the answer is lost
    CUT = "cut"  # does the work, sends half of the answer, then breaks the connection
    REDIRECT = "redirect"  # 307 (or `status`) to `location`
    HUGE = "huge"  # 200 with 50 MB
    TRICKLE = "trickle"  # an answer of one space a `seconds`, without end, until `faults.release()`
    SLOW = "slow"  # waits `seconds`, then works and answers
    LATE = "late"  # works, then waits `seconds` before it answers


ANSWERS_200 = {Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.HUGE, Kind.TRICKLE}


@dataclass
class Fault:
    """One fault: `match` is a part of the path ("token", "" for all), `times` how often it strikes (None: always).

    `chance` below 1 makes it strike now and then (from a seed, so every run is the same); `skip` lets the first
    so many matching requests pass.
    """

    match: str = ""
    kind: Kind = Kind.STATUS
    times: int | None = 1
    status: int | None = None
    body: bytes | str | None = None
    content_type: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    location: str = "http://127.0.0.1:9/elsewhere"
    seconds: float = 1.0
    method: str | None = None
    chance: float = 1.0
    skip: int = 0
    struck: int = 0

    @property
    def answer_status(self) -> int:
        if self.status is not None:
            return self.status
        if self.kind is Kind.REDIRECT:
            return 307
        return 200 if self.kind in ANSWERS_200 else 503


class Faults:
    """The faults in force for one part of the world; `wrap` puts them in front of its app."""

    def __init__(self, ledger: Ledger, *, seed: int = 1) -> None:
        self.active: list[Fault] = []
        self._ledger = ledger
        self._dice = random.Random(seed)
        self._released = asyncio.Event()

    def add(self, fault: Fault) -> Fault:
        self.active.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        if fault in self.active:
            self.active.remove(fault)

    def clear(self) -> None:
        """No more faults; requests that hang are let go (their connections break)."""
        self.active.clear()
        self.release()

    def release(self) -> None:
        self._released.set()
        self._released = asyncio.Event()

    def strike(self, path: str, method: str) -> Fault | None:
        """The fault that this request meets, if any; counts it."""
        for fault in self.active:
            if fault.match not in path or fault.method not in {None, method}:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.chance < 1.0 and self._dice.random() >= fault.chance:
                continue
            fault.struck += 1
            if fault.times is not None and fault.struck >= fault.times:
                self.active.remove(fault)
            self._ledger.record("fault", kind=fault.kind.value, match=fault.match, path=path, method=method)
            return fault
        return None

    def wrap(self, app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self.strike(scope["path"], scope["method"]) if scope["type"] == "http" else None
            if fault is None:
                await app(scope, receive, send)
            else:
                await self._meet(fault, app, scope, receive, send)

        return guarded

    async def _meet(self, fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case Kind.HANG | Kind.RESET:
                if fault.kind is Kind.HANG:
                    await self._until_released(receive)
                await drop_connection(scope, receive)
            case Kind.DROP | Kind.CUT | Kind.LATE:
                await self._spoil(fault, app, scope, receive, send)
            case Kind.SLOW:
                await self._dawdle(fault)
                await app(scope, receive, send)
            case Kind.HUGE:
                await _send_huge(fault, send)
            case Kind.TRICKLE:
                await self._trickle(fault, scope, receive, send)
            case _:
                # The body is read first: a client that is still sending must see the answer, not a broken pipe.
                await Request(scope, receive).body()
                await _plain_answer(fault)(scope, receive, send)

    async def _spoil(self, fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app do its work, and lose or delay what it answers."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await app(scope, receive, keep)
        if fault.kind is Kind.LATE:
            await self._dawdle(fault)
            for message in kept:
                await send(message)
            return
        if fault.kind is Kind.CUT:
            body = b"".join(message.get("body", b"") for message in kept)
            await send(kept[0])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await asyncio.sleep(0.02)  # the bytes leave before the connection breaks
        await drop_connection(scope, receive)

    async def _trickle(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        released = self._released
        await send(_start(fault, []))
        while not released.is_set():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            try:
                await asyncio.wait_for(released.wait(), fault.seconds)
            except TimeoutError:
                continue
        await drop_connection(scope, receive)

    async def _dawdle(self, fault: Fault) -> None:
        """So many seconds, or until someone calls `release`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), fault.seconds)

    async def _until_released(self, receive: Receive) -> None:
        """Until someone calls `release`, or the client gives up."""
        released = asyncio.ensure_future(self._released.wait())
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({released, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            gone.cancel()
            await asyncio.gather(released, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(fault: Fault, extra: list[tuple[bytes, bytes]]) -> Message:
    headers = [(b"content-type", fault.content_type.encode()), *extra]
    return {"type": "http.response.start", "status": fault.answer_status, "headers": headers}


async def _send_huge(fault: Fault, send: Send) -> None:
    await send(_start(fault, [(b"content-length", str(HUGE).encode())]))
    for _ in range(HUGE // CHUNK):
        await send({"type": "http.response.body", "body": b" " * CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _plain_answer(fault: Fault) -> Response:
    contents: dict[Kind, Callable[[], tuple[bytes | str, str]]] = {
        Kind.HTML: lambda: (HTML if fault.body is None else fault.body, "text/html; charset=utf-8"),
        Kind.GARBAGE: lambda: (b'{"access_tok\xff\xfe' if fault.body is None else fault.body, fault.content_type),
        Kind.EMPTY: lambda: (b"", fault.content_type),
        Kind.REDIRECT: lambda: (b"", "text/html; charset=utf-8"),
        Kind.STATUS: lambda: ('{"error":"unavailable"}' if fault.body is None else fault.body, fault.content_type),
    }
    body, content_type = contents[fault.kind]()
    headers = {**fault.headers, "content-type": content_type}
    if fault.retry_after is not None:
        headers["retry-after"] = fault.retry_after
    if fault.kind is Kind.REDIRECT:
        headers["location"] = fault.location
    return Response(body, status_code=fault.answer_status, headers=headers)
