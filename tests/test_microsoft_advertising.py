"""Microsoft Advertising against the practice world: logins, accounts, cost to the micro through its reports."""

import dataclasses
import json
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from practice_gateway import NOW, VERIFIER, log_in, session
from practice_microsoft_advertising import SINCE, UNTIL, at_the_desk, by_day, zipped
from pydantic import ValidationError

from bot.connection import Account, Flow
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, SetupError, TryLater
from bot.interfaces import Answer
from platforms import open_gateways, read_settings
from platforms._microsoft_advertising_files import rows_of
from platforms._microsoft_advertising_orders import LONG_PAUSES, PAUSES, Service
from platforms._microsoft_advertising_reports import Report, cost_rows, number
from platforms._microsoft_advertising_zones import BY_NAME, report_zone, zone_of
from platforms._unfolding import TooLarge
from platforms.microsoft_advertising import MicrosoftAdvertising, MicrosoftAdvertisingSettings
from sandbox.entra_words import ROWS
from sandbox.faults import Fault, Kind
from sandbox.microsoft_advertising import ACME, ADA, AMERICAS, BEN, CLEO, EMEA, SHOES, TOKYO

SCOPE = "https://ads.microsoft.com/msads.manage"
DAY = timedelta(days=1)


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


# Logins and accounts


async def test_the_last_day_of_the_look_back_is_still_told(desk):
    earliest = UNTIL - timedelta(days=desk.platform.look_back_days)
    assert {page.through for page in await desk.cost(earliest, earliest)} == {earliest}


