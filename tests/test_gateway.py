"""Authorized HTTP over real sockets: what an API may do to us, and that no secret leaks on the way."""

import asyncio
import gzip
import logging
from datetime import timedelta

import pytest
from practice_gateway import NOW, HeldTokens, gateway_to, served
from practice_gateway_server import GOOD, SECRETS, TROUBLE, Server, exchange, refresh, said, settings_of

from bot.words.connection import Secret, TokenSet
from bot.words.errors import AccessDenied, AuthorizationLost, RedkeyError, Refused, TryLater
from platforms._http import LONGEST_WAIT, retry_after
from sandbox.faults import Fault, Kind


@pytest.fixture
async def server():
    server = Server()
    async with served(server.app) as server.url:
        yield server
        server.faults.clear()


@pytest.fixture
async def gateway(server):
    async with gateway_to("google_ads", settings_of(server.url), seconds=0.6) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta()),
        ("Mon, 23 Nov 2026 09:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 23 Nov 2026 08:00:00 GMT", timedelta()),
        ("999999999999999999999", LONGEST_WAIT),
        ("Mon, 23 Nov 2099 09:00:00 GMT", LONGEST_WAIT),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_capped(value, wait):
    assert retry_after({"retry-after": value}, NOW) == wait


async def test_retry_after_is_honoured_at_both_ends(server, gateway):
    server.token_answers = [said({}, 429, retry_after="7"), said({}, 503, retry_after="8")]
    server.api_answers = [said({}, 429, retry_after="9")]
    waits = []
    for asking in (refresh(gateway), refresh(gateway), gateway.fetch(held(gateway))("GET", "/v26/x")):
        with pytest.raises(TryLater) as caught:
            await asking
        waits.append(caught.value.after)
    assert waits == [timedelta(seconds=7), timedelta(seconds=8), timedelta(seconds=9)]


def held(gateway, token="first"):
    return HeldTokens(gateway, TokenSet(Secret(token), Secret(SECRETS["refresh token"])))


def unauthorized():
    return said({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "x"}}, 401)


async def test_a_first_401_is_cured_by_one_refresh_and_the_call_is_repeated(server, gateway):
    tokens = held(gateway)
    server.api_answers = [unauthorized(), said({"fine": True})]
    server.token_answers = [said(GOOD | {"access_token": "second"})]
    answer = await gateway.fetch(tokens)("POST", "/v26/x", json={"n": 1}, headers={"login-customer-id": "7"})
    assert answer.json() == {"fine": True}
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer first", "Bearer second"]
    assert server.bodies == [b'{"n":1}'] * 2
    assert server.calls[1].headers["login-customer-id"] == "7"
    assert tokens.refreshes == 1


async def test_a_second_401_with_a_fresh_token_is_a_loss(server, gateway):
    tokens = held(gateway)
    server.api_answers = [unauthorized(), unauthorized()]
    server.token_answers = [said(GOOD | {"access_token": "second"})]
    with pytest.raises(AuthorizationLost):
        await gateway.fetch(tokens)("GET", "/v26/x")
    assert (len(server.calls), tokens.refreshes) == (2, 1)


async def test_a_401_while_the_token_endpoint_is_down_is_not_a_loss(server, gateway):
    server.api_answers = [unauthorized()]
    server.token_answers = [said({}, 503)]
    with pytest.raises(TryLater):
        await gateway.fetch(held(gateway))("GET", "/v26/x")


async def test_a_stream_that_was_refused_is_not_repeated_after_the_refresh(server, gateway):
    async def lines():
        yield b"a\n"

    tokens = held(gateway)
    server.api_answers = [unauthorized()]
    server.token_answers = [said(GOOD)]
    with pytest.raises(TryLater):
        await gateway.fetch(tokens)("POST", "/v26/x", content=lines())
    assert (len(server.calls), tokens.refreshes) == (1, 1)


