"""Where a connection may lead. A platform's answer can name a host, but none inside the network we stand in.

Hosts from the settings are the operator's choice and may be anywhere: a practice server, a proxy, a private link.
"""

from collections.abc import Collection, Iterable
from typing import Any

import httpcore2
import httpx2

from bot.words.addresses import public_address


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
    ) -> httpcore2.AsyncNetworkStream:
        if host.lower() not in self._own:
            try:
                host = await public_address(host, port)
            except OSError as error:
                raise httpcore2.ConnectError(str(error)) from error
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


def guard(pool: httpx2.AsyncHTTPTransport, own_hosts: Collection[str]) -> None:
    """httpx2 has no argument for this; httpcore2, which makes its connections, has."""
    pool._pool._network_backend = CheckedBackend(own_hosts)  # noqa: SLF001
