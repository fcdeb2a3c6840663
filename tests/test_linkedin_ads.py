"""LinkedIn Ads against the practice world: logins, accounts, and how they are lost."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from practice_gateway import CALLBACK, NOW, VERIFIER, log_in, session
from practice_linkedin_ads import at_the_desk

from bot.words.connection import Account, Secret
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms.linkedin_ads import LinkedinAds
from sandbox.faults import Fault, Kind
from sandbox.linkedin_ads import ADA, AMERICAS, BEN, CLEO, EMEA, TOKYO
from sandbox.linkedin_ads_data import Account as SandboxAccount
from sandbox.person import ConsentFailed, consent

YEAR, TWO_MONTHS = timedelta(days=365), timedelta(days=60)


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


# Logins


async def test_a_login_is_known_by_its_member_id(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == ("782bbtaQ01", ADA)


@pytest.mark.parametrize(("without", "login"), [({"email"}, "Ada Marsh"), ({"email", "profile"}, "782bbtaQ01")])
async def test_without_the_mail_address_a_login_is_shown_by_name_or_id(desk, without, login):
    desk.sandbox.oauth.withheld = without
    fetch, _ = await session(desk.gateway, ADA)
    assert (await desk.platform.identify(fetch)).login == login


async def test_there_is_no_pkce_and_all_permissions_are_asked_for(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri="https://x.example", verifier=VERIFIER)
    asked = parse_qs(urlsplit(url).query)
    assert set(asked) == {"response_type", "client_id", "redirect_uri", "state", "scope"}
    assert asked["scope"] == ["openid profile email r_ads r_ads_reporting rw_ads"]


async def test_granted_permissions_are_told_though_linkedin_puts_commas_between_them(desk):
    assert set(desk.tokens.tokens.scopes) == set(desk.platform.oauth.scopes)
    desk.sandbox.oauth.withheld = {"rw_ads"}
    fewer = await log_in(desk.gateway, ADA)
    assert set(desk.platform.oauth.scopes) - set(fewer.scopes) == {"rw_ads"}


async def test_a_login_lasts_a_year_from_its_consent_and_a_refresh_does_not_lengthen_it(desk):
    assert desk.tokens.tokens.expires_at == NOW + TWO_MONTHS
    assert desk.tokens.tokens.refresh_expires_at == NOW + YEAR
    for days in (59, 200, 360):
        desk.clock.moment = NOW + timedelta(days=days)
        fresh = await desk.gateway.refresh(desk.tokens.refresh_token)
        assert fresh.refresh_token == desk.tokens.refresh_token
        assert fresh.refresh_expires_at == NOW + YEAR
        assert fresh.expires_at == min(desk.clock.moment + TWO_MONTHS, NOW + YEAR)
    desk.clock.moment = NOW + YEAR
    with pytest.raises(AuthorizationLost) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert "a year" in caught.value.cause.cure


async def test_partners_without_refresh_tokens_know_when_the_access_token_ends(desk):
    desk.sandbox.oauth.programmatic = False
    fetch, tokens = await session(desk.gateway, ADA)
    assert (tokens.tokens.refresh_token, tokens.tokens.refresh_expires_at) == (None, None)
    assert tokens.tokens.expires_at == NOW + TWO_MONTHS
    assert len(await desk.platform.accounts(fetch)) == 2


@pytest.mark.parametrize("rotating", [False, True])
async def test_a_new_refresh_token_is_taken_where_one_comes(desk, rotating):
    desk.sandbox.oauth.rules = replace(desk.sandbox.oauth.rules, rotation=rotating)
    for _ in range(3):
        desk.sandbox.oauth.expire_access_tokens()
        await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 3
    assert desk.sandbox.ledger.count("token.rotated") == (3 if rotating else 0)
    assert desk.tokens.tokens.refresh_expires_at == NOW + YEAR


async def test_a_person_who_says_no_is_sent_back_in_linkedin_s_words(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri=CALLBACK.format("linkedin_ads"), verifier=VERIFIER)
    async with httpx2.AsyncClient(verify=False) as browser:
        back = parse_qs(urlsplit(await consent(browser, url, ADA, allow=False)).query)
    assert back["error"] == ["user_cancelled_authorize"]


async def test_a_permission_the_app_lacks_can_be_left_out(desk):
    desk.sandbox.oauth.approved.discard("rw_ads")
    asked = {"state": "s", "redirect_uri": CALLBACK.format("linkedin_ads"), "verifier": VERIFIER}
    async with httpx2.AsyncClient(verify=False) as browser:
        back = parse_qs(urlsplit(await consent(browser, desk.gateway.consent_url(**asked), ADA)).query)
    assert back["error"] == ["unauthorized_scope_error"]
    desk.platform.settings = desk.platform.settings.model_copy(
        update={"scopes": ("openid", "r_ads", "r_ads_reporting")}
    )
    assert set((await log_in(desk.gateway, ADA)).scopes) == {"openid", "r_ads", "r_ads_reporting"}


async def test_a_code_counts_once(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri=CALLBACK.format("linkedin_ads"), verifier=VERIFIER)
    async with httpx2.AsyncClient(verify=False) as browser:
        code = parse_qs(urlsplit(await consent(browser, url, ADA)).query)["code"][0]
    trade = {"code": Secret(code), "redirect_uri": CALLBACK.format("linkedin_ads"), "verifier": VERIFIER}
    await desk.gateway.exchange(**trade)
    for again in (trade, trade | {"code": Secret("made-up")}):
        with pytest.raises(Refused, match="login code"):
            await desk.gateway.exchange(**again)


async def test_an_unknown_person_cannot_log_in(desk):
    with pytest.raises(ConsentFailed):
        await log_in(desk.gateway, "nobody@acme.example")


# Accounts


async def test_accounts_with_a_role_are_listed_with_their_currency_in_utc(desk):
    assert desk.accounts == {
        EMEA: Account(EMEA, "Acme EMEA", "EUR", "UTC"),
        AMERICAS: Account(AMERICAS, "Acme Américas & Co", "USD", "UTC"),
    }
    fetch, _ = await session(desk.gateway, BEN)
    assert await desk.platform.accounts(fetch) == [Account(TOKYO, "アクメ東京", "JPY", "UTC")]
    fetch, _ = await session(desk.gateway, CLEO)
    assert await desk.platform.accounts(fetch) == []


async def test_accounts_come_in_pages_and_closed_ones_are_left_out(desk):
    desk.sandbox.api.page_size = 2
    for number in range(5):
        desk.sandbox.book.accounts[f"60000{number}"] = SandboxAccount(f"60000{number}", f"More {number}", "EUR")
        desk.sandbox.set_role("VIEWER", f"60000{number}")
    desk.sandbox.account("600003").status = "CANCELED"
    desk.sandbox.set_role(None, "600004")
    found = [account.id for account in await desk.platform.accounts(desk.fetch)]
    assert found == ["600000", "600001", "600002", EMEA, AMERICAS]


# Losing and regaining access


async def test_an_expired_token_is_renewed_in_passing(desk):
    desk.sandbox.oauth.expire_access_tokens()
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


@pytest.mark.parametrize("word", ["invalid_grant", "invalid_request"])
async def test_a_revoked_login_is_a_loss_whichever_word_linkedin_has_for_it(desk, word):
    desk.sandbox.oauth.dead_word = word
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == word


async def test_a_changed_password_is_a_loss(desk):
    desk.sandbox.change_password()
    with pytest.raises(AuthorizationLost):
        await desk.platform.probe(desk.fetch, desk.account)


async def test_logging_in_again_with_other_permissions_ends_the_earlier_login(desk):
    desk.sandbox.oauth.withheld = {"rw_ads"}
    fetch, _ = await session(desk.gateway, ADA)
    await desk.platform.probe(fetch, desk.account)
    with pytest.raises(AuthorizationLost):
        await desk.platform.probe(desk.fetch, desk.account)


async def test_one_withdrawn_account_is_no_lost_login(desk):
    desk.sandbox.withdraw(AMERICAS)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.accounts[AMERICAS])
    assert caught.value.cause.code == "no_role"
    await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.give_back(AMERICAS)
    await desk.platform.probe(desk.fetch, desk.accounts[AMERICAS])


async def test_a_wrong_client_secret_is_the_operator_s(desk):
    desk.sandbox.oauth.change_secret("another")
    with pytest.raises(Misconfigured):
        await desk.gateway.refresh(desk.tokens.refresh_token)


async def test_a_version_that_was_switched_off_is_the_operator_s(desk):
    for version in ("202511", "202701", "202608"):
        desk.sandbox.entrance.sunset.add("202608")
        old = LinkedinAds(desk.platform.settings.model_copy(update={"version": version}), desk.clock)
        with pytest.raises(Misconfigured) as caught:
            await old.probe(desk.fetch, desk.account)
        assert caught.value.cause.code == "NONEXISTENT_VERSION"
        assert version in caught.value.cause.vendor


async def test_the_day_s_calls_come_back_at_midnight(desk):
    desk.sandbox.limit_rate(1)
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(hours=1)  # no wait is longer; after it the day's quota is asked again
    await desk.platform.probe(desk.fetch, desk.account)
    desk.clock.moment = datetime.fromisoformat("2026-11-23T23:50:00+00:00")
    desk.sandbox.limit_rate(1)
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(minutes=10)


async def test_a_platform_that_is_down_or_protects_itself_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.limit_rate(1, day=False)
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after is None


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.CUT, Kind.DROP])
async def test_garbage_is_no_lost_login(desk, kind):
    desk.sandbox.faults.add(Fault(match="adAccountUsers", kind=kind))
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)


async def test_revoking_a_dead_token_is_done_already(desk):
    await desk.gateway.revoke(desk.tokens.refresh_token)
    await desk.gateway.revoke(desk.tokens.refresh_token)
