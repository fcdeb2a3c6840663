"""Which addresses are public. What a stranger or a platform names may lead to those only, never inside our network."""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from threading import Thread
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# All that is given out to the public; the rest of IPv6 is translation, tunnels and the inside of networks.
# https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # https://www.rfc-editor.org/rfc/rfc6052
# Public in form, and yet the metadata of the machine itself, at Azure and at Oracle:
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
OF_THE_CLOUD = {"168.63.129.16", "192.0.0.192"}

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
    parsed = _reached(ipaddress.ip_address(address.partition("%")[0]))
    if parsed.version == 6 and parsed not in GLOBAL_UNICAST:
        return False
    return parsed.is_global and not parsed.is_multicast and str(parsed) not in OF_THE_CLOUD


def _reached(address: Address) -> Address:
    """An IPv6 address may carry the IPv4 one that a gateway leads it to."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
