"""Google Ads against the practice world: accounts, cost to the micro, tags on the right ads only, and its errors."""

import dataclasses
import json
from collections import Counter
from datetime import date, timedelta
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from practice_gateway import NOW, Clock, log_in, sandboxed, session

from bot.connection import Account, Ad, TagChange
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from bot.interfaces import Answer
from platforms._google_ads_errors import partial_failures
from platforms._google_ads_stream import rows_of
from platforms._unfolding import TooLarge
from platforms.google_ads import GoogleAds, GoogleAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.google_ads import ADA, AMERICAS, BEN, CLEO, EMEA, MANAGER, SHOES, GoogleAdsSandbox
from sandbox.ledger import Ledger
from sandbox.oauth import Problem

ADWORDS = "https://www.googleapis.com/auth/adwords"
SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


class Desk:
    """A logged-in Ada, with her accounts by id."""

    def __init__(self, sandbox, gateway, fetch, tokens, accounts, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.clock = fetch, tokens, clock
        self.accounts = {account.id: account for account in accounts}
        self.account = self.accounts[EMEA]

    async def cost(self, since=SINCE, until=UNTIL, account=None):
        return [page async for page in self.platform.cost(self.fetch, account or self.account, since, until)]

    async def ads(self, since=None):
        pages = [page async for page in self.platform.ads(self.fetch, self.account, since)]
        return {ad.id: ad for page in pages for ad in page}

    async def tag(self, *changes):
        results = await self.platform.tag(self.fetch, self.account, changes)
        return {result.ad: result.problem for result in results}


@pytest.fixture
async def desk():
    clock = Clock()
    sandbox = GoogleAdsSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        yield Desk(sandbox, gateway, fetch, tokens, await gateway.platform.accounts(fetch), clock)


def by_day(pages):
    days = Counter()
    for page in pages:
        for row in page.rows:
            days[row.day] += row.cost_micros
    return dict(days)


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


# Cost


@pytest.mark.parametrize("customer", [EMEA, AMERICAS])
async def test_cost_equals_the_account_s_own_to_the_micro(desk, customer):
    account = desk.accounts[customer]
    pages = await desk.cost(account=account)
    truth = desk.sandbox.totals(customer, SINCE, UNTIL)
    assert by_day(pages) == truth
    assert await desk.platform.cost_totals(desk.fetch, account, SINCE, UNTIL) == truth
    assert {row.currency for page in pages for row in page.rows} == {account.currency}


async def test_performance_max_is_counted_once_and_per_campaign(desk):
    rows = [row for page in await desk.cost() for row in page.rows]
    adless = [row for row in rows if not row.ad]
    assert {row.campaign_name for row in adless} == {"Performance Max"}
    assert {row.ad_group for row in adless} == {""}
    assert len({row.day for row in adless}) == 23
    keys = Counter((row.day, row.campaign, row.ad_group, row.ad) for row in rows)
    assert set(keys.values()) == {1}


async def test_cost_comes_in_whole_days_oldest_first_and_says_how_far(desk):
    pages = await desk.cost()
    assert [page.through for page in pages] == [date(2026, 11, day) for day in (7, 14, 21, 23)]
    days = [row.day for page in pages for row in page.rows]
    assert days == sorted(days)
    assert all(row.day <= page.through for page in pages for row in page.rows)


async def test_days_without_cost_are_passed_too(desk):
    assert [page.through for page in await desk.cost(date(2024, 1, 1), date(2024, 1, 3))] == [date(2024, 1, 3)]


async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_parts(desk):
    asked = []

    async def narrow(method, url, **more):
        asked.append(more["json"]["query"])
        since, until = asked[-1].split("BETWEEN '")[1][:10], asked[-1].split("AND '")[1][:10]
        if (date.fromisoformat(until) - date.fromisoformat(since)).days > 1:
            raise TooLarge("too large")
        return await desk.fetch(method, url, **more)

    pages = [page async for page in desk.platform.cost(narrow, desk.account, SINCE, date(2026, 11, 7))]
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, date(2026, 11, 7))
    assert pages[-1].through == date(2026, 11, 7)


