"""Logins at Microsoft Advertising: the accounts they reach, what is a lost login and what is none, and the settings."""

import dataclasses
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from practice_gateway import NOW, VERIFIER, answered, log_in, session
from practice_microsoft_advertising import at_the_desk
from pydantic import ValidationError

from bot.words.connection import Account, Flow
from bot.words.errors import AccessDenied, AuthorizationLost, SetupError, TryLater
from platforms import open_gateways, read_settings
from platforms._microsoft_advertising_orders import Service
from platforms._microsoft_advertising_zones import BY_NAME, report_zone, zone_of
from platforms.microsoft_advertising import MicrosoftAdvertising, MicrosoftAdvertisingSettings
from sandbox.entra_words import ROWS
from sandbox.faults import Fault, Kind
from sandbox.microsoft_advertising import ACME, ADA, AMERICAS, BEN, CLEO, EMEA, SHOES, TOKYO


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


DAY = timedelta(days=1)
SCOPE = "https://ads.microsoft.com/msads.manage"


async def test_a_login_is_known_by_its_id_at_microsoft_advertising(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == ("201714801", ADA)


async def test_a_user_name_that_is_no_mail_address_gives_way_to_one(desk):
    async def fetch(*_, **__):
        return answered(200, {"User": {"Id": "7", "UserName": "ada", "ContactInfo": {"Email": "ada@acme.example"}}})

    assert (await desk.platform.identify(fetch)).login == "ada@acme.example"


async def test_accounts_are_listed_with_currency_and_time_zone_and_their_customer(desk):
    assert desk.accounts == {
        EMEA: Account(EMEA, "Acme Zürich & Łódź", "EUR", "Europe/Berlin", ACME),
        AMERICAS: Account(AMERICAS, "Acme Americas", "USD", "America/New_York", ACME),
    }
    fetch, _ = await session(desk.gateway, BEN)
    assert await desk.platform.accounts(fetch) == [Account(TOKYO, "日本橋シューズ", "JPY", "Asia/Tokyo", SHOES)]


async def test_accounts_are_read_page_by_page(desk):
    desk.sandbox.customers.page_rows = 2
    for n in range(5):
        number = f"18051910{n}"
        desk.sandbox.book.add_account(dataclasses.replace(desk.sandbox.account(EMEA), id=number, groups=[]), 0)
        desk.sandbox.oauth.people[ADA].accounts.append(number)
    assert len(await desk.platform.accounts(desk.fetch)) == 7


async def test_pages_that_go_round_in_circles_come_to_an_end(desk):
    async def fetch(_method, url, **more):
        if "Search" in url:
            more["json"]["PageInfo"]["Index"] = 0
        return await desk.fetch(_method, url, **more)

    with pytest.raises(TryLater, match="circles"):
        await desk.platform.accounts(fetch)


async def test_an_inactive_account_is_left_out_and_does_not_hide_the_others(desk):
    desk.sandbox.close_account(AMERICAS)
    assert [account.id for account in await desk.platform.accounts(desk.fetch)] == [EMEA]


async def test_a_person_without_microsoft_advertising_is_told_so(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.identify(fetch)
    assert (caught.value.cause.code, caught.value.cause.words) == (
        "105",
        "Microsoft Advertising does not know this login.",
    )


async def test_the_consent_asks_for_the_account_for_offline_access_and_with_a_proof_key(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri="http://x", verifier=VERIFIER, login_hint=ADA)
    query = parse_qs(urlsplit(url).query)
    assert query["scope"] == [f"{SCOPE} offline_access"]
    assert (query["prompt"], query["login_hint"], query["code_challenge_method"]) == (
        ["select_account"],
        [ADA],
        ["S256"],
    )


async def test_what_was_granted_is_what_the_flows_need_and_each_refresh_brings_a_new_token(desk):
    tokens = await log_in(desk.gateway, ADA)
    assert tokens.scopes == (SCOPE,)
    assert desk.platform.needs == {Flow.COST: (SCOPE,), Flow.TAGGING: (SCOPE,)}
    fresh = await desk.gateway.refresh(tokens.refresh_token)
    assert fresh.refresh_token not in {None, tokens.refresh_token}
    assert fresh.refresh_expires_at == NOW + 90 * DAY


# Losing and regaining access


async def test_a_first_refusal_refreshes_once(desk):
    desk.sandbox.oauth.expire_access_tokens()
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_a_revoked_login_is_lost_with_microsoft_s_reason(desk):
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "AADSTS50173"


async def test_a_token_refused_again_after_a_refresh_is_lost_and_both_causes_are_named(desk):
    desk.sandbox.entrance.developer_token = "another"
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1
    assert caught.value.cause.code == "105"
    assert "does not say which" in caught.value.cause.words
    assert "developer_token" in caught.value.cause.cure


async def test_an_account_that_was_taken_away_is_denied_and_the_other_goes_on(desk):
    desk.sandbox.withdraw(AMERICAS)
    for use in (desk.platform.probe(desk.fetch, desk.accounts[AMERICAS]), desk.cost(account=desk.accounts[AMERICAS])):
        with pytest.raises(AccessDenied) as caught:
            await use
        assert caught.value.cause.code == "106"
    await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.give_back(AMERICAS)
    await desk.platform.probe(desk.fetch, desk.accounts[AMERICAS])
    assert desk.tokens.refreshes == 0


async def test_an_inactive_account_is_denied(desk):
    desk.sandbox.close_account(EMEA)
    for use in (desk.platform.probe(desk.fetch, desk.account), desk.cost()):
        with pytest.raises(AccessDenied, match="not active"):
            await use


async def test_an_account_that_microsoft_does_not_name_is_denied(desk):
    async def fetch(*_, **__):
        return answered(200, {"Account": None})

    with pytest.raises(AccessDenied, match="does not find this account"):
        await desk.platform.probe(fetch, desk.account)


@pytest.mark.parametrize(("code", "words"), [(108, "locked"), (120, "merged"), (122, "work account")])
async def test_a_login_that_microsoft_advertising_turns_away_is_lost(desk, code, words):
    desk.sandbox.entrance.identity[ADA] = code
    with pytest.raises(AuthorizationLost, match=words) as caught:
        await desk.platform.identify(desk.fetch)
    assert caught.value.cause.code == str(code)


async def test_a_second_factor_that_is_now_required_is_told(desk):
    assert 50076 in ROWS
    desk.sandbox.oauth.require_mfa(ADA)
    desk.sandbox.oauth.expire_access_tokens(ADA)
    with pytest.raises(AuthorizationLost, match="multi-factor"):
        await desk.platform.probe(desk.fetch, desk.account)
    fetch, _ = await session(desk.gateway, ADA)
    await desk.platform.probe(fetch, desk.account)


@pytest.mark.parametrize(
    "kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.STATUS, Kind.RESET, Kind.CUT, Kind.REDIRECT]
)
async def test_trouble_is_never_a_verdict(desk, kind):
    desk.sandbox.faults.add(Fault("Account/Query", kind))
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    await desk.platform.probe(desk.fetch, desk.account)


async def test_too_many_calls_wait_for_a_minute(desk):
    desk.sandbox.entrance.over_limit = 1
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(minutes=1)


# Settings and time zones

CLIENT = {"client_id": "id", "client_secret": "secret"}


def test_without_a_developer_token_it_does_not_start_and_names_the_key():
    with pytest.raises(SetupError, match=r"platforms\.microsoft_advertising\.developer_token: is missing"):
        open_gateways({"microsoft_advertising": CLIENT}, timeout=DAY, now=lambda: NOW)
    read_settings({"microsoft_advertising": CLIENT | {"developer_token": "d"}})
    read_settings({"microsoft_advertising": {}})


def test_the_developer_token_is_shown_nowhere():
    settings = MicrosoftAdvertisingSettings(developer_token="canary")
    assert "canary" not in repr(settings)
    echoed = {"Type": "ApiFaultDetail", "OperationErrors": [{"Code": 201, "Message": "canary"}]}
    assert "canary" not in str(MicrosoftAdvertising(settings).read_error(answered(400, echoed)))


def test_each_service_has_an_address_that_can_be_overridden():
    own = MicrosoftAdvertisingSettings().addresses
    assert own[Service.REPORTING] == "https://reporting.api.bingads.microsoft.com"
    assert own[Service.CUSTOMER] == "https://clientcenter.api.bingads.microsoft.com"
    both = MicrosoftAdvertisingSettings(api_url="https://proxy.example", bulk_url="https://bulk.example").addresses
    assert set(both.values()) == {"https://proxy.example", "https://bulk.example"}
    assert both[Service.BULK] == "https://bulk.example"


def test_the_tenant_decides_where_people_log_in():
    oauth = MicrosoftAdvertising(MicrosoftAdvertisingSettings(tenant="acme.example")).oauth
    assert oauth.authorize_url == "https://login.microsoftonline.com/acme.example/oauth2/v2.0/authorize"
    assert "/common/" in MicrosoftAdvertising(MicrosoftAdvertisingSettings()).oauth.token_url


@pytest.mark.parametrize(
    "utm", ["?a=b", "&a=b", "#a", "a=b c", "a={lpurl}", "a={escapedLpUrl}", "a={unescapedlpurl}", ""]
)
def test_parameters_that_no_suffix_may_hold_are_refused(utm):
    with pytest.raises(ValidationError):
        MicrosoftAdvertisingSettings(utm=utm)


def test_every_time_zone_is_known_and_means_one_place():
    assert len(BY_NAME) == 75
    assert len(set(BY_NAME.values())) == len(BY_NAME)
    for zone in BY_NAME.values():
        assert ZoneInfo(zone).key == zone
    assert zone_of("EasternTimeUSCanada") == "America/New_York"
    assert report_zone("America/New_York") == "EasternTimeUSCanada"
    assert report_zone("Asia/Tashkent") == "IslandamabadKarachiTashkent"


@pytest.mark.parametrize("name", ["Atlantis", None, 7, ""])
def test_an_unknown_time_zone_is_utc(name):
    assert zone_of(name) == "UTC"
    assert report_zone("UTC").startswith("Greenwich")
