"""Which addresses are public. What a stranger or a platform names may lead to those only, never inside our network."""

import asyncio
import ipaddress
import socket


class PrivateAddress(OSError):
    """The host resolves to an address inside a network."""


async def public_address(host: str, port: int) -> str:
    """The first address of a host, if all of them are public. Raises OSError when it is not known, or PrivateAddress."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise PrivateAddress("leads into a private network")
    return addresses[0]


def is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return mapped.is_global and not mapped.is_multicast