async def test_cost_the_ads_do_not_explain_is_kept_with_the_campaign(desk):
    answers = [
        [cost("9", 100), cost("8", 50)],
        [cost("9", 60, ad="71"), cost("9", 30, ad="72"), cost("8", 50, ad="73")],
    ]

    async def fetch(*_, **__):
        return answered(200, json.dumps([{"results": answers.pop(0)}]))

    (page,) = [page async for page in desk.platform.cost(fetch, desk.account, SINCE, SINCE)]
    assert [(row.campaign, row.ad, row.cost_micros) for row in page.rows] == [
        ("8", "73", 50),
        ("9", "", 10),
        ("9", "71", 60),
        ("9", "72", 30),
    ]


async def test_a_stream_that_ends_in_an_error_is_not_taken_for_the_whole(desk):
    async def fetch(*_, **__):
        return answered(200, json.dumps([{"results": [cost("9", 1)]}, {"error": {"code": 500}}]))

    with pytest.raises(TryLater):
        await desk.platform.cost_totals(fetch, desk.account, SINCE, UNTIL)


_JSON = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=3)
_PART = st.dictionaries(st.sampled_from(["fieldMask", "requestId", "results"]), _JSON).map(
    lambda part: part | ({"results": [{"row": part["results"]}] * 2} if "results" in part else {})
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(st.lists(_PART, max_size=4), st.sampled_from([None, 2]))
def test_a_stream_is_read_row_by_row_in_any_order_of_its_parts_and_with_any_white_space(parts, indent):
    wanted = [row for part in parts for row in part.get("results", [])]
    assert wanted == list(rows_of(json.dumps(parts, indent=indent).encode()))


@pytest.mark.parametrize(
    "body", ["", "{}", "[{]", '[{"results":[{}]', '[{"results":[{},]}]', '[{"a" 1}]', "[]x", "[{},]"]
)
def test_what_is_no_whole_stream_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011 - whichever sign is missing
        list(rows_of(body.encode()))


def cost(campaign, micros, ad=""):
    row = {
        "segments": {"date": SINCE.isoformat()},
        "campaign": {"id": campaign, "name": "C"},
        "metrics": {"costMicros": str(micros), "clicks": "1", "impressions": "2"},
    }
    return row | ({"adGroup": {"id": "5"}, "adGroupAd": {"ad": {"id": ad}}} if ad else {})


# Tagging


async def test_every_ad_but_removed_ones_is_listed_in_pages(desk):
    desk.sandbox.api.page_rows = 2
    removed, *rest = desk.sandbox.account(EMEA).ads
    desk.sandbox.remove_ad(EMEA, removed)
    assert set(await desk.ads()) == set(rest)


async def test_paused_ads_are_listed_and_urls_come_along(desk):
    ads = await desk.ads()
    paused = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.status == "PAUSED")
    assert ads[paused.id].urls == tuple(paused.final_urls)


async def test_the_nearest_template_and_suffix_are_in_force(desk):
    account = desk.sandbox.account(EMEA)
    levels = [next(reversed(account.ads.values()))]
    levels += [levels[0].group, levels[0].group.campaign, account]
    for level in reversed(levels):
        level.final_url_suffix = f"level={type(level).__name__}"
        level.tracking_url_template = f"{{lpurl}}?level={type(level).__name__}"
        ad = (await desk.ads())[levels[0].id]
        assert ad.suffix == level.final_url_suffix
        assert ad.template == level.tracking_url_template


async def test_only_ads_made_or_changed_since_then_are_listed_with_the_moment_they_were_made(desk):
    desk.clock.moment += timedelta(hours=3)
    made = desk.sandbox.add_ads(EMEA, 3)
    since = NOW + timedelta(hours=2)
    ads = await desk.ads(since)
    assert set(ads) == {ad.id for ad in made}
    assert {ad.created_at for ad in ads.values()} == {desk.clock.moment}


async def test_a_changed_ad_is_listed_without_a_moment_of_making_and_a_removed_one_is_not(desk):
    desk.clock.moment += timedelta(hours=3)
    changed, removed, *_ = desk.sandbox.account(EMEA).ads.values()
    desk.sandbox.book.touch(desk.sandbox.account(EMEA), changed)
    desk.sandbox.remove_ad(EMEA, removed.id)
    ads = await desk.ads(NOW + timedelta(hours=2))
    assert {ad.id: ad.created_at for ad in ads.values()} == {changed.id: None}


