"""Logins at Google Ads: the accounts they reach and the way to them, and what is a lost login and what is none."""

import dataclasses
from datetime import timedelta

import pytest
from practice_gateway import answered, log_in, session
from practice_google_ads import UNTIL, desk_of_ada

from bot.words.connection import Account
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms.google_ads import GoogleAds, GoogleAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.google_ads import ADA, AMERICAS, BEN, CLEO, EMEA, MANAGER, SHOES
from sandbox.oauth import Problem


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


ADWORDS = "https://www.googleapis.com/auth/adwords"


# Logins and accounts


async def test_a_login_is_known_by_its_google_id(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (desk.sandbox.oauth.people[ADA].sub, ADA)


async def test_the_last_day_of_the_look_back_is_still_told_and_no_month_before_it_would_be(desk):
    earliest = UNTIL - timedelta(days=GoogleAds.look_back_days)
    assert [page.through for page in await desk.cost(earliest, earliest)] == [earliest]
    with pytest.raises(Refused) as refused:
        await desk.cost(earliest - timedelta(days=8), earliest)
    assert refused.value.code == "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED"


async def test_a_login_without_its_mail_address_is_shown_by_its_id(desk):
    fetch, _ = await session(desk.gateway, ADA, without_scopes=["email"])
    identity = await desk.platform.identify(fetch)
    assert identity.login == identity.id


async def test_accounts_under_a_manager_are_listed_with_currency_and_time_zone_and_the_way_to_them(desk):
    assert desk.accounts == {
        EMEA: Account(EMEA, "Acme EMEA", "EUR", "Europe/Berlin", MANAGER),
        AMERICAS: Account(AMERICAS, "Acme Americas", "USD", "America/New_York", MANAGER),
    }


async def test_an_account_that_is_reached_directly_needs_no_way(desk):
    fetch, _ = await session(desk.gateway, BEN)
    assert await desk.platform.accounts(fetch) == [Account(SHOES, "日本橋シューズ", "JPY", "Asia/Tokyo", "")]


async def test_an_account_reached_both_ways_is_listed_once_and_directly(desk):
    desk.sandbox.oauth.people[ADA].accounts.append(EMEA)
    accounts = await desk.platform.accounts(desk.fetch)
    assert [(account.id, account.parent) for account in accounts] == [(EMEA, ""), (AMERICAS, MANAGER)]
    await desk.platform.probe(desk.fetch, accounts[0])


async def test_closed_accounts_are_left_out_and_do_not_hide_the_others(desk):
    desk.sandbox.oauth.people[ADA].accounts.append(SHOES)
    desk.sandbox.close_account(SHOES)
    desk.sandbox.close_account(AMERICAS)
    assert [account.id for account in await desk.platform.accounts(desk.fetch)] == [EMEA]


async def test_a_person_without_google_ads_is_told_so(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.accounts(fetch)
    assert caught.value.cause.code == "NOT_ADS_USER"


async def test_a_chosen_manager_is_the_only_way_in(desk):
    settings = desk.platform.settings.model_copy(update={"login_customer_id": SHOES})
    with pytest.raises(AccessDenied):
        await GoogleAds(settings, desk.clock).accounts(desk.fetch)


# Losing and regaining access


async def test_an_expired_token_is_renewed_in_passing(desk):
    desk.sandbox.oauth.expire_access_tokens()
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_a_refresh_brings_no_refresh_token(desk):
    assert desk.tokens.refresh_token is not None
    assert (await desk.gateway.refresh(desk.tokens.refresh_token)).refresh_token is None


async def test_a_revoked_login_is_a_loss(desk):
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "invalid_grant"


async def test_an_ended_workspace_session_is_a_loss_with_its_own_cure(desk):
    desk.sandbox.end_session()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "invalid_rapt"
    assert "Workspace" in caught.value.cause.cure


async def test_a_deleted_google_account_is_told_apart(desk):
    desk.sandbox.oauth.revoke_user(ADA, Problem.ACCOUNT_DELETED)
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert "deleted" in caught.value.cause.words


async def test_a_box_that_was_not_ticked_is_a_loss_that_names_the_box(desk):
    fetch, _ = await session(desk.gateway, ADA, without_scopes=[ADWORDS])
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.accounts(fetch)
    assert caught.value.cause.code == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_granted_scopes_are_told(desk):
    assert ADWORDS in (await log_in(desk.gateway, ADA)).scopes
    assert ADWORDS not in (await log_in(desk.gateway, ADA, without_scopes=[ADWORDS])).scopes


async def test_one_withdrawn_account_is_no_lost_login(desk):
    desk.sandbox.withdraw(AMERICAS)
    with pytest.raises(AccessDenied):
        await desk.platform.probe(desk.fetch, desk.accounts[AMERICAS])
    await desk.platform.probe(desk.fetch, desk.account)


async def test_a_wrong_client_secret_is_the_operator_s(desk):
    desk.sandbox.oauth.change_secret("another")
    with pytest.raises(Misconfigured):
        await desk.gateway.refresh(desk.tokens.refresh_token)


async def test_a_platform_that_is_down_or_over_its_limit_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.limit_rate(1, "42s")
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(seconds=42)
    await desk.platform.probe(desk.fetch, desk.account)


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.CUT, Kind.DROP])
async def test_garbage_is_no_lost_login(desk, kind):
    desk.sandbox.faults.add(Fault(match="googleAds", kind=kind))
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)


async def test_revoking_a_dead_token_is_done_already(desk):
    await desk.gateway.revoke(desk.tokens.refresh_token)
    await desk.gateway.revoke(desk.tokens.refresh_token)


async def test_an_api_version_that_was_switched_off_is_the_operator_s(desk):
    settings = desk.platform.settings.model_copy(update={"version": "v22"})
    with pytest.raises(Misconfigured) as caught:
        await GoogleAds(settings, desk.clock).probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "UNSUPPORTED_VERSION"


def test_settings_take_customer_ids_as_people_write_them_and_domains_as_a_list():
    settings = GoogleAdsSettings(login_customer_id="123-456-7890", domains="acme.example, acme.test")
    assert settings.login_customer_id == "1234567890"
    assert settings.domains == ("acme.example", "acme.test")


async def test_a_developer_token_is_sent_only_when_set(desk):
    seen = []

    async def fetch(_method, _url, **more):
        seen.append(more["headers"])
        return answered(200, "[]")

    await desk.platform.probe(fetch, desk.account)
    settings = GoogleAdsSettings(developer_token="dev", login_customer_id=MANAGER)
    await GoogleAds(settings).probe(fetch, dataclasses.replace(desk.account, parent=""))
    assert seen == [
        {"login-customer-id": MANAGER},
        {"login-customer-id": MANAGER, "developer-token": "dev"},
    ]
