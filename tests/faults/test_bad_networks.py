"""Names that lead nowhere or inside, bad certificates, answers without an end: refused, named, and nothing is lost."""

import asyncio
import socket
import threading
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from time import monotonic, sleep, thread_time

import httpx2
import pytest
from certificates import DAY, Authority
from practice_gateway import gateway_to
from practice_gateway_server import SECRETS, refresh, settings_of

from bot.words import addresses
from bot.words.errors import TryLater
from platforms import _http
from platforms._http import Wire, open_pool

OWN = {"client_id": "redkey", "client_secret": SECRETS["client secret"]}
PUBLIC, INSIDE = "127.0.0.2", "127.0.0.1"


class Names:
    """The resolver of this machine, which says of some hosts what it is told to say."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        self._real = socket.getaddrinfo

    def __call__(self, host, port, *how, **more):
        if host not in self.answers:
            return self._real(host, port, *how, **more)
        self.asked.append(host)
        said = self.answers[host]
        said = said() if callable(said) else said
        if isinstance(said, Exception):
            raise said
        kind = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(kind[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in said]


@pytest.fixture
def names(monkeypatch):
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def public(monkeypatch):
    """127.0.0.2 stands for an address out there, and ::1 for another."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address in {PUBLIC, "::1"})


async def told(host="api.hubapi.com", seconds=1.0):
    """What is said of a refresh at a platform whose address nobody has set; no request is ever on its way."""
    async with gateway_to("hubspot", OWN, seconds=seconds) as gateway:
        assert host in gateway.platform.oauth.token_url
        with pytest.raises(TryLater) as caught:
            await refresh(gateway)
    assert not caught.value.unclear
    return str(caught.value)


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
async def test_a_name_that_nobody_knows_is_no_loss_and_named(names, code):
    names.answers["api.hubapi.com"] = socket.gaierror(code, "said the name server")
    assert "the name api.hubapi.com could not be looked up" == await told()


@pytest.mark.parametrize(
    "said",
    [["169.254.169.254"], ["127.0.0.1"], ["::ffff:10.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fd00::1"]],
)
async def test_a_platforms_own_name_that_leads_inside_is_not_followed(names, said):
    names.answers["api.hubapi.com"] = said
    assert (await told()).startswith("api.hubapi.com leads into a private network")


@asynccontextmanager
async def a_server(host):
    heard = []

    async def answer(_, writer):
        heard.append(host)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(answer, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def ask(port, host="api.example"):
    pool = open_pool()
    try:
        request = httpx2.Request("GET", f"http://{host}:{port}/")
        return await Wire.for_api(pool, timedelta(seconds=5)).handle_async_request(request)
    finally:
        await pool.aclose()


async def test_a_name_that_changes_its_mind_is_asked_once_and_leads_where_was_looked(names, public):
    said = iter([[PUBLIC], [INSIDE]])
    names.answers["api.example"] = lambda: next(said)
    async with a_server(PUBLIC) as (port, heard):
        assert 200 == (await ask(port)).status_code
        assert (["api.example"], [PUBLIC]) == (names.asked, heard)
        with pytest.raises(TryLater, match="private network"):
            await ask(port)


async def test_where_ipv6_leads_nowhere_ipv4_does(names, public):
    names.answers["api.example"] = ["::1", PUBLIC]
    async with a_server(PUBLIC) as (port, heard):
        assert 200 == (await ask(port)).status_code
    assert [PUBLIC] == heard


async def test_a_name_server_that_says_nothing_costs_one_thread_and_nobody_else_waits(names):
    late = threading.Event()
    names.answers["api.hubapi.com"] = lambda: late.wait(20) and socket.gaierror(socket.EAI_AGAIN, "too late")
    asking = [asyncio.create_task(told(seconds=0.3)) for _ in range(30)]
    await asyncio.sleep(0.05)
    began = monotonic()
    await asyncio.gather(*(asyncio.to_thread(sleep, 0) for _ in range(30)))
    assert monotonic() - began < 5, "the threads that everybody shares are free"
    assert {"api.hubapi.com did not answer in time"} == set(await asyncio.gather(*asking))
    assert 1 == len(names.asked)
    late.set()


def test_a_process_ends_although_a_name_server_says_nothing(names):
    late = threading.Event()
    names.answers["api.hubapi.com"] = lambda: late.wait(20) and socket.gaierror(socket.EAI_AGAIN, "too late")
    began = monotonic()
    asyncio.run(told(seconds=0.1))
    assert monotonic() - began < 10
    late.set()


BAD = {
    "it has run out": {"since": -3 * DAY, "until": -2 * DAY},
    "it does not count yet": {"since": DAY, "until": 2 * DAY},
    "it is another host's": {"host": "127.0.0.3"},
    "it vouches for itself": {"by_itself": True},
}


@asynccontextmanager
async def over_tls(context):
    """A server that reads, and whoever asks it for a token."""
    seen = []

    async def read(reader, writer):
        seen.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with gateway_to("google_ads", settings_of(url)) as gateway:
            yield gateway, seen


@pytest.mark.parametrize("why", BAD)
async def test_a_certificate_that_is_not_good_is_refused_and_says_why(tmp_path, monkeypatch, why):
    authority = Authority(tmp_path)
    monkeypatch.setattr(_http, "_trusted", authority.believed)
    async with over_tls(authority.server(**BAD[why])) as (gateway, seen):
        with pytest.raises(TryLater, match=f"certificate of 127.0.0.1 is not valid: {why}") as caught:
            await refresh(gateway)
    assert ([], False) == (seen, caught.value.unclear)


async def test_a_good_certificate_of_the_same_authority_is_taken(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setattr(_http, "_trusted", authority.believed)
    async with over_tls(authority.server()) as (gateway, seen):
        with pytest.raises(TryLater):
            await refresh(gateway)
    assert seen[0].startswith(b"POST /token")


ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nx-padding: ", b"."),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-padding: .\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{", b" "),
    "pieces": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


async def test_answers_without_an_end_are_ended_by_us_and_keep_nobody_from_their_turn():
    dripping = set()

    async def drip(reader, writer):
        dripping.add(asyncio.current_task())
        kind = (await reader.readline()).split()[1].decode().strip("/").replace("-", " ")
        start, piece = ENDLESS[kind]
        writer.write(start)
        with suppress(OSError):
            while not reader.at_eof():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    pool = open_pool({"127.0.0.1"})
    wire, port = Wire.for_tokens(pool, timedelta(seconds=1.5)), server.sockets[0].getsockname()[1]

    async def call(kind):
        began = monotonic()
        with pytest.raises(TryLater) as caught:
            await wire.handle_async_request(httpx2.Request("POST", f"http://127.0.0.1:{port}/{kind.replace(' ', '-')}"))
        assert caught.value.unclear
        return monotonic() - began

    async with server:
        calls = asyncio.gather(*(call(kind) for kind in list(ENDLESS) * 6))
        turns = []
        while not calls.done():
            before = thread_time()
            await asyncio.sleep(0.005)
            turns.append(thread_time() - before)
        took = await calls
        await pool.aclose()
        await asyncio.gather(*dripping)
    assert 1.4 < min(took)
    assert max(took) < 6
    assert sorted(turns)[int(len(turns) * 0.99)] < 0.05, "seconds of our own work between two turns"