@pytest.mark.parametrize("limit", [2, 3, 50])
async def test_more_changes_than_one_answer_holds_are_read_on(desk, monkeypatch, limit):
    monkeypatch.setattr("platforms.google_ads._CHANGES_LIMIT", limit)
    made = []
    for _ in range(7):
        desk.clock.moment += timedelta(minutes=90)
        made += desk.sandbox.add_ads(EMEA, 1)
    assert set(await desk.ads(NOW + timedelta(hours=1, minutes=15))) == {ad.id for ad in made}


async def test_when_more_ads_changed_in_one_second_than_one_answer_holds_all_are_listed(desk, monkeypatch):
    monkeypatch.setattr("platforms.google_ads._CHANGES_LIMIT", 2)
    desk.clock.moment += timedelta(hours=3)
    desk.sandbox.add_ads(EMEA, 5)
    assert set(await desk.ads(NOW + timedelta(hours=2))) == set(desk.sandbox.account(EMEA).ads)


async def test_after_longer_than_the_platform_remembers_all_ads_are_listed(desk):
    assert set(await desk.ads(NOW - timedelta(days=120))) == set(desk.sandbox.account(EMEA).ads)


@pytest.mark.parametrize("moment", ["2026-10-25T00:59:30+00:00", "2026-03-29T00:59:30+00:00"])
async def test_no_change_is_missed_when_the_clocks_change(desk, moment):
    desk.clock.moment = NOW.fromisoformat(moment)
    (made,) = desk.sandbox.add_ads(EMEA, 1)
    since = desk.clock.moment - timedelta(seconds=10)
    desk.clock.moment += timedelta(hours=1)
    assert made.id in await desk.ads(since)


async def test_tags_are_written_to_the_named_ads_only(desk):
    ads = list((await desk.ads()).values())
    chosen = ads[6:9]
    assert await desk.tag(*[TagChange(ad, ad.suffix, "utm_source=google") for ad in chosen]) == {
        ad.id: "" for ad in chosen
    }
    held = desk.sandbox.account(EMEA).ads
    assert {ad.id for ad in held.values() if ad.final_url_suffix == "utm_source=google"} == {ad.id for ad in chosen}


async def test_each_refused_ad_is_named_and_the_others_are_tagged(desk):
    one, two, three = list((await desk.ads()).values())[6:9]
    desk.sandbox.refuse_ad(two.id)
    results = await desk.tag(*[TagChange(ad, "", "utm_source=google") for ad in (one, two, three)])
    assert (results[one.id], results[three.id]) == ("", "")
    assert results[two.id].startswith("POLICY_FINDING: ")
    assert desk.sandbox.account(EMEA).ads[three.id].final_url_suffix == "utm_source=google"


async def test_more_ads_than_one_call_takes_are_tagged_in_several(desk, monkeypatch):
    monkeypatch.setattr("platforms.google_ads._MUTATE_LIMIT", 5)
    ads = list((await desk.ads()).values())[6:18]
    assert set((await desk.tag(*[TagChange(ad, "", "utm_source=google") for ad in ads])).values()) == {""}
    assert desk.sandbox.ledger.count("api_call", call="mutate") == 3


async def test_a_tag_that_is_taken_back_leaves_no_suffix(desk):
    ad = list((await desk.ads()).values())[6]
    await desk.tag(TagChange(ad, "", "utm_source=google"))
    await desk.tag(TagChange(ad, "utm_source=google", ""))
    assert not desk.sandbox.account(EMEA).ads[ad.id].final_url_suffix


async def test_an_ad_that_google_says_nothing_about_is_not_called_tagged(desk):
    async def fetch(*_, **__):
        return answered(200, json.dumps({"results": [{"resourceName": "customers/1/ads/1"}]}))

    changes = [TagChange(Ad(str(n), "", ()), "", "a=b") for n in (1, 2)]
    results = await desk.platform.tag(fetch, desk.account, changes)
    assert [bool(result.problem) for result in results] == [False, True]


async def test_the_default_tag_is_accepted(desk):
    ad = list((await desk.ads()).values())[6]
    assert await desk.tag(TagChange(ad, "", desk.platform.utm)) == {ad.id: ""}


