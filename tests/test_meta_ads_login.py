"""Logging in to Meta: tokens are traded for long-lived ones, looked at, proven on every call, and ended by DELETE."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from practice_gateway import CALLBACK, NOW, VERIFIER, gateway_to, log_in
from practice_meta_ads import at_desk

from bot.words.connection import Flow, Secret
from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.oauth import OAuth
from platforms.meta_ads import MetaAds, MetaAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.meta_ads import ADA, BEN, EMEA
from sandbox.meta_ads_login import CLIENT_ID, CLIENT_SECRET, CONFIG_ID
from sandbox.person import ConsentFailed, consent


@pytest.fixture
async def desk():
    async with at_desk() as desk:
        yield desk


def said(code, subcode=None, message="Meta's words"):
    return json.dumps({"error": {"message": message, "code": code, "error_subcode": subcode}})


# The consent


def asked_of(gateway, **more):
    url = gateway.consent_url(state="s", redirect_uri=CALLBACK.format("meta_ads"), verifier=VERIFIER, **more)
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


async def test_the_consent_asks_for_what_is_needed_again_if_it_was_declined_and_without_pkce(desk):
    assert asked_of(desk.gateway) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK.format("meta_ads"),
        "scope": "ads_read ads_management",
        "state": "s",
        "auth_type": "rerequest",
    }


def test_the_right_to_change_ads_is_only_asked_for_when_ads_are_changed():
    careful, tagging = MetaAds(MetaAdsSettings()), MetaAds(MetaAdsSettings(tag_by_recreating=True))
    assert careful.oauth.scopes == ("ads_read",)
    assert careful.needs == {Flow.COST: ("ads_read",), Flow.TAGGING: ("ads_read",)}
    assert tagging.oauth.scopes == ("ads_read", "ads_management")
    assert tagging.needs == {Flow.COST: ("ads_read",), Flow.TAGGING: ("ads_management",)}


def test_addresses_follow_the_version_and_the_api_s_host():
    oauth = MetaAds(MetaAdsSettings(version="v27.0", api_url="https://graph.example/")).oauth
    assert oauth.authorize_url == "https://www.facebook.com/v27.0/dialog/oauth"
    assert oauth.token_url == "https://graph.example/v27.0/oauth/access_token"
    assert oauth.revoke_url == "https://graph.example/v27.0/me/permissions"
    assert oauth.inspect.url == "https://graph.example/v27.0/debug_token?method=get"
    assert MetaAds(MetaAdsSettings()).oauth.token_url == "https://graph.facebook.com/v26.0/oauth/access_token"


async def test_a_configuration_of_login_for_business_brings_its_own_permissions(desk):
    settings = desk.platform.settings.model_dump() | {"client_secret": CLIENT_SECRET, "config_id": CONFIG_ID}
    async with gateway_to("meta_ads", settings, now=desk.clock) as gateway:
        asked = asked_of(gateway)
        assert (asked["config_id"], "scope" in asked) == (CONFIG_ID, False)
        tokens = await log_in(gateway, ADA)
    assert set(tokens.scopes) == {"public_profile", "ads_read", "ads_management", "business_management"}


async def test_granted_permissions_are_told_and_a_declined_one_is_asked_for_again(desk):
    assert "ads_management" not in (await log_in(desk.gateway, ADA, without_scopes=["ads_management"])).scopes
    assert "ads_management" in (await log_in(desk.gateway, ADA)).scopes


async def test_a_permission_that_is_taken_back_later_is_noticed_at_the_next_renewal(desk):
    desk.sandbox.oauth.decline(ADA, "ads_management")
    assert (await desk.gateway.refresh(desk.tokens.refresh_token)).scopes == ("public_profile", "ads_read")


# Tokens


async def test_a_login_lasts_sixty_days_and_stands_for_its_own_refresh_token(desk):
    tokens = await log_in(desk.gateway, BEN)
    assert tokens.refresh_token == tokens.access_token
    assert tokens.expires_at == NOW + timedelta(days=60)
    assert tokens.refresh_expires_at == NOW + timedelta(days=90)
    grants = [entry["grant_type"] for entry in desk.sandbox.ledger.where("token_request")][-2:]
    assert grants == ["authorization_code", "fb_exchange_token"]


async def test_a_renewal_is_another_trade_and_does_not_move_the_day_a_person_is_needed(desk):
    desk.clock.moment += timedelta(days=50)
    fresh = await desk.gateway.refresh(desk.tokens.refresh_token)
    assert fresh.access_token != desk.tokens.tokens.access_token
    assert fresh.refresh_token == fresh.access_token
    assert fresh.expires_at == NOW + timedelta(days=110)
    assert fresh.refresh_expires_at == NOW + timedelta(days=90)


async def test_a_token_that_never_ends_has_no_dates(desk):
    desk.sandbox.oauth.long = None
    tokens = await log_in(desk.gateway, ADA)
    assert (tokens.expires_at, tokens.refresh_expires_at) == (None, None)


async def test_a_login_that_ran_out_cannot_be_traded_any_more(desk):
    desk.clock.moment += timedelta(days=61)
    with pytest.raises(AuthorizationLost) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "190.463"


@pytest.mark.parametrize(
    ("end", "code", "cure"),
    [
        ("revoke", "190.458", "Log in again"),
        ("change_password", "190.460", "Log in again"),
        ("checkpoint", "190.459", "facebook.com first"),
    ],
)
async def test_a_login_that_was_ended_is_a_loss_with_its_reason(desk, end, code, cure):
    getattr(desk.sandbox, end)()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == code
    assert cure in caught.value.cause.cure
    assert desk.tokens.refreshes == 1


async def test_the_first_refusal_of_a_call_is_only_a_reason_to_trade_once(desk):
    desk.sandbox.faults.add(Fault(match=f"act_{EMEA}", status=401, body=said(190)))
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_a_second_refusal_with_a_fresh_token_is_a_loss(desk):
    desk.sandbox.faults.add(Fault(match=f"act_{EMEA}", status=400, body=said(190, 467), times=2))
    with pytest.raises(AuthorizationLost):
        await desk.platform.probe(desk.fetch, desk.account)


# What goes wrong on the way


async def code_for(gateway, email=ADA):
    url = gateway.consent_url(state="s", redirect_uri=CALLBACK.format("meta_ads"), verifier=None)
    async with httpx2.AsyncClient(verify=False) as browser:
        back = await consent(browser, url, email)
    return Secret(parse_qs(urlsplit(back).query)["code"][0])


async def trade(gateway, code, path="meta_ads"):
    return await gateway.exchange(code=code, redirect_uri=CALLBACK.format(path), verifier=None)


async def test_a_code_that_was_used_is_refused(desk):
    code = await code_for(desk.gateway)
    await trade(desk.gateway, code)
    with pytest.raises(Refused) as caught:
        await trade(desk.gateway, code)
    assert caught.value.code == "100.36009"
    with pytest.raises(Refused):
        await trade(desk.gateway, Secret("made-up"))


async def test_another_callback_than_the_one_asked_with_is_the_operator_s(desk):
    with pytest.raises(Misconfigured) as caught:
        await trade(desk.gateway, await code_for(desk.gateway), "elsewhere")
    assert caught.value.cause.code == "100.36008"


async def test_a_login_that_ends_between_code_and_trade_is_a_refused_login(desk):
    code = await code_for(desk.gateway)
    desk.sandbox.faults.add(Fault(match="oauth/access_token", status=400, body=said(190, 458), skip=1))
    with pytest.raises(Refused) as caught:
        await trade(desk.gateway, code)
    assert caught.value.code == "190.458"


@pytest.mark.parametrize("match", ["oauth/access_token", "debug_token"])
@pytest.mark.parametrize("kind", [Kind.STATUS, Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.REDIRECT, Kind.DROP, Kind.CUT])
async def test_trouble_at_either_step_is_no_verdict(desk, match, kind):
    desk.sandbox.faults.add(Fault(match=match, kind=kind))
    with pytest.raises(TryLater):
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert await desk.gateway.refresh(desk.tokens.refresh_token)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_to_look_at_the_token_says_nothing_about_the_login(desk, status):
    desk.sandbox.faults.add(Fault(match="debug_token", status=status, body=said(190)))
    with pytest.raises(TryLater):
        await desk.gateway.refresh(desk.tokens.refresh_token)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"is_valid":true,"expires_at":"soon"}}',
        b'{"data":{"is_valid":true,"scopes":"ads_read"}}',
        b'{"data":{"is_valid":true,"scopes":7}}',
        b'{"data":{"is_valid":true,"expires_at":1e300}}',
        b'{"data":{"is_valid":true,"expires_at":99999999999999999}}',
        b'{"data":{"is_valid":false,"error":["x"]}}',
        b'{"data":{"is_valid":"yes"}}',
        b'{"data":[]}',
        b"[]",
    ],
)
async def test_an_odd_answer_about_a_token_is_no_verdict(desk, body):
    desk.sandbox.faults.add(Fault(match="debug_token", kind=Kind.GARBAGE, body=body))
    with pytest.raises(RedkeyError) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert isinstance(caught.value, TryLater)


async def test_a_new_token_that_is_not_valid_is_a_loss(desk):
    told = {"data": {"is_valid": False, "error": {"code": 190, "subcode": 460, "message": "changed"}, "scopes": []}}
    desk.sandbox.faults.add(Fault(match="debug_token", kind=Kind.GARBAGE, body=json.dumps(told)))
    with pytest.raises(AuthorizationLost) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "190.460"


async def test_a_wrong_app_secret_is_the_operator_s(desk):
    desk.sandbox.oauth.change_secret("another")
    with pytest.raises(Misconfigured) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "1"
    with pytest.raises(Misconfigured) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert "secret" in caught.value.cause.words


async def test_an_unknown_app_is_the_operator_s(desk):
    desk.sandbox.oauth.clients.clear()
    with pytest.raises(Misconfigured) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "101"


@pytest.mark.parametrize(("version", "code"), [("v20.0", "2635"), ("v99.0", "2500")])
async def test_a_version_that_is_switched_off_or_unknown_is_the_operator_s(desk, version, code):
    with pytest.raises(Misconfigured) as caught:
        await desk.platform_with(version=version).probe(desk.fetch, desk.account)
    assert caught.value.cause.code == code
    assert "version" in caught.value.cause.cure


# Proofs, addresses, secrets


async def test_every_call_is_proven_where_the_app_requires_it(desk):
    desk.sandbox.api.entrance.require_proof = True
    await desk.platform.identify(desk.fetch)
    await desk.platform.accounts(desk.fetch)
    await desk.platform.probe(desk.fetch, desk.account)
    unproven = {e["call"] for e in desk.sandbox.ledger.where("api_call", proof=False)}
    assert unproven == {"GET debug_token"}


async def test_the_proof_is_an_hmac_of_the_token_and_never_the_token(desk, monkeypatch):
    seen = []

    async def listen(request):
        seen.append(request)
        return httpx2.Response(200, json={"id": "7", "name": "A"})

    monkeypatch.setattr(desk.gateway._api_wire, "handle_async_request", listen)
    await desk.platform.identify(desk.fetch)
    token = desk.tokens.tokens.access_token.reveal()
    query = parse_qs(seen[0].url.query.decode())
    assert query["appsecret_proof"] == [hmac.new(CLIENT_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()]
    assert query["fields"] == ["id,name"]
    assert token not in str(seen[0].url)
    assert seen[0].headers["authorization"] == f"Bearer {token}"


async def test_no_token_and_no_secret_ever_stands_in_an_address(desk):
    fresh = await desk.gateway.refresh(desk.tokens.refresh_token)
    desk.sandbox.page_size = 2
    await desk.platform.accounts(desk.fetch)
    _ = [page async for page in desk.platform.ads(desk.fetch, desk.account, None)]
    await desk.gateway.revoke(fresh.refresh_token)
    assert desk.sandbox.ledger.count("api_call") > 10
    assert desk.sandbox.ledger.count("api_call", token_in_query=True) == 0
    assert desk.sandbox.ledger.count("token_request", secrets_in_query=True) == 0


async def test_what_meta_echoes_of_our_secrets_is_not_repeated(desk):
    token = desk.tokens.refresh_token.reveal()
    # The second step sends the new token, and not the old one.
    for match, sent in (("oauth/access_token", f"{token} {CLIENT_SECRET}"), ("debug_token", f"id|{CLIENT_SECRET}")):
        body = said(1, message=f"Error validating client secret: {sent}")
        desk.sandbox.faults.add(Fault(match=match, status=400, body=body))
        with pytest.raises(Misconfigured) as caught:
            await desk.gateway.refresh(desk.tokens.refresh_token)
        assert token not in repr(caught.value.cause)
        assert CLIENT_SECRET not in repr(caught.value.cause)
    assert CLIENT_SECRET not in repr(desk.platform.oauth)


def test_platforms_without_a_proof_send_none():
    oauth = OAuth("https://a.example", "https://b.example")
    assert (oauth.proof, oauth.extends, oauth.inspect, oauth.revoke_method) == ("", "", None, "POST")


# Revocation


async def test_revoking_ends_every_login_of_the_person_and_a_dead_one_is_done_already(desk):
    desk.sandbox.api.entrance.require_proof = True
    other = await log_in(desk.gateway, ADA)
    await desk.gateway.revoke(desk.tokens.refresh_token)
    with pytest.raises(AuthorizationLost):
        await desk.gateway.refresh(other.refresh_token)
    await desk.gateway.revoke(desk.tokens.refresh_token)
    assert desk.platform.oauth.revokes_person


@pytest.mark.parametrize(
    "fault",
    [
        Fault(match="permissions", status=503),
        Fault(match="permissions", status=400, body=said(17)),
        Fault(match="permissions", status=400, body=said(100, message="Invalid appsecret_proof")),
        Fault(match="permissions", kind=Kind.HTML, status=400),
        Fault(match="permissions", kind=Kind.DROP),
    ],
    ids=["down", "limit", "proof", "html", "drop"],
)
async def test_a_revocation_that_did_not_happen_is_tried_later(desk, fault):
    desk.sandbox.faults.add(replace(fault))
    with pytest.raises(TryLater):
        await desk.gateway.revoke(desk.tokens.refresh_token)


async def test_a_person_who_says_no_changes_nothing(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri=CALLBACK.format("meta_ads"), verifier=None)
    async with httpx2.AsyncClient(verify=False) as browser:
        back = parse_qs(urlsplit(await consent(browser, url, ADA, allow=False)).query)
        with pytest.raises(ConsentFailed):
            await consent(browser, url.replace("ads_read", "ads_raed"), ADA)
    assert (back["error"], back["error_reason"]) == (["access_denied"], ["user_denied"])
    await desk.platform.probe(desk.fetch, desk.account)
