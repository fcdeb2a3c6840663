"""OAuth and authorized HTTP: what token endpoints and APIs may do to us, over real sockets."""

import asyncio
import base64
import gzip
import hashlib
import json
import logging
import ssl
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from practice_gateway import NOW, VERIFIER, HeldTokens, gateway_to, served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.connection import Secret, TokenSet
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from platforms import open_gateways
from platforms._http import LONGEST_WAIT, retry_after
from platforms._verdicts import without
from sandbox.faults import Fault, Faults, Kind
from sandbox.ledger import Ledger

SECRETS = {
    "client secret": "canary-client-secret",
    "refresh token": "canary-refresh-token",
    "code": "canary-code",
    "verifier": VERIFIER.reveal(),
    "access token": "canary-access-token",
}
GOOD = {"access_token": SECRETS["access token"], "token_type": "Bearer", "expires_in": 3599}


class Server:
    """A token endpoint and an API that answer what a test tells them to, behind faults."""

    def __init__(self):
        self.token_answers = []
        self.api_answers = []
        self.forms = []
        self.calls = []
        self.bodies = []
        self.faults = Faults(Ledger())
        routes = [
            Route("/token", self.token, methods=["POST"]),
            Route("/revoke", self.token, methods=["POST"]),
            Route("/elsewhere", self.elsewhere, methods=["GET", "POST"]),
            Route("/{rest:path}", self.api, methods=["GET", "POST"]),
        ]
        self.app = self.faults.wrap(Starlette(routes=routes))
        self.followed = 0

    async def token(self, request: Request):
        self.forms.append(dict(await request.form()) | {"authorization": request.headers.get("authorization")})
        return self.token_answers.pop(0)

    async def api(self, request: Request):
        self.calls.append(request)
        self.bodies.append(await request.body())
        return self.api_answers.pop(0)

    async def elsewhere(self, _: Request):
        self.followed += 1
        return said(GOOD)


def said(body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Response(content, status, headers)


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


def settings_of(url):
    return {
        "client_id": "redkey",
        "client_secret": SECRETS["client secret"],
        "authorize_url": f"{url}/authorize?already=there",
        "token_url": f"{url}/token",
        "revoke_url": f"{url}/revoke",
        "userinfo_url": f"{url}/userinfo",
        "api_url": url,
    }


def refresh(gateway):
    return gateway.refresh(Secret(SECRETS["refresh token"]))


def exchange(gateway):
    return gateway.exchange(code=Secret(SECRETS["code"]), redirect_uri="http://127.0.0.1/cb", verifier=VERIFIER)


def test_the_consent_address_carries_pkce_state_scopes_and_the_login_that_is_expected():
    gateways = open_gateways(
        {"google_ads": settings_of("http://127.0.0.1:1")}, timeout=timedelta(seconds=1), now=lambda: NOW
    )
    url = gateways["google_ads"].consent_url(
        state="st&te", redirect_uri="https://r.example/cb", verifier=VERIFIER, login_hint="ada@acme.example"
    )
    asked = {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.reveal().encode()).digest()).rstrip(b"=").decode()
    assert asked == {
        "already": "there",
        "response_type": "code",
        "client_id": "redkey",
        "redirect_uri": "https://r.example/cb",
        "scope": "openid email https://www.googleapis.com/auth/adwords",
        "state": "st&te",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": "ada@acme.example",
    }


async def test_a_code_is_traded_with_client_and_verifier_in_the_body(server, gateway):
    server.token_answers = [
        said(GOOD | {"refresh_token": "rt", "scope": "a b", "refresh_token_expires_in": 604799, "id_token": "x"})
    ]
    tokens = await exchange(gateway)
    assert server.forms == [
        {
            "grant_type": "authorization_code",
            "code": SECRETS["code"],
            "redirect_uri": "http://127.0.0.1/cb",
            "code_verifier": VERIFIER.reveal(),
            "client_id": "redkey",
            "client_secret": SECRETS["client secret"],
            "authorization": None,
        }
    ]
    assert tokens == TokenSet(
        access_token=Secret(SECRETS["access token"]),
        refresh_token=Secret("rt"),
        expires_at=NOW + timedelta(seconds=3599),
        refresh_expires_at=NOW + timedelta(seconds=604799),
        scopes=("a", "b"),
    )


