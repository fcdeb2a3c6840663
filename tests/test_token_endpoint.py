"""OAuth over real sockets: what a token endpoint may do to us, and what only then is a loss."""

import asyncio
import base64
import gzip
import hashlib
import json
import ssl
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from practice_gateway import NOW, VERIFIER, gateway_to, served
from practice_gateway_server import GOOD, SECRETS, TROUBLE, Server, exchange, refresh, said, settings_of

from bot.words.connection import Secret, TokenSet
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms import open_gateways
from platforms._http import LONGEST_WAIT
from platforms._verdicts import without
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


@pytest.mark.parametrize("kind", ["text/html", "text/javascript; charset=UTF-8", "application/octet-stream", ""])
async def test_a_token_that_is_sent_under_a_wrong_name_is_a_token_all_the_same(server, gateway, kind):
    """Meta named its answers text/javascript for years. One that has rotated is the only copy, so it is not thrown away."""
    server.token_answers = [said(GOOD, content_type=kind)]
    assert SECRETS["access token"] == (await refresh(gateway)).access_token.reveal()


GARBAGE = {
    "html": b"<!doctype html><h1>Welcome</h1>",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "invalid utf-8": b'{"access_token":"\xff\xfe","token_type":"Bearer"}',
    "half": b'{"access_token":"a',
    "deep": b"[" * 200_000,
    "a key twice further in": b'{"access_token":"a","token_type":"Bearer","x":{"y":1,"y":2}}',
    "a byte order mark": b'\xef\xbb\xbf{"access_token":"a","token_type":"Bearer"}',
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


async def test_revoking_sends_the_token_in_the_body_and_takes_already_revoked_for_done(server, gateway):
    server.token_answers = [said({}), said({"error": "invalid_token"}, 400)]
    await gateway.revoke(Secret("t1"))
    await gateway.revoke(Secret("t2"))
    assert [form["token"] for form in server.forms] == ["t1", "t2"]
    assert [(None, SECRETS["client secret"])] * 2 == [(f["authorization"], f["client_secret"]) for f in server.forms]


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


async def test_a_platform_that_takes_no_token_back_is_not_asked(server):
    async with gateway_to("google_ads", settings_of(server.url) | {"revoke_url": ""}, seconds=0.6) as gateway:
        await gateway.revoke(Secret("t"))
    assert [] == server.forms


async def test_a_code_that_cannot_be_sent_is_no_loss(gateway):
    with pytest.raises(TryLater):
        await gateway.exchange(code=Secret("\ud800"), redirect_uri="http://127.0.0.1/cb", verifier=None)


@pytest.mark.parametrize("word", ["invalid_token", "invalid_grant", "unsupported_token_type"])
async def test_a_token_that_the_platform_knows_no_more_is_given_back_already(server, gateway, word):
    server.token_answers = [said({"error": word}, 400), said({"error": word}, 500)]
    await gateway.revoke(Secret("t"))
    with pytest.raises(TryLater):
        await gateway.revoke(Secret("t"))


async def test_a_revocation_waits_as_long_as_the_platform_asks(server, gateway):
    server.token_answers = [said({"error": "slow_down"}, 429, retry_after="7")]
    with pytest.raises(TryLater) as told:
        await gateway.revoke(Secret("t"))
    assert timedelta(seconds=7) == told.value.after


async def test_answers_with_secrets_are_asked_for_in_plain_json_by_name(server, gateway):
    server.token_answers = [said(GOOD), said(GOOD), said({})]
    await exchange(gateway)
    await refresh(gateway)
    await gateway.revoke(Secret("t"))
    wanted = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "Redkey"}
    for headers in server.headers:
        assert wanted == {name: headers[name] for name in wanted}
        assert headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert 3 == len(server.headers)


async def test_microsoft_is_told_at_each_refresh_what_the_token_is_for_and_google_is_not(server, gateway):
    server.token_answers = [said(GOOD), said(GOOD)]
    settings = settings_of(server.url) | {"developer_token": "dev"}
    del settings["revoke_url"], settings["userinfo_url"]
    async with gateway_to("microsoft_advertising", settings) as microsoft:
        await refresh(microsoft)
    await refresh(gateway)
    assert ["https://ads.microsoft.com/msads.manage offline_access", None] == [f.get("scope") for f in server.forms]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_token_endpoint_is_waited_for_as_long_as_it_asks_and_no_longer_than_makes_sense(
    server, gateway, status
):
    server.token_answers = [said({}, status, retry_after="7"), said({}, status, retry_after="999999")]
    for wait in (timedelta(seconds=7), LONGEST_WAIT):
        with pytest.raises(TryLater) as told:
            await refresh(gateway)
        assert (wait, status != 429) == (told.value.after, told.value.unclear)


async def test_a_lifetime_that_no_platform_gives_is_in_no_token_answer(server, gateway):
    ten_years = 10 * 366 * 86_400
    server.token_answers = [said(GOOD | {"expires_in": lives}) for lives in (1, ten_years)]
    for lives in (1, ten_years):
        assert NOW + timedelta(seconds=lives) == (await refresh(gateway)).expires_at
    wrong = (0, -1, "0", ten_years + 1, "9" * 12)
    server.token_answers = [said(GOOD | {"expires_in": lives}) for lives in wrong]
    for _ in wrong:
        with pytest.raises(TryLater):
            await refresh(gateway)


@pytest.mark.parametrize(
    "answer", [said([], retry_after="7"), said({}, 302, retry_after="7")], ids=["none", "redirect"]
)
async def test_an_answer_that_is_no_token_is_followed_by_the_pause_it_asks_for(server, gateway, answer):
    server.token_answers = [answer]
    with pytest.raises(TryLater) as told:
        await refresh(gateway)
    assert timedelta(seconds=7) == told.value.after


@pytest.mark.parametrize("scope", [{}, {"scope": ""}, {"scope": None}, {"scope": 7}], ids=str)
async def test_a_login_whose_scopes_are_not_told_has_those_asked_for_and_a_refresh_says_nothing_of_them(
    server, gateway, scope
):
    """RFC 6749 5.1: left out where it is what was asked for. A refresh is no consent: what was given then still counts."""
    server.token_answers = [said(GOOD | scope), said(GOOD | scope)]
    assert gateway.platform.oauth.scopes == (await exchange(gateway)).scopes
    assert () == (await refresh(gateway)).scopes
