"""Attacks on the edge, one by one, over real sockets: each is refused, says nothing, changes nothing, and holds up nobody."""

import asyncio
import hashlib
import logging
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog
from guarded import KEY, Errors, House, begun, house, is_bad, the_connection
from practice_slack_strangers import slack_requests
from practice_strangers import SAFE, Line, Malformed, raw

from bot.reauthorize.reauthorize import digest
from handlers.web.security import HEADERS
from sandbox.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
TOUCHPOINTS = b"/api/v1/touchpoints"
EVERY_STATUS: list[tuple[int, bytes]] = [
    (400, b"\x16\x03\x01\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000),
    (400, b"GET /" + b"y" * 40_000),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(4000))),
    (400, raw("GET", b"/oauth/callback/google_ads?state=%00")),
    (401, raw("GET", b"/api/v1/connections")),
    (401, raw("POST", b"/slack/events", {}, b"payload={}")),
    (403, raw("POST", b"/reauthorize/out_1", {"Sec-Fetch-Site": "cross-site"})),
    (404, raw("GET", b"/nothing")),
    (404, raw("GET", b"/static/../../redkey.toml")),
    (404, raw("GET", b"/static/%2e%2e/%2e%2e/redkey.toml")),
    (404, raw("OPTIONS", b"*")),
    (405, raw("TRACE", b"/connections")),
    (405, raw("DELETE", b"/oauth/callback/google_ads")),
    (413, raw("POST", b"/reauthorize/out_1", {}, b"x" * 70_000)),
    (415, raw("POST", TOUCHPOINTS, {**JSON, "Content-Type": "text/plain"}, b"x")),
    (422, raw("POST", TOUCHPOINTS, JSON, b"[1]")),
    (422, raw("POST", TOUCHPOINTS, JSON, b"[" * 1_000_000)),
    (422, raw("POST", TOUCHPOINTS, JSON, b"[" + b"9" * 100_000 + b"]")),
    (422, raw("POST", TOUCHPOINTS, JSON, b"{" + b",".join(b'"k%d":{}' % n for n in range(60_000)) + b"}")),
    (422, raw("GET", b"/api/v1/costs?from=tomorrow", JSON)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at_home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("attacks")) as found:
        yield found


@pytest.mark.parametrize(("status", "request_"), EVERY_STATUS)
async def test_every_refusal_carries_the_safe_headers_whoever_makes_it(
    at_home: House, status: int, request_: bytes
) -> None:
    line = Line(at_home.port)
    reply = await line.ask(request_)
    line.close()
    assert reply.status == status
    assert set(SAFE) <= reply.headers.keys()
    assert {name: reply.headers[name.lower()] for name in HEADERS} == HEADERS
    assert reply.headers["cache-control"] == "no-store"
    assert "server" not in reply.headers


async def test_a_request_hidden_in_another_is_never_answered(at_home: House) -> None:
    """Request smuggling: where two lengths disagree, a proxy and we might disagree about where the next request begins."""
    hidden = raw("GET", b"/healthz")
    body = b"0\r\n\r\n" + hidden
    for lengths in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(body),
        b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(body),
        b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n" % len(body),
        b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n" % len(body),
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Content-Length: 5\r\nContent-Length: %d\r\n" % len(body),
        b"Content-Length: +%d\r\n" % len(body),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", at_home.port)
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: a\r\n" + lengths + b"\r\n" + body)
        writer.write_eof()
        answers = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert answers.count(b"HTTP/1.1 ") == 1, lengths
        assert b"HTTP/1.1 200" not in answers


async def test_a_state_with_one_character_changed_is_nobodys_and_the_real_one_still_counts(at_home: House) -> None:
    (state, cookie), line = (await begun(at_home, 1))[0], Line(at_home.port)
    before = at_home.state()["consents"]
    for place, char in enumerate(state):
        other = state[:place] + ("A" if char != "A" else "B") + state[place + 1 :]
        own = f"redkey_state={hashlib.sha256(other.encode()).hexdigest()[:16]}:{cookie.rpartition(':')[2]}"
        query = f"/oauth/callback/google_ads?error=access_denied&state={other}".encode()
        assert (await line.ask(raw("GET", query, {"Cookie": own}))).status == 400
    assert at_home.state()["consents"] == before
    query = f"/oauth/callback/google_ads?error=access_denied&state={state}".encode()
    assert (await line.ask(raw("GET", query, {"Cookie": cookie}))).status == 200
    line.close()


