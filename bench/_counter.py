"""A counter that hands out prepared bytes over HTTP/1.1, in a process of its own: what is measured is never the far end."""

import asyncio
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answering = Callable[[str, str, bytes], tuple[int, str, bytes]]  # (method, path, body) -> (status, content type, body)


class _Counter(asyncio.Protocol):
    """As little HTTP as the clients here speak: a head, a Content-Length or chunks, connections that stay open."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._got[:end]).lower()
            body, rest = self._body(head, end + 4)
            if rest < 0:
                return
            method, path, _ = bytes(self._got[:end]).split(b"\r\n", 1)[0].decode().split(" ")
            del self._got[:rest]
            status, kind, answer = self._answering(method, path, body)
            said = f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\ncontent-length: {len(answer)}\r\n"
            self._transport.write(said.encode() + b"sforce-limit-info: api-usage=1/100000\r\n\r\n")
            self._transport.write(answer)

    def _body(self, head: bytes, start: int) -> tuple[bytes, int]:
        """The body and where the next request begins; -1 when it is not all there yet."""
        if b"transfer-encoding: chunked" in head:
            parts, at = bytearray(), start
            while (line := self._got.find(b"\r\n", at)) >= 0:
                size = int(self._got[at:line], 16)
                if len(self._got) < line + 4 + size:
                    return b"", -1
                parts += self._got[line + 2 : line + 2 + size]
                at = line + 4 + size
                if size == 0:
                    return bytes(parts), at
            return b"", -1
        mark = b"\r\ncontent-length:"
        size = int(head[head.index(mark) + len(mark) :].split(b"\r\n", 1)[0]) if mark in head else 0
        if len(self._got) < start + size:
            return b"", -1
        return bytes(self._got[start : start + size]), start + size


def _serve(listener: socket.socket, answering: Answering) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Counter(answering), sock=listener)
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def counter(answering: Answering) -> Iterator[str]:
    """Its address. What `answering` holds is shared with the child, not copied."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    child = multiprocessing.get_context("fork").Process(target=_serve, args=(listener, answering), daemon=True)
    child.start()
    port = listener.getsockname()[1]
    listener.close()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.join()
