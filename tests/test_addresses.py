"""Where a platform's answer may lead us: to the platform, never into the network we stand in."""

from datetime import timedelta

import httpx2
import pytest

from bot.words.addresses import public_address
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


async def test_hosts_of_the_settings_may_be_anywhere() -> None:
    """A practice server, a proxy, a private link: the operator wrote it there."""
    section = {"client_id": "x", "client_secret": "y", "api_url": "http://127.0.0.1:9"}
    gateways = open_gateways({"hubspot": section}, timeout=timedelta(seconds=2), now=lambda: None)
    backend = gateways._pool._pool._network_backend
    assert "127.0.0.1" in backend._own
    assert "169.254.169.254" not in backend._own
    await gateways.aclose()