async def test_a_refresh_answer_without_a_refresh_token_leaves_it_to_the_caller_to_keep_the_old_one(server, gateway):
    server.token_answers = [said(GOOD)]
    tokens = await refresh(gateway)
    assert tokens.refresh_token is None
    assert server.forms[0]["grant_type"] == "refresh_token"
    assert server.forms[0]["refresh_token"] == SECRETS["refresh token"]


async def test_a_login_made_while_the_consent_screen_is_in_testing_ends_after_seven_days(server):
    async with gateway_to("google_ads", settings_of(server.url) | {"testing": True}) as gateway:
        server.token_answers = [said(GOOD | {"refresh_token": "rt"}), said(GOOD)]
        assert (await exchange(gateway)).refresh_expires_at == NOW + timedelta(days=7)
        assert (await refresh(gateway)).refresh_expires_at is None


@pytest.mark.parametrize("expires_in", [3600, "3600", 3600.0], ids=["number", "text", "fraction"])
async def test_a_readable_lifetime_is_taken(server, gateway, expires_in):
    server.token_answers = [said(GOOD | {"expires_in": expires_in})]
    assert (await refresh(gateway)).expires_at == NOW + timedelta(hours=1)


GARBAGE = {
    "html": b"<!doctype html><h1>Welcome</h1>",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "invalid utf-8": b'{"access_token":"\xff\xfe","token_type":"Bearer"}',
    "half": b'{"access_token":"a',
    "deep": b"[" * 200_000,
    "a key twice": b'{"access_token":"a","access_token":"b","token_type":"Bearer"}',
    "an error beside a token": json.dumps(GOOD | {"error": "slow_down"}).encode(),
    "an error with 200": b'{"error":"invalid_grant"}',
    "a rate limit with 200": b'{"message":"slow down"}',
    "no access token": b'{"token_type":"Bearer","expires_in":3600}',
    "an empty access token": json.dumps(GOOD | {"access_token": ""}).encode(),
    "a number for a token": json.dumps(GOOD | {"access_token": 7}).encode(),
    "a token with a line break": json.dumps(GOOD | {"access_token": "a\r\nx: y"}).encode(),
    "another kind of token": json.dumps(GOOD | {"token_type": "mac"}).encode(),
    "a refresh token that is none": json.dumps(GOOD | {"refresh_token": ["x"]}).encode(),
    "a lifetime in words": json.dumps(GOOD | {"expires_in": "soon"}).encode(),
    "a negative lifetime": json.dumps(GOOD | {"expires_in": -1}).encode(),
    "an endless lifetime": b'{"access_token":"a","expires_in":1e18}',
    "an infinite lifetime": b'{"access_token":"a","expires_in":Infinity}',
    "a null lifetime": json.dumps(GOOD | {"expires_in": None}).encode(),
    "a true lifetime": json.dumps(GOOD | {"expires_in": True}).encode(),
}


@pytest.mark.parametrize("asking", [refresh, exchange])
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_from_a_token_endpoint_is_neither_a_token_nor_a_loss(server, gateway, asking, body):
    server.token_answers = [said(body)]
    with pytest.raises(TryLater) as caught:
        await asking(gateway)
    assert caught.value.unclear


TROUBLE = {
    "429": Fault(status=429, body='{"message":"rate"}'),
    "429 with an oauth error": Fault(status=429, body='{"error":"invalid_grant"}'),
    "500": Fault(status=500, body=""),
    "503 with an oauth error": Fault(status=503, body='{"error":"invalid_grant"}'),
    "502 page": Fault(kind=Kind.HTML, status=502),
    "400 page": Fault(kind=Kind.HTML, status=400),
    "401 page": Fault(kind=Kind.HTML, status=401),
    "html": Fault(kind=Kind.HTML),
    "garbage": Fault(kind=Kind.GARBAGE),
    "empty": Fault(kind=Kind.EMPTY),
    "hang": Fault(kind=Kind.HANG),
    "trickle": Fault(kind=Kind.TRICKLE, seconds=0.05),
    "reset": Fault(kind=Kind.RESET),
    "huge": Fault(kind=Kind.HUGE),
}


@pytest.mark.parametrize("asking", [refresh, exchange])
@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
async def test_trouble_at_the_token_endpoint_is_neither_a_token_nor_a_loss(server, gateway, asking, fault):
    server.faults.add(Fault(**(vars(fault) | {"match": "token", "struck": 0})))
    with pytest.raises(TryLater):
        await asking(gateway)
    assert server.forms == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_token_endpoint_that_redirects_is_not_followed(server, gateway, status):
    fault = Fault(match="token", kind=Kind.REDIRECT, status=status, location=f"{server.url}/elsewhere")
    server.faults.add(fault)
    with pytest.raises(TryLater):
        await refresh(gateway)
    assert server.followed == 0


