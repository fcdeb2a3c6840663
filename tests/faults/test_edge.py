"""The edge under fire: whatever strangers send is refused before anything happens; what may happen once happens once.

MANY_STRANGERS=100000 runs the long sizes (with `-m sweep`): scripts/test --sweeps tests/faults/test_edge.py
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from guarded import Errors, House, begun, begun_together, house, is_bad, the_connection
from practice_slack_strangers import slack_requests
from practice_strangers import SAFE, Line, Malformed, p99, raw, send_all

from sandbox.person import consent
from sandbox.visitor import Visitor

SOON = 0.05  # seconds for 99 of 100 answers, with four strangers at once
MANY = int(os.environ.get("MANY_STRANGERS", "100000"))
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at_home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("edge")) as found:
        yield found


def memory_now() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def besieged(at_home: House, requests: Iterator[bytes], name: str, *, sweep: bool = False) -> None:
    """Send them all; nothing may break, nothing may change. The bot and its strangers share this process, and what counts is
    its own work while an answer is waited for: how long that takes says much of the machine, and is told beside it.
    """
    at_home.soon = str((datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)) if sweep else ""
    before, errors = at_home.state(), Errors()
    logging.getLogger().addHandler(errors)
    rarely = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # as in the bot: the tests let Python look for garbage much more rarely
    used, busy, began = memory_now(), time.process_time(), time.perf_counter()
    try:
        with structlog.testing.capture_logs() as told:
            score = await send_all(at_home.port, forgetting(told, requests))
    finally:
        logging.getLogger().removeHandler(errors)
        gc.set_threshold(*rarely)
    grown, sent, own = (memory_now() - used) / 2**20, len(score.times), p99(score.work)
    print(  # noqa: T201
        f"\n{name}: {sent} requests, {sent / (time.perf_counter() - began):.0f}/s, p99 {p99(score.times) * 1000:.1f} ms "
        f"(own work {own * 1000:.1f} ms, {(time.process_time() - busy) / sent * 1000:.2f} ms each, client included; "
        f"load {os.getloadavg()[0]:.1f}), memory {grown:+.1f} MB, {dict(sorted(score.statuses.items()))}"
    )
    assert own < SOON
    assert grown < 20
    assert score.odd == []
    assert score.unsafe == []
    assert errors.told == []
    assert [entry for entry in told if is_bad(entry)] == []
    assert at_home.state() == before


def forgetting(told: list[MutableMapping[str, object]], requests: Iterator[bytes]) -> Iterator[bytes]:
    """What is logged is not the bot's memory: of a hundred thousand lines only the bad ones are kept."""
    for number, request in enumerate(requests):
        if number % 1000 == 0:
            told[:] = [entry for entry in told if is_bad(entry)]
        yield request


async def a_living_cookie(at_home: House) -> str:
    """A browser that has begun a consent: its cookie is real, and its state must outlive the siege."""
    line = Line(at_home.port)
    answer = await line.ask(raw("POST", f"/reauthorize/{await the_connection(at_home)}".encode()))
    line.close()
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


async def each_state_counts_once(at_home: House, states: list[tuple[str, str]], *, also_every: int = 1) -> None:
    """Four callbacks at once for each state; a person who says no is the cheapest that is accepted. `also_every` such state
    is met by another browser before that, and by a fifth callback later.
    """
    lines = [Line(at_home.port) for _ in range(4)]
    for number, (state, cookie) in enumerate(states):
        callback = f"/oauth/callback/google_ads?error=access_denied&state={state}".encode()
        own, foreign = raw("GET", callback, {"Cookie": cookie}), raw("GET", callback)
        if number % also_every == 0:
            assert (await lines[0].ask(foreign)).status == 400
        replies = await asyncio.gather(*(line.ask(own) for line in lines))
        assert sorted(r.status for r in replies) == [200, 400, 400, 400]
        if number % also_every == 0:
            assert (await lines[0].ask(own)).status == 400
    for line in lines:
        line.close()


async def test_of_four_callbacks_at_once_one_is_accepted_and_a_replay_never(at_home: House) -> None:
    await each_state_counts_once(at_home, await begun(at_home, 25))


@pytest.mark.sweep
@pytest.mark.timeout(3000)
async def test_of_ten_thousand_states_each_counts_once(at_home: House) -> None:
    for _ in range(MANY // 1000):  # they live ten minutes
        states = await begun_together(at_home, 100)
        await asyncio.gather(*(each_state_counts_once(at_home, states[n::4], also_every=20) for n in range(4)))


async def test_a_connect_link_that_four_people_finish_at_once_lets_one_of_them_in(at_home: House) -> None:
    link = await at_home.app.desk.connect_link("google_ads", "U0ANNA000")
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(Visitor()) for _ in range(4)]
        ways = [await person.to_consent(link) for person in people]
        back = [await consent(p.client, way, at_home.login) for p, way in zip(people, ways, strict=True)]
        pages = await asyncio.gather(*(p.open(url) for p, url in zip(people, back, strict=True)))

    assert sorted(page.status for page in pages) == [200, 503, 503, 503]
    assert sum("was used already" in page.html for page in pages) == 3
    async with Visitor() as late:
        assert (await late.open(link)).status == 404