async def test_a_login_is_known_by_its_id_at_microsoft_advertising(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == ("201714801", ADA)


async def test_a_user_name_that_is_no_mail_address_gives_way_to_one(desk):
    async def fetch(*_, **__):
        return answered({"User": {"Id": "7", "UserName": "ada", "ContactInfo": {"Email": "ada@acme.example"}}})

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
        return answered({"Account": None})

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


# Cost


@pytest.mark.parametrize("account", [EMEA, AMERICAS])
async def test_cost_equals_what_was_spent_to_the_micro_and_so_do_the_totals(desk, account):
    truth = desk.sandbox.totals(account, SINCE, UNTIL)
    pages = await desk.cost(account=desk.accounts[account])
    assert len(truth) == 23
    assert by_day(pages) == truth == await desk.totals(account=desk.accounts[account])
    assert {row.currency for page in pages for row in page.rows} == {desk.accounts[account].currency}


async def test_days_that_microsoft_restated_are_right_when_read_again(desk):
    before = by_day(await desk.cost())
    desk.clock.moment += 2 * DAY
    again = by_day(await desk.cost())
    assert again == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert {day for day in again if again[day] != before[day]} == {date(2026, 11, d) for d in range(20, 24)}


async def test_performance_max_is_counted_once_and_per_campaign(desk):
    rows = [row for page in await desk.cost() for row in page.rows]
    adless = [row for row in rows if not row.ad]
    assert {(row.campaign_name, row.ad_group) for row in adless} == {("Performance Max", "")}
    assert len({row.day for row in adless}) == 23
    assert set(Counter((row.day, row.campaign, row.ad_group, row.ad) for row in rows).values()) == {1}


async def test_cost_comes_in_weeks_oldest_first_and_a_year_in_months_of_reports(desk):
    pages = await desk.cost(date(2026, 9, 1), UNTIL)
    assert by_day(pages) == desk.sandbox.totals(EMEA, date(2026, 9, 1), UNTIL)
    throughs = [page.through for page in pages]
    assert throughs == sorted(set(throughs))
    assert throughs[-1] == UNTIL
    assert max(b - a for a, b in pairwise(throughs)) <= 7 * DAY
    assert desk.called("submit") == 2 * 3


async def test_a_report_without_rows_has_no_file(desk):
    pages = await desk.cost(date(2024, 1, 1), date(2024, 1, 3))
    assert [(page.rows, page.through) for page in pages] == [([], date(2024, 1, 3))]
    assert await desk.totals(date(2024, 1, 1), date(2024, 1, 3)) == {}
    assert desk.downloads() == []


async def test_each_account_has_its_own_day(desk):
    desk.clock.moment = NOW.replace(hour=3)
    assert desk.sandbox.today(AMERICAS) == date(2026, 11, 22)
    pages = await desk.cost(until=date(2026, 11, 22), account=desk.accounts[AMERICAS])
    assert by_day(pages) == desk.sandbox.totals(AMERICAS, SINCE, date(2026, 11, 22))
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_while_a_report_is_made_it_is_told_that_we_are_at_it(desk):
    desk.sandbox.reports.looks = 4
    pages = [page async for page in desk.platform.cost(desk.fetch, desk.account, SINCE, UNTIL)]
    assert [(page.rows, page.through) for page in pages[:4]] == [((), date(2026, 10, 31))] * 4
    assert desk.slept == list(PAUSES[:4])
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_takes_too_long_is_asked_after_later_and_not_ordered_anew(desk):
    desk.sandbox.reports.looks = 20
    with pytest.raises(TryLater) as caught:
        await desk.cost()
    assert caught.value.after == timedelta(seconds=30)
    assert desk.slept == list(LONG_PAUSES)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.called("submit") == 2
    desk.sandbox.reports.looks = 1
    await desk.cost()
    assert desk.called("submit") == 4


async def test_without_a_sign_of_life_a_report_is_waited_for_less_than_a_minute(desk):
    desk.sandbox.reports.looks = 20
    with pytest.raises(TryLater):
        await desk.totals()
    assert sum(desk.slept) < 45


async def test_an_order_of_long_ago_is_not_waited_for(desk):
    desk.sandbox.reports.looks = 99
    with pytest.raises(TryLater):
        await desk.cost()
    desk.sandbox.reports.looks = 0
    desk.clock.moment += timedelta(minutes=51)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.called("submit") == 4


async def test_what_another_person_ordered_is_ordered_anew(desk):
    desk.sandbox.reports.looks = 99
    with pytest.raises(TryLater):
        await desk.cost()
    desk.sandbox.reports.looks = 1
    desk.sandbox.oauth.people[BEN].accounts.append(EMEA)
    fetch, _ = await session(desk.gateway, BEN)
    assert by_day(await desk.cost(fetch=fetch)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_fails_is_tried_later_and_ordered_anew(desk):
    desk.sandbox.reports.broken = 1
    with pytest.raises(TryLater, match="could not prepare"):
        await desk.cost()
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_lost_answer_to_an_order_costs_nothing_but_the_order(desk):
    desk.sandbox.faults.add(Fault("GenerateReport/Submit", Kind.DROP))
    with pytest.raises(TryLater):
        await desk.cost()
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_too_many_reports_at_once_wait_for_a_minute(desk):
    desk.sandbox.reports.looks = 99
    for n in range(2):
        with pytest.raises(TryLater):
            await desk.cost(SINCE - n * DAY)
    with pytest.raises(TryLater) as caught:
        await desk.cost(SINCE - 2 * DAY)
    assert caught.value.after == timedelta(minutes=1)


async def test_a_link_that_has_ended_is_asked_for_again(desk):
    desk.sandbox.storage.dead_links = 2
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert sorted(desk.downloads()) == ["ended", "ended", "ok", "ok"]


async def test_links_that_never_live_are_tried_later(desk):
    desk.sandbox.storage.dead_links = 99
    with pytest.raises(TryLater, match="ended"):
        await desk.cost()


async def test_no_token_is_shown_to_where_files_are_kept(desk):
    await desk.cost()
    await desk.ads()
    assert set(desk.downloads()) == {"ok"}  # it refuses whoever shows one


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://evil.example/report.zip", Misconfigured),
        ("https://evilbingads.microsoft.com.example/x", Misconfigured),
        ("https://notbingads.microsoft.com/x", Misconfigured),
        ("https://169.254.169.254/latest/meta-data", Misconfigured),
        ("https://evil.blob.core.windows.net/x", Misconfigured),
        ("http://download.api.bingads.microsoft.com/x", TryLater),
        ("https://bingads.microsoft.com:8443/x", TryLater),
        ("https://bingads.microsoft.com@evil.example/x", TryLater),
        ("file:///etc/passwd", TryLater),
        ("https:///x", TryLater),
        ("//evil.example/x", TryLater),
        ("https://[::1", TryLater),
        ("nonsense", TryLater),
    ],
)
async def test_files_are_fetched_from_known_hosts_only(desk, url, error):
    asked = []

    async def fetch(method, at, **more):
        asked.append(at)
        answer = await desk.fetch(method, at, **more)
        if "Poll" not in at:
            return answer
        return answered({"ReportRequestStatus": {"Status": "Success", "ReportDownloadUrl": url}})

    with pytest.raises(error) as caught:
        await desk.cost(fetch=fetch)
    assert url not in asked
    if error is Misconfigured:
        assert caught.value.cause.vendor == urlsplit(url).hostname
        assert "download_hosts" in caught.value.cause.cure


@pytest.mark.parametrize(
    "url",
    [
        "https://bingadsappsstorageprod.blob.core.windows.net:443/reports/1.zip?sig=x",
        "https://download.api.bingads.microsoft.com/ReportDownload/Download.aspx?q=x",
    ],
)
async def test_files_are_fetched_from_where_microsoft_keeps_them(desk, url):
    desk.platform.orders._check(url)


# Files that are not what was asked for

HEADER = '"TimePeriod","AccountId","CurrencyCode","Spend"\r\n'
GOOD = f'{HEADER}"2026-11-01","{EMEA}","EUR","1,204.50"\r\n'


def test_a_report_s_file_is_read():
    (row,) = Report.OF_ACCOUNT.read(zipped(GOOD + "\r\n"), Account(EMEA, "A"), SINCE, UNTIL)
    assert (row.day, row.currency, row.cost_micros) == (SINCE, "EUR", 1_204_500_000)


