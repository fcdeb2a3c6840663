"""Sign in with Slack believes an id token only if everything in it fits, and only one that Slack has signed."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from handlers.web.slack_login import NotAllowed, SlackLogin
from sandbox.world import World

NONCE, BACK = "nonce-of-this-trip", "http://127.0.0.1:8080/signin/callback"
HEADER = {"alg": "RS256", "kid": "sandbox", "typ": "JWT"}


@pytest.fixture
async def slack():
    async with World.open() as world:
        world.slack.openid.redirect_uris.add(BACK)
        yield world.slack.openid


async def signed_in(openid, nonce=NONCE):
    """The whole trip, over sockets; whoever Slack says it was."""

    async def own_team():
        return "T0PRACTICE"

    login = SlackLogin(
        api_url=f"{openid.state.base_url}/api/",
        client_id=openid.client_id,
        client_secret=openid.client_secret,
        own_team=own_team,
        redirect_uri=BACK,
        timeout=5,
    )
    async with httpx2.AsyncClient() as browser:
        answer = await browser.post(
            await login.url("s", NONCE), data={"person": "anna@practice.example", "decision": "allow"}
        )
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    return await login.known(code, nonce, datetime.now(UTC))


async def test_an_id_token_in_which_anything_does_not_fit_lets_nobody_in(slack):
    assert "U0ANNA000" == (await signed_in(slack)).user
    told = {}
    wrong = [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": [slack.client_id, "another-client"]},
        {"nonce": "of-another-trip"},
        {"nonce": None},
        {"exp": int(datetime.now(UTC).timestamp()) - 61},
        {"exp": None},
        {"https://slack.com/team_id": "T0ELSEWHERE"},
        {"https://slack.com/user_id": ""},
        {"https://slack.com/user_id": "U" * 40},
    ]
    for lie in wrong:
        slack.sign = lambda claims, lie=lie: jwt.encode(HEADER, {**claims, **lie}, slack.key)
        with pytest.raises(NotAllowed) as refused:
            await signed_in(slack)
        told[str(refused.value)] = lie
    assert {"the id token is not for us", "another workspace"} == set(told)
    slack.sign = slack._signed
    with pytest.raises(NotAllowed):
        await signed_in(slack, nonce="of-another-browser")


def by_hand(alg, claims, secret=None):
    """What no library would sign: nothing, or with the public key as if it were a secret that we share."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({**HEADER, "alg": alg}, claims)]
    proof = hmac.digest(secret, b".".join(parts), "sha256") if secret else b""
    return b".".join([*parts, urlsafe_b64encode(proof).rstrip(b"=")]).decode()


async def test_an_id_token_that_slack_has_not_signed_lets_nobody_in(slack):
    other = RSAKey.generate_key(2048, {"kid": "sandbox", "use": "sig", "alg": "RS256"})
    forgeries = [
        lambda claims: jwt.encode(HEADER, claims, other),
        lambda claims: by_hand("HS256", claims, slack.key.as_pem(private=False)),
        lambda claims: by_hand("none", claims),
        lambda claims: slack._signed(claims).rpartition(".")[0] + ".",
        lambda claims: slack._signed(claims)[:-4] + "AAAA",
        lambda _: "",
    ]
    for forge in forgeries:
        slack.sign = forge
        with pytest.raises(NotAllowed, match="not Slack's"):
            await signed_in(slack)