@pytest.mark.parametrize(
    ("fault", "unclear"),
    [
        (Fault(status=503, body="<h1>down</h1>"), True),
        (Fault(status=503, body='{"error":"temporarily_unavailable"}'), False),
        (Fault(status=429, body="{}"), False),
        (Fault(kind=Kind.DROP), True),
        (Fault(kind=Kind.CUT), True),
        (Fault(kind=Kind.HANG), True),
        (Fault(kind=Kind.REDIRECT), False),
    ],
)
async def test_only_a_request_that_may_have_been_carried_out_is_unclear(server, gateway, fault, unclear):
    server.token_answers = [said(GOOD)]
    server.faults.add(Fault(**(vars(fault) | {"match": "token", "struck": 0})))
    with pytest.raises(TryLater) as caught:
        await refresh(gateway)
    assert caught.value.unclear is unclear


async def test_a_server_that_cannot_be_reached_has_done_nothing(gateway):
    async with gateway_to("google_ads", settings_of("http://127.0.0.1:9")) as unreachable:
        with pytest.raises(TryLater) as caught:
            await refresh(unreachable)
    assert not caught.value.unclear


async def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path):
    seen = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(self_signed(tmp_path))
    listening = await asyncio.start_server(lambda *_: seen.append("connected"), "127.0.0.1", 0, ssl=context)
    async with listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with gateway_to("google_ads", settings_of(url)) as gateway:
            with pytest.raises(TryLater, match="certificate") as caught:
                await refresh(gateway)
    assert (seen, caught.value.unclear) == ([], False)


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(days=9), NOW + timedelta(days=9000))
    certificate = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(plain + certificate.public_bytes(pem))
    return folder / "both.pem"


async def test_a_gzip_bomb_at_the_token_endpoint_stays_folded(server, gateway):
    bomb = gzip.compress(b" " * 300_000_000, compresslevel=1)
    server.token_answers = [said(bomb, content_encoding="gzip")]
    with pytest.raises(TryLater):
        await refresh(gateway)


@pytest.mark.parametrize(
    ("code", "error", "refused_by_exchange"),
    [
        ("invalid_grant", AuthorizationLost, Refused),
        ("invalid_client", Misconfigured, Misconfigured),
        ("unauthorized_client", Misconfigured, Misconfigured),
        ("admin_policy_enforced", AccessDenied, AccessDenied),
        ("never_heard_of", TryLater, TryLater),
        ({"code": 190}, TryLater, TryLater),
    ],
)
async def test_only_a_definite_refusal_is_a_loss(server, gateway, code, error, refused_by_exchange):
    server.token_answers = [said({"error": code}, 400)] * 2
    with pytest.raises(error):
        await refresh(gateway)
    with pytest.raises(refused_by_exchange):
        await exchange(gateway)


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


async def test_revoking_sends_the_token_in_the_body_and_takes_already_revoked_for_done(server, gateway):
    server.token_answers = [said({}), said({"error": "invalid_token"}, 400)]
    await gateway.revoke(Secret("t1"))
    await gateway.revoke(Secret("t2"))
    assert [form["token"] for form in server.forms] == ["t1", "t2"]


@pytest.mark.parametrize(("status", "body"), [(503, b""), (400, b"<h1>"), (429, b"{}"), (401, b'{"error":"x"}')])
async def test_a_revocation_that_did_not_happen_is_tried_later(server, gateway, status, body):
    server.token_answers = [said(body, status)]
    with pytest.raises(TryLater):
        await gateway.revoke(Secret("t"))


async def test_a_platform_that_says_the_token_it_was_sent_for_an_error_puts_it_into_no_error_of_ours(server, gateway):
    token = "1.0gSecretRefreshToken"
    server.token_answers = [said({"error": token}, 400)]
    with pytest.raises(TryLater) as told:
        await gateway.revoke(Secret(token))
    assert token not in str(told.value)
    refused = without(Refused(f"no {token}", code=token), token)
    assert (str(refused), refused.code) == ("no ***", "***")


# Authorized calls


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


# Secrets


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
