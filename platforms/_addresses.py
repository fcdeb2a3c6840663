"""Where a connection may lead. A platform's answer can name a host, but none inside the network we stand in.

Hosts from the settings are the operator's choice and may be anywhere: a practice server, a proxy, a private link.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import httpcore2
import httpx2

from bot.words.addresses import public_addresses

Stream = httpcore2.AsyncNetworkStream
HEAD_START = 0.25  # seconds, as RFC 8305 has it


class CheckedBackend(httpcore2.AnyIOBackend):
    """Resolves a name once and connects to the address it has looked at, so that a second answer cannot differ."""

    def __init__(self, own_hosts: Collection[str]) -> None:
        super().__init__()
        self._own = {host.lower() for host in own_hosts}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        connect = partial(super().connect_tcp, port=port, timeout=timeout, local_address=local_address)
        connect = partial(connect, socket_options=socket_options)
        if host.lower() in self._own:
            return await connect(host)
        try:
            addresses = await public_addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return await _first([partial(connect, address) for address in _one_of_each_kind(addresses)])


def _one_of_each_kind(addresses: Sequence[str]) -> list[str]:
    """The first, and the first of the other family: where IPv6 leads nowhere, IPv4 does."""
    kinds = {":" in address: address for address in reversed(addresses)}
    return sorted(kinds.values(), key=addresses.index)


async def _first(ways: Sequence[Callable[[], Coroutine[Any, Any, Stream]]]) -> Stream:
    """The connection that stands first. The second is tried when the first has failed, or takes longer than a moment."""
    waiting, running, failed = list(ways), set[asyncio.Task[Stream]](), list[BaseException]()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(waiting.pop(0)()))
            pause = HEAD_START if waiting else None
            done, running = await asyncio.wait(running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            made = [task.result() for task in done if task.exception() is None]
            for spare in made[1:]:
                await spare.aclose()
            if made:
                return made[0]
            failed += [error for task in done if (error := task.exception()) is not None]
        raise failed[-1]
    finally:
        for task in running:
            task.cancel()


def guard(pool: httpx2.AsyncHTTPTransport, own_hosts: Collection[str]) -> None:
    """httpx2 has no argument for this; httpcore2, which makes its connections, has."""
    pool._pool._network_backend = CheckedBackend(own_hosts)  # noqa: SLF001
