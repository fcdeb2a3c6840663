"""How connections are taken in: bounded in number, in the time a request may take to arrive, and never without safe headers.

Everything here happens before there is a request that the edge could guard.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from handlers.web.security import HEADERS

MOST_CONNECTIONS = (
    1000  # a file descriptor each; below the usual limit of 1,024 with room for the database and the platforms
)
LONGEST_HEAD = 32 * 1024  # bytes of request line and headers that are waited for; what comes at one go may be 256 KiB
TAKE_TIME = 30.0  # seconds in which nothing of an answer is taken; whoever only asks does not hold a place either
HEAD_TIME = 10.0  # seconds for them to arrive; whoever sends one byte a minute holds a connection, not a place for ever
# Strangers must not fill the log: what is no HTTP is answered, and not worth a line. What breaks in us still is.
_LOG = logging.getLogger("uvicorn.error.strangers")
_LOG.setLevel(logging.ERROR)
_SAFE = [(name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()]


class CarefulProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with limits."""

    most_connections = MOST_CONNECTIONS
    head_time = HEAD_TIME
    take_time = TAKE_TIME

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _LOG
        self._head: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._answer(503, b"Too many connections. Try again in a moment.")
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        """The other side takes nothing more for now."""
        super().pause_writing()
        self._untaken = self.loop.call_later(self.take_time, self.transport.abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._taken()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP. Also said of headers that are too long."""
        self._answer(400, msg.encode("ascii", "replace"))

    def _watch(self) -> None:
        answered = self.cycle is None or self.cycle.response_complete
        if self.conn.their_state is h11.IDLE and answered and not self.transport.is_closing():
            self._head = self._head or self.loop.call_later(self.head_time, self._too_slow)
        else:
            self._unwatch()

    def _unwatch(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self._answer(408, b"The request did not arrive in time.")

    def _answer(self, status: int, words: bytes) -> None:
        headers = [
            *_SAFE,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(words)).encode()),
            (b"connection", b"close"),
        ]
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its body turned out to be no HTTP: nobody reads its answer any more
            self.cycle.message_event.set()
        if self.conn.our_state is h11.SEND_RESPONSE and self.scope["method"] == "HEAD":
            words = b""  # its head was HTTP, what came after it was not
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=words), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class CarefulServer(uvicorn.Server):
    """uvicorn in our event loop: it leaves signals to us, and says when it is up. `graceful`: seconds for open answers."""

    def __init__(self, app: ASGIApp, graceful: int) -> None:
        config = uvicorn.Config(
            app,
            http=CarefulProtocol,
            ws="none",  # there is no WebSocket here, and its refusals would pass our edge by
            h11_max_incomplete_event_size=LONGEST_HEAD,
            proxy_headers=False,  # nothing is decided by an address, so nobody needs to be believed about one
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=graceful,
        )
        super().__init__(config)
        self.running = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.running.set()
        await self.stopping.wait()