@pytest.mark.parametrize(
    "file",
    [
        b"not a zip",
        zipped(GOOD)[:-30],
        zipped(GOOD, GOOD),
        zipped(""),
        zipped(b"\xff\xfe" + GOOD.encode()),
        zipped(GOOD.replace("Spend", "Cost")),
        zipped(GOOD.replace('"CurrencyCode",', "").replace('"EUR",', "")),
        zipped(HEADER.replace('"Spend"', '"Spend","Clicks"')),
        zipped('"Spend","TimePeriod","AccountId","CurrencyCode"\r\n'),
        zipped(GOOD.replace('"EUR",', "")),
        zipped(GOOD.replace("2026-11-01", "2026-10-31")),
        zipped(GOOD.replace("2026-11-01", "11/1/2026")),
        zipped(GOOD.replace(EMEA, AMERICAS)),
        zipped(GOOD.replace("1,204.50", "1.204,50")),
        zipped(GOOD.replace("1,204.50", "NaN")),
        zipped(GOOD.replace("1,204.50", "1e9")),
        zipped(GOOD.replace("1,204.50", "")),
        zipped(GOOD + '"©2026 Microsoft Corporation. All rights reserved. "\r\n'),
        zipped(GOOD.replace('"EUR"', '"E"UR"')),
        zipped(HEADER + '"' + "x" * 200_000 + '"\r\n'),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_garbage(file):
    with pytest.raises(TryLater) as caught:
        list(Report.OF_ACCOUNT.read(file, Account(EMEA, "A"), SINCE, UNTIL))
    assert not isinstance(caught.value, TooLarge)


def test_a_file_that_unfolds_without_end_is_left_whatever_it_says_of_its_size():
    bomb = zipped(HEADER + "\r\n" * 5_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        list(rows_of(bomb, Report.OF_ACCOUNT.columns, exactly=True, limit=1_000_000))
    lying = bytearray(bomb)
    directory = lying.rindex(b"PK\x01\x02")
    lying[directory + 24 : directory + 28] = (1_000).to_bytes(4, "little")
    with pytest.raises(TryLater):
        list(rows_of(bytes(lying), Report.OF_ACCOUNT.columns, exactly=True, limit=1_000_000))


async def test_what_is_too_large_is_asked_for_in_smaller_parts(desk, monkeypatch):
    asked = []

    def narrow(campaigns, ads, account, since, until):
        asked.append((until - since).days + 1)
        if asked[-1] > 8:
            raise TooLarge("too large")
        return cost_rows(campaigns, ads, account, since, until)

    monkeypatch.setattr("platforms.microsoft_advertising.cost_rows", narrow)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert asked == [23, 15, 7, 7, 7, 2]
    monkeypatch.setattr("platforms.microsoft_advertising.cost_rows", lambda *_: (_ for _ in ()).throw(TooLarge("x")))
    with pytest.raises(TooLarge):
        await desk.cost()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("17", "17"),
        ("1,204", "1204"),
        ("1,234,567.89", "1234567.89"),
        ("-0.05", "-0.05"),
        ("1204.5", "1204.5"),
    ],
)
def test_numbers_are_read_with_and_without_separators(text, value):
    assert str(number(text)) == value


@pytest.mark.parametrize(
    "text", ["", "1,20", "12,34", ",5", "1.", "--", "+1", "1 204", "١٢", "0x1", "Infinity", "1,2045"]
)
def test_what_is_no_number_is_garbage(text):
    with pytest.raises(ValueError, match="number"):
        number(text)


ADS = '"TimePeriod","AccountId","CurrencyCode","CampaignId","CampaignName","AdGroupId","AdId","Impressions","Clicks","Spend"'
CAMPAIGNS = '"TimePeriod","AccountId","CurrencyCode","CampaignId","CampaignName","Impressions","Clicks","Spend"'


def of_ad(campaign, ad, spend, name="C"):
    return f'"2026-11-01","{EMEA}","EUR","{campaign}","{name}","5","{ad}","10","1","{spend}"'


def of_campaign(campaign, spend):
    return f'"2026-11-01","{EMEA}","EUR","{campaign}","C","10","1","{spend}"'


def test_cost_the_ads_do_not_explain_stays_with_the_campaign_and_double_rows_are_one():
    ads = zipped(
        "\r\n".join([ADS, of_ad("9", "71", "0.60", "old"), of_ad("9", "71", "0.10"), of_ad("8", "73", "0.50")])
    )
    campaigns = zipped("\r\n".join([CAMPAIGNS, of_campaign("9", "0.80"), of_campaign("8", "0.50")]))
    days = cost_rows(campaigns, ads, Account(EMEA, "A"), SINCE, SINCE)
    assert [(row.campaign, row.ad_group, row.ad, row.cost_micros) for row in days[SINCE]] == [
        ("8", "5", "73", 500_000),
        ("9", "", "", 100_000),
        ("9", "5", "71", 700_000),
    ]


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
    assert "canary" not in str(MicrosoftAdvertising(settings).read_error(answered(echoed, 400)))


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


def answered(body, status=200):
    return Answer(status, MappingProxyType({}), json.dumps(body).encode())