async def test_a_session_that_a_stranger_began_is_not_finished_in_another_browser(at_home: House) -> None:
    """Session fixation: the attacker's consent address, opened by the victim, comes back to a browser that began nothing."""
    way = (await at_home.app.door.begin(await the_connection(at_home))).url
    before = at_home.state()["consents"]
    async with Visitor() as victim:
        page = await victim.open(await consent(victim.client, way, at_home.login))
    assert page.status == 400
    assert at_home.state()["consents"] == before


async def test_a_state_that_nobody_began_waits_for_no_writer(at_home: House) -> None:
    """Right in form throughout, so it has to be looked up; but a stranger's is no reason to stand in the writers' queue."""
    line = Line(at_home.port)
    async with at_home.app.memory.begin(), asyncio.timeout(20):
        reply = await line.ask(next(Malformed(7).made_up(1)))
    line.close()
    assert reply.status == 400


async def test_a_code_of_one_platform_is_not_taken_at_anothers_address(at_home: House) -> None:
    """Mix-up (RFC 9700 §4.4): every platform has a redirect address of its own, and a state counts only there."""
    (state, cookie), line = (await begun(at_home, 1))[0], Line(at_home.port)
    before = at_home.state()["consents"]
    query = f"?code=stolen&state={state}".encode()
    for path in (b"/oauth/callback/salesforce", b"/oauth/callback/hubspot"):
        assert (await line.ask(raw("GET", path + query, {"Cookie": cookie}))).status == 400
    wrong_issuer = query + b"&iss=https://evil.example"
    assert (await line.ask(raw("GET", b"/oauth/callback/google_ads" + wrong_issuer, {"Cookie": cookie}))).status == 400
    line.close()
    assert at_home.state()["consents"] == before


@pytest.mark.parametrize("name", ["next", "return_to", "redirect_uri", "redirect_url", "url", "continue"])
async def test_no_parameter_leads_away_from_us(at_home: House, name: str) -> None:
    line, evil = Line(at_home.port), "https://evil.example/"
    (state, cookie) = (await begun(at_home, 1))[0]
    connection = await the_connection(at_home)
    for request in (
        raw("GET", f"/?{name}={evil}".encode(), {"Host": "evil.example"}),
        raw("GET", f"/reauthorize/{connection}?{name}={evil}".encode()),
        raw("POST", f"/reauthorize/{connection}?{name}={evil}".encode(), {"X-Forwarded-Host": "evil.example"}),
        raw(
            "GET",
            f"/oauth/callback/google_ads?error=access_denied&state={state}&{name}={evil}".encode(),
            {"Cookie": cookie},
        ),
        raw("GET", b"//evil.example/%2f.."),
    ):
        reply = await line.ask(request)
        assert "evil" not in reply.headers.get("location", "")
        assert b"evil" not in reply.body
    line.close()


async def test_a_request_that_does_not_arrive_is_ended(at_home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.web.listening.CarefulProtocol.head_time", 0.2)
    monkeypatch.setattr("handlers.web.security.BODY_TIME", 0.2)
    for slow in (
        b"GET /connections HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        b"",
        b"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
    ):
        line = Line(at_home.port)
        reply = await line.ask(slow)
        line.close()
        assert reply.status == 408
        assert set(SAFE) <= reply.headers.keys()


async def test_connections_beyond_the_limit_are_turned_away_and_the_others_go_on(
    at_home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.web.listening.CarefulProtocol.most_connections", 3)
    lines = [Line(at_home.port) for _ in range(3)]
    for line in lines:
        assert (await line.ask(raw("GET", b"/healthz"))).status == 200
    extra = Line(at_home.port)
    refused = await extra.ask(raw("GET", b"/healthz"))
    assert refused.status == 503
    assert set(SAFE) <= refused.headers.keys()
    assert (await lines[0].ask(raw("GET", b"/healthz"))).status == 200
    for line in [*lines, extra]:
        line.close()


async def test_malformed_callbacks_are_refused_before_anything_happens(at_home: House) -> None:
    cookie = await a_living_cookie(at_home)
    await besieged(at_home, Malformed(1, cookie).callbacks(400), "callbacks")


async def test_malformed_slack_requests_are_refused_before_anything_happens(at_home: House) -> None:
    await besieged(at_home, slack_requests(2, 400), "slack")


@pytest.mark.sweep
@pytest.mark.timeout(3000)
async def test_a_long_siege_of_callbacks_changes_nothing(at_home: House) -> None:
    cookie = await a_living_cookie(at_home)
    await besieged(at_home, Malformed(3, cookie).callbacks(2000), "warm-up", sweep=True)
    await besieged(at_home, Malformed(4, cookie).callbacks(MANY), "callbacks", sweep=True)


@pytest.mark.sweep
@pytest.mark.timeout(3000)
async def test_a_long_siege_of_slack_requests_changes_nothing(at_home: House) -> None:
    await besieged(at_home, slack_requests(5, 2000), "warm-up", sweep=True)
    await besieged(at_home, slack_requests(6, MANY), "slack", sweep=True)
