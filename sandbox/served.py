"""An app on a real port for as long as it is asked for: it is there at once, and it is gone at once."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from sandbox.dropping import DroppingProtocol

STOP_WITHIN = 2


@contextlib.asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Its address on loopback; port 0 takes a free one. It ends cleanly even while requests hang."""
    with _listener(port) as listener:
        server = _Server(app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.running.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stopping.set()
            await task


def _listener(port: int) -> socket.socket:
    """A listening socket whose connections answer without delay.

    asyncio sets TCP_NODELAY only where the protocol is named, which socket.create_server does not do; without it every
    answer in two parts waits 40 ms for the other side's acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn in somebody else's event loop: it leaves signals alone and stops when it is told."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=DroppingProtocol,
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        self.running = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.running.set()
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, without its fixed tenth of a second: tests open many worlds."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  # uvicorn has no event
                    await asyncio.sleep(0.002)
        for task in (left := list(self.server_state.tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()
