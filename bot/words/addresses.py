"""Which addresses are public. What a stranger or a platform names may lead to those only, never inside our network."""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from threading import Thread
from typing import Any

_asked: dict[tuple[asyncio.AbstractEventLoop, str, int], "asyncio.Future[list[Any]]"] = {}


class PrivateAddress(OSError):
    """The host resolves to an address inside a network."""


async def public_address(host: str, port: int) -> str:
    """The first address of a host, if all of them are public. Raises OSError when it is not known, or PrivateAddress."""
    return (await public_addresses(host, port))[0]


async def public_addresses(host: str, port: int) -> list[str]:
    """All of them, as `public_address`."""
    found = await _looked_up(host, port)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(is_public(address) for address in addresses):
        raise PrivateAddress("leads into a private network")
    return addresses


async def _looked_up(host: str, port: int) -> list[Any]:
    """One question at a time for each host, whoever waits for it: a name server that says nothing takes half a minute, and
    asyncio's few threads, which everybody shares, would soon all be waiting for the same name.
    """
    loop = asyncio.get_running_loop()
    key = loop, host, port
    answer = _asked.get(key)
    if answer is None:
        answer = _asked[key] = loop.create_future()
        answer.add_done_callback(lambda done: (_asked.pop(key, None), done.cancelled() or done.exception()))
        # A thread of its own, that nobody waits for when the process ends.
        Thread(target=_look_up, args=(loop, answer, host, port), name=f"name of {host}", daemon=True).start()
    return await asyncio.shield(answer)


def _look_up(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[Any]]", host: str, port: int) -> None:
    def tell() -> None:
        answer.set_result(found) if isinstance(found, list) else answer.set_exception(found)

    found: list[Any] | Exception
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        found = error
    with suppress(RuntimeError):  # the loop is closed: nobody asks any more
        loop.call_soon_threadsafe(tell)


def is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return mapped.is_global and not mapped.is_multicast
