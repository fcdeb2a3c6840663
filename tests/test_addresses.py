"""Where a platform's answer may lead us: to the platform, never into the network we stand in."""

import asyncio
import socket
from datetime import timedelta

import httpx2
import pytest

from bot.words.addresses import PrivateAddress, is_public, public_address
from bot.words.errors import TryLater
from platforms import open_gateways
from platforms._http import Wire, open_pool

INSIDE = [
    "127.0.0.1",
    "localhost",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "::ffff:10.0.0.1",
    "fd00::1",
    "fe80::1",
    "2130706433",  # 127.0.0.1 as one number
    "0x7f000001",
    "224.0.0.1",
    "017700000001",  # octal
    "127.1",
    "0x7f.1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",  # IPv4 inside IPv6: compatible, translated, by NAT64, by 6to4
    "::ffff:0:7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "2002:a9fe:a9fe::1",
    "fec0::1",
    "fd00:ec2::254",  # the metadata of the machine itself, in several clouds
    "168.63.129.16",
    "100.100.100.200",
]


@pytest.mark.parametrize("host", INSIDE)
async def test_a_host_that_leads_inside_is_not_connected_to(host: str) -> None:
    pool = open_pool()
    wire = Wire.for_api(pool, timedelta(seconds=2))
    url = f"https://[{host}]/" if ":" in host else f"https://{host}/"
    with pytest.raises(TryLater, match="leads into a private network"):
        await wire.handle_async_request(httpx2.Request("GET", url))
    await pool.aclose()


async def test_a_public_address_is_the_one_that_is_used() -> None:
    assert await public_address("8.8.8.8", 443) == "8.8.8.8"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_public_addresses_stay_public_however_they_are_written(address: str) -> None:
    assert is_public(address)


async def test_a_name_that_leads_elsewhere_the_second_time_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public while it is looked at, ours when it is connected to."""
    met: list[object] = []
    server = await asyncio.start_server(lambda _, writer: met.append(writer.close()), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers, real = ["203.0.114.1"], socket.getaddrinfo

    def rebinding(host: object, *rest: object, **options: object) -> object:
        if host not in {"rebinding.example", b"rebinding.example"}:
            return real(host, *rest, **options)  # type: ignore[call-overload]
        found = answers.pop() if answers else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    pool = open_pool()
    wire = Wire.for_api(pool, timedelta(seconds=0.2))
    with pytest.raises(TryLater):
        await wire.handle_async_request(httpx2.Request("GET", f"https://rebinding.example:{port}/"))
    assert answers == []
    assert met == []
    with pytest.raises(TryLater, match="private network"):
        await wire.handle_async_request(httpx2.Request("GET", f"https://rebinding.example:{port}/"))
    assert met == []
    await pool.aclose()
    server.close()


async def test_hosts_of_the_settings_may_be_anywhere() -> None:
    """A practice server, a proxy, a private link: the operator wrote it there."""
    section = {"client_id": "x", "client_secret": "y", "api_url": "http://127.0.0.1:9"}
    gateways = open_gateways({"hubspot": section}, timeout=timedelta(seconds=2), now=lambda: None)
    backend = gateways._pool._pool._network_backend
    assert "127.0.0.1" in backend._own
    assert "169.254.169.254" not in backend._own
    await gateways.aclose()


async def test_an_octal_address_leads_inside_too_and_is_no_url_of_a_call() -> None:
    with pytest.raises(PrivateAddress):
        await public_address("0177.0.0.1", 443)
    with pytest.raises(httpx2.InvalidURL):
        httpx2.Request("GET", "https://0177.0.0.1/")
