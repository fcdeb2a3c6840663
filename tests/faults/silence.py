"""A network that swallows everything from some moment on, as when a cable is pulled; or that resets what it carries."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from practice_desk import PracticeDesk
from practice_room import place_in
from practice_slack import practice

from handlers.slack.workspace import Workspace
from sandbox.slack import SlackWorkspace


class Line:
    """Carries connections to `port`, until it is cut; those made after it work."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._cuts = 0
        self._ends: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    def cut(self) -> None:
        """No byte from now on, no end and no reset, on the connections that there are."""
        self._cuts += 1

    def reset(self) -> None:
        """End them with RST on both sides, in the middle of whatever is said: a middlebox that has forgotten them."""
        ends, self._ends = self._ends, []
        for end in ends:
            wire = end.get_extra_info("socket")
            if wire.fileno() < 0:
                continue
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()

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
async def behind_a_line(ping: float) -> AsyncIterator[tuple[SlackWorkspace, Workspace, Line]]:
    """A workspace whose sockets and calls of ours go over such a network, and our place in it, connected."""
    async with practice() as slack, line(urlsplit(slack.state.base_url).port or 0) as wire:
        slack.rates.on = False
        slack.state.base_url = slack.state.base_url.replace(str(urlsplit(slack.state.base_url).port), str(wire.port))
        ours = place_in(slack)
        ours.serve(PracticeDesk())
        assert ours._socket
        ours._socket._ping_interval = ping
        await ours.start()
        try:
            await slack.wait_for(lambda: slack.sockets.sockets)
            yield slack, ours, wire
        finally:
            await ours.stop()


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