def test_a_failure_that_passes_by_itself_is_tried_later():
    error = {"errorCode": {"databaseError": "CONCURRENT_MODIFICATION"}, "message": "x"}
    with pytest.raises(TryLater):
        partial_failures({"partialFailureError": {"details": [{"errors": [error]}]}})


def test_a_failure_without_a_place_concerns_every_change():
    assert partial_failures({"partialFailureError": {"message": "all of it"}}) == {None: "all of it"}


async def test_an_id_that_is_no_number_reaches_no_address(desk):
    with pytest.raises(ValueError, match="number"):
        await desk.tag(TagChange(Ad("7/../8", "", ()), "", "a=b"))


# Errors


def answered(status, body):
    return Answer(status, MappingProxyType({}), body if isinstance(body, bytes) else body.encode())


def failed(status, kind, code, *, listed=False):
    errors = [{"errorCode": {kind: code}, "message": "Google's words"}]
    body = {"error": {"code": status, "status": "X", "details": [{"@type": "…GoogleAdsFailure", "errors": errors}]}}
    return answered(status, json.dumps([body] if listed else body))


API_ERRORS = [
    (401, "authenticationError", "OAUTH_TOKEN_INVALID", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_EXPIRED", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_DISABLED", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_REVOKED", AuthorizationLost),
    (401, "authenticationError", "GOOGLE_ACCOUNT_COOKIE_INVALID", AuthorizationLost),
    (401, "authenticationError", "GOOGLE_ACCOUNT_AUTHENTICATION_FAILED", AuthorizationLost),
    (401, "authenticationError", "LOGIN_COOKIE_INVALID", AuthorizationLost),
    (401, "authenticationError", "LOGIN_COOKIE_REQUIRED", AuthorizationLost),
    (401, "authenticationError", "TWO_STEP_VERIFICATION_NOT_ENROLLED", AuthorizationLost),
    (401, "authenticationError", "ADVANCED_PROTECTION_NOT_ENROLLED", AuthorizationLost),
    (401, "authenticationError", "NOT_ADS_USER", AccessDenied),
    (401, "authenticationError", "GOOGLE_ACCOUNT_USER_AND_ADS_USER_MISMATCH", AccessDenied),
    (401, "authenticationError", "GOOGLE_ACCOUNT_DELETED", AuthorizationLost),
    (401, "authenticationError", "CUSTOMER_NOT_FOUND", AccessDenied),
    (401, "authenticationError", "CLIENT_CUSTOMER_ID_INVALID", Misconfigured),
    (401, "authenticationError", "LOGIN_CUSTOMER_ID_PARAMETER_MISSING", Misconfigured),
    (401, "authenticationError", "CLOUD_PROJECT_NOT_FOUND", Misconfigured),
    (401, "authenticationError", "DEVELOPER_TOKEN_INVALID", Misconfigured),
    (401, "authenticationError", "DEVELOPER_TOKEN_PARAMETER_MISSING", Misconfigured),
    (401, "authenticationError", "ORGANIZATION_NOT_RECOGNIZED", Misconfigured),
    (401, "authenticationError", "ORGANIZATION_NOT_APPROVED", Misconfigured),
    (403, "authorizationError", "USER_PERMISSION_DENIED", AccessDenied),
    (403, "authorizationError", "ACTION_NOT_PERMITTED", AccessDenied),
    (403, "authorizationError", "SERVICE_ACCESS_DENIED", AccessDenied),
    (403, "authorizationError", "METRIC_ACCESS_DENIED", AccessDenied),
    (403, "authorizationError", "ACCESS_DENIED_FOR_ACCOUNT_TYPE", AccessDenied),
    (403, "authorizationError", "INCOMPLETE_SIGNUP", AccessDenied),
    (403, "authorizationError", "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT", AccessDenied),
    (403, "authorizationError", "CUSTOMER_NOT_ENABLED", AccessDenied),
    (403, "authorizationError", "MISSING_TOS", AccessDenied),
    (403, "authorizationError", "DEVELOPER_TOKEN_PROHIBITED", Misconfigured),
    (403, "authorizationError", "DEVELOPER_TOKEN_NOT_APPROVED", Misconfigured),
    (403, "authorizationError", "DEVELOPER_TOKEN_NOT_ON_ALLOWLIST", Misconfigured),
    (403, "authorizationError", "PROJECT_DISABLED", Misconfigured),
    (403, "authorizationError", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", Misconfigured),
    (403, "authorizationError", "CLOUD_PROJECT_NOT_UNDER_ORGANIZATION", Misconfigured),
    (403, "authorizationError", "ORGANIZATION_NOT_ASSOCIATED_WITH_DEVELOPER_TOKEN", Misconfigured),
    (403, "authorizationError", "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION", Misconfigured),
    (400, "requestError", "UNSUPPORTED_VERSION", Misconfigured),
    (429, "quotaError", "RESOURCE_EXHAUSTED", TryLater),
    (429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", TryLater),
    (429, "quotaError", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", TryLater),
    (429, "quotaError", "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION", TryLater),
    (500, "internalError", "INTERNAL_ERROR", TryLater),
    (503, "internalError", "TRANSIENT_ERROR", TryLater),
    (504, "internalError", "DEADLINE_EXCEEDED", TryLater),
    (500, "brandNewError", "BRAND_NEW", TryLater),
    (429, "brandNewError", "BRAND_NEW", TryLater),
    (401, "brandNewError", "BRAND_NEW", AuthorizationLost),
    (403, "brandNewError", "BRAND_NEW", AccessDenied),
    (400, "queryError", "UNRECOGNIZED_FIELD", Refused),
]


@pytest.mark.parametrize("listed", [False, True], ids=["plain", "listed"])
@pytest.mark.parametrize(("status", "kind", "code", "error"), API_ERRORS, ids=[f"{e[0]}-{e[2]}" for e in API_ERRORS])
def test_the_api_s_errors_are_read(status, kind, code, error, listed):
    found = GoogleAds(GoogleAdsSettings()).read_error(failed(status, kind, code, listed=listed))
    assert type(found) is error
    if not isinstance(found, TryLater | Refused):
        assert (found.cause.code, found.cause.vendor) == (code, "Google's words")


def test_a_project_without_the_api_is_the_operator_s():
    """Google's front answers this, before Google Ads is asked: it has a reason, and no code of Google Ads."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
    }
    error = {"code": 403, "status": "PERMISSION_DENIED", "message": "Google's words", "details": [info]}
    found = GoogleAds(GoogleAdsSettings()).read_error(answered(403, json.dumps({"error": error})))
    assert type(found) is Misconfigured
    assert found.cause.code == "SERVICE_DISABLED"


def test_an_unknown_code_is_shown_as_it_is_and_claims_no_cause():
    found = GoogleAds(GoogleAdsSettings()).read_error(failed(403, "authorizationError", "BRAND_NEW"))
    assert found.cause.code == "BRAND_NEW"
    assert "does not know" in found.cause.words


TOKEN_ERRORS = [
    (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, AuthorizationLost),
    (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, AuthorizationLost),
    (400, {"error": "invalid_grant", "error_description": "Account has been deleted"}, AuthorizationLost),
    (401, {"error": "invalid_client"}, Misconfigured),
    (401, {"error": "deleted_client"}, Misconfigured),
    (401, {"error": "disabled_client"}, Misconfigured),
    (400, {"error": "unauthorized_client"}, Misconfigured),
    (400, {"error": "redirect_uri_mismatch"}, Misconfigured),
    (400, {"error": "invalid_request"}, Misconfigured),
    (400, {"error": "invalid_scope"}, Misconfigured),
    (400, {"error": "unsupported_grant_type"}, Misconfigured),
    (400, {"error": "admin_policy_enforced"}, AccessDenied),
    (403, {"error": "org_internal"}, Misconfigured),
    (403, {"error": "rate_limit_exceeded"}, TryLater),
    (400, {"error": "internal_failure"}, TryLater),
    (400, {"error": {"code": 400}}, TryLater),
    (400, {}, TryLater),
    (400, [], TryLater),
]


@pytest.mark.parametrize(("status", "body", "error"), TOKEN_ERRORS)
def test_the_token_endpoint_s_refusals_are_read(status, body, error):
    assert type(GoogleAds(GoogleAdsSettings()).read_refusal(answered(status, json.dumps(body)))) is error


def test_in_testing_the_seven_days_are_named():
    found = GoogleAds(GoogleAdsSettings(testing=True)).read_refusal(answered(400, '{"error":"invalid_grant"}'))
    assert "7 days" in found.cause.words


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