async def test_what_is_gone_and_what_never_was_are_told_apart_by_nobody(at_home: House) -> None:
    """Enumeration: a guess is answered like a link that once was good, and a wrong key like none."""
    line, memory = Line(at_home.port), at_home.app.memory
    used = (await at_home.app.desk.connect_link("google_ads", "U0ANNA000")).rpartition("/")[2]
    async with memory.begin() as tx:
        link = await tx.consents.link(digest(used), at_home.app.now())
        assert link is not None
        assert await tx.consents.link_used(link[0], at_home.app.now())
    for gone, never, headers in (
        (f"/connect/{used}", "/connect/never-was", ({}, {})),
        ("/guest/never-was", "/guest/" + "x" * 43, ({}, {})),
        ("/api/v1/costs", "/api/v1/costs", ({}, {"Authorization": "Bearer " + "x" * len(KEY)})),
        ("/reauthorize/con_gone", "/reauthorize/out_gone", ({}, {})),
    ):
        one = await line.ask(raw("GET", gone.encode(), headers[0]))
        other = await line.ask(raw("GET", never.encode(), headers[1]))
        assert (one.status, one.body) == (other.status, other.body)
        assert one.status in {401, 404}
    line.close()


async def test_whoever_asks_and_never_reads_loses_the_connection(
    at_home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection is a place that somebody else could have; answers that nobody takes must not keep it."""
    monkeypatch.setattr("handlers.web.listening.CarefulProtocol.take_time", 0.3)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", at_home.port))
    deaf.setblocking(False)
    asked = raw("GET", b"/static/redkey.css") * 3000
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        await asyncio.wait_for(_talk_on(deaf, asked), 15)
    deaf.close()
    line = Line(at_home.port)
    assert (await line.ask(raw("GET", b"/healthz"))).status == 200
    line.close()


async def _talk_on(deaf: socket.socket, asked: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(deaf, asked)
    while True:  # all of it was taken in: then only the end of the connection can be waited for
        await asyncio.sleep(0.05)
        await loop.sock_sendall(deaf, b"GET")


UNFINISHED = [
    b"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\nabc",
    b"POST /slack/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    raw("POST", TOUCHPOINTS, {**JSON, "Content-Length": "3000"}, b"[1,"),
    (
        b"POST /connect/abc/accounts HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 50\r\n\r\naccount=1"
    ),
    b"HEAD /connections HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
]


async def test_whoever_leaves_in_the_middle_is_no_failure_of_ours(at_home: House) -> None:
    """Nothing is wrong here, so nothing is logged: a traceback for each would be a way to fill the disk."""
    draw, errors = random.Random(11), Errors()
    whole = [*UNFINISHED, *Malformed(12).callbacks(100), *slack_requests(13, 100)]
    cut = [each[: draw.randrange(len(each) + 1)] for each in whole]
    logging.getLogger().addHandler(errors)
    try:
        with structlog.testing.capture_logs() as told:
            for nth, sent in enumerate([*UNFINISHED * 3, *cut]):
                await leave(at_home, sent, abruptly=nth % 2 == 0)
            line = Line(at_home.port)
            assert (await line.ask(raw("GET", b"/healthz"))).status == 200
            line.close()
    finally:
        logging.getLogger().removeHandler(errors)
    assert errors.told == []
    assert [entry for entry in told if is_bad(entry)] == []


async def leave(at_home: House, sent: bytes, *, abruptly: bool) -> None:
    """`abruptly`: by a reset instead of an end."""
    _, writer = await asyncio.open_connection("127.0.0.1", at_home.port)
    writer.write(sent)
    await asyncio.sleep(0.003)
    if abruptly:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def test_links_that_previews_and_scanners_open_first_change_nothing_and_still_let_their_person_in(
    at_home: House,
) -> None:
    link = await at_home.app.desk.connect_link("google_ads", "U0ANNA000")
    start = f"http://127.0.0.1:{at_home.port}/reauthorize/{await the_connection(at_home)}"
    before = at_home.state()
    async with Visitor() as scanner:
        for url in (link, start) * 5:
            assert [200, 200] == [(await ask(url)).status_code for ask in (scanner.client.get, scanner.client.head)]
    assert at_home.state() == before
    async with Visitor() as person:
        assert (await person.log_in(start, at_home.login)).status == 200
        assert (await person.connect(link, at_home.login)).status == 200
