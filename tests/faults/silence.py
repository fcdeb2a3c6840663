"""A network that swallows everything from some moment on: no byte, no end, no reset. As when a cable is pulled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Line:
    """Carries connections to `port`, until it is cut; those made after it work."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._cuts = 0
        self._ends: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    def cut(self) -> None:
        self._cuts += 1

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends += [writer, there_writer]
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            self._tasks.append(asyncio.create_task(self._pass_on(source, sink, self._cuts)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in self._ends:
            end.transport.abort()
        await asyncio.sleep(0)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, made_at: int) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if made_at == self._cuts:
                    sink.write(data)
                    await sink.drain()
        if made_at == self._cuts:
            sink.close()


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    carried = Line(port)
    server = await asyncio.start_server(carried.carry, "127.0.0.1", 0)
    carried.port = server.sockets[0].getsockname()[1]
    try:
        yield carried
    finally:
        server.close()
        await carried.close()