@pytest.mark.parametrize(
    "trouble", sorted(set(TROUBLE) - {"html", "garbage", "empty", "huge"})
)  # a 2xx is the platform's
async def test_trouble_at_the_api_is_not_a_loss(server, gateway, trouble):
    fault = TROUBLE[trouble]
    server.faults.add(Fault(**(vars(fault) | {"match": "v26", "struck": 0})))
    with pytest.raises(TryLater):
        await gateway.fetch(held(gateway))("GET", "/v26/x")


async def test_an_api_that_redirects_is_not_followed_and_gets_no_token(server, gateway):
    server.faults.add(Fault(match="v26", kind=Kind.REDIRECT, location=f"{server.url}/elsewhere"))
    with pytest.raises(TryLater):
        await gateway.fetch(held(gateway))("GET", "/v26/x")
    assert server.followed == 0


async def test_accepted_statuses_are_given_to_the_caller(server, gateway):
    server.api_answers = [said({"gone": True}, 404)]
    answer = await gateway.fetch(held(gateway))("GET", "/v26/x", accept=(404,))
    assert (answer.status, answer.json()) == (404, {"gone": True})


async def test_compressed_answers_are_unfolded_and_bombs_are_not(server, gateway):
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=1)
    server.api_answers = [
        said(gzip.compress(b'{"a":1}'), content_encoding="gzip"),
        said(bomb, content_encoding="gzip"),
    ]
    fetch = gateway.fetch(held(gateway))
    assert (await fetch("GET", "/v26/x")).json() == {"a": 1}
    with pytest.raises(TryLater):
        await fetch("GET", "/v26/x")


async def test_cookies_of_one_login_do_not_reach_another(server, gateway):
    server.api_answers = [said({}, set_cookie="who=ada"), said({})]
    await gateway.fetch(held(gateway))("GET", "/v26/x")
    await gateway.fetch(held(gateway, "other"))("GET", "/v26/x")
    assert "cookie" not in server.calls[1].headers


async def test_two_calls_with_one_dead_token_share_one_refresh(server, gateway):
    tokens = held(gateway)
    server.api_answers = [unauthorized(), unauthorized(), said({}), said({})]
    server.token_answers = [said(GOOD)]
    lock = asyncio.Lock()
    renew = tokens.renewed

    async def one_at_a_time(refused):
        async with lock:
            return await renew(refused)

    tokens.renewed = one_at_a_time
    fetch = gateway.fetch(tokens)
    await asyncio.gather(fetch("GET", "/v26/a"), fetch("GET", "/v26/b"))
    assert tokens.refreshes == 1


async def test_no_secret_is_in_any_error_log_or_repr(server, gateway, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx2")
    sent = f"{SECRETS['client secret']} {SECRETS['refresh token']}"
    sent_for_code = f"{SECRETS['client secret']} {SECRETS['code']} {SECRETS['verifier']}"
    told = []
    server.token_answers = [
        said({"error": "invalid_grant", "error_description": sent}, 400),
        said({"error": SECRETS["refresh token"], "error_description": sent}, 400),
        said({"error": "invalid_client", "error_description": sent_for_code}, 400),
        said(GOOD | {"expires_in": sent}),
        said(GOOD | {"refresh_token": SECRETS["refresh token"]}),
    ]
    for asking in (refresh, refresh, exchange, refresh):
        with pytest.raises(RedkeyError) as caught:
            await asking(gateway)
        error = caught.value
        told += [str(error), repr(error), repr(getattr(error, "cause", "")), repr(error.__cause__)]
    tokens = await refresh(gateway)
    told += [repr(tokens), str(tokens.access_token), repr(gateway.platform.settings), repr(gateway)]
    server.api_answers = [
        said({"error": {"status": "X", "message": SECRETS["access token"]}}, 403),
        said({"error": {"status": "X", "message": SECRETS["access token"]}}, 400),
    ]
    for error in (AccessDenied, Refused):
        with pytest.raises(error) as caught:
            await gateway.fetch(held(gateway, SECRETS["access token"]))("GET", "/v26/x")
        told += [str(caught.value), repr(getattr(caught.value, "cause", ""))]
    told.append(caplog.text)
    leaks = {name for name, secret in SECRETS.items() for text in told if secret in text}
    assert leaks == set()
    assert "HTTP" in caplog.text
