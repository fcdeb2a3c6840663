"""The practice Microsoft Advertising is as strict as the real one: headers, ids as text, who may ask after what, links."""

import csv
import io
import json
import zipfile
from datetime import date, timedelta

import httpx2
import pytest
from practice_gateway import log_in
from practice_microsoft_advertising import at_the_desk, calling

from sandbox.microsoft_advertising import ADA, AMERICAS, BEN, CLEO, EMEA, TOKYO

USER = ("customer", "/CustomerManagement/v13/User/Query")
SEARCH = ("customer", "/CustomerManagement/v13/Accounts/Search")
ACCOUNT = ("customer", "/CustomerManagement/v13/Account/Query")
SUBMIT = ("reporting", "/Reporting/v13/GenerateReport/Submit")
POLL = ("reporting", "/Reporting/v13/GenerateReport/Poll")
DOWNLOAD = ("bulk", "/Bulk/v13/Campaigns/DownloadByAccountIds")
STATUS = ("bulk", "/Bulk/v13/BulkDownloadStatus/Query")
ADS = ("campaign", "/CampaignManagement/v13/Ads")


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.fixture
async def ada(desk):
    async with calling(desk) as caller:
        yield caller


async def as_person(desk, caller, email):
    tokens = await log_in(desk.gateway, email)
    caller.headers["Authorization"] = f"Bearer {tokens.access_token.reveal()}"


def fault(answer):
    """(status, type, code)."""
    body = answer.json()
    assert len(body["TrackingId"]) == 36
    listed = "Errors" if body["Type"] == "AdApiFaultDetail" else "OperationErrors"
    (error,) = body[listed]
    assert error["Message"]
    assert error["ErrorCode"] if body["Type"] != "ApiFault" else "ErrorCode" not in error
    return answer.status_code, body["Type"], error["Code"]


def report(**changes):
    asked = {
        "Type": "AdPerformanceReportRequest",
        "ReportName": "x",
        "Format": "Csv",
        "FormatVersion": "2.0",
        "ExcludeReportHeader": True,
        "ExcludeReportFooter": True,
        "ReturnOnlyCompleteData": False,
        "Aggregation": "Daily",
        "Scope": {"AccountIds": [EMEA]},
        "Time": days(date(2026, 11, 1), date(2026, 11, 7)),
        "Columns": ["TimePeriod", "AccountId", "AdId", "Impressions", "Clicks", "Spend"],
    }
    return {"ReportRequest": {name: value for name, value in (asked | changes).items() if value is not ...}}


def days(since, until, zone="AmsterdamBerlinBernRomeStockholmVienna"):
    found = {
        name: {"Day": day.day, "Month": day.month, "Year": day.year}
        for name, day in (("CustomDateRangeStart", since), ("CustomDateRangeEnd", until))
    }
    return found | ({"ReportTimeZone": zone} if zone else {})


def download(**changes):
    asked = {
        "AccountIds": [EMEA],
        "DownloadEntities": ["Ads"],
        "DataScope": "EntityData",
        "DownloadFileType": "Csv",
        "FormatVersion": "6.0",
        "CompressionType": "Zip",
    }
    return {name: value for name, value in (asked | changes).items() if value is not ...}


async def unpacked(url):
    """The file's raw text and its rows."""
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        raw = archive.read(name)
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    return text, list(csv.DictReader(io.StringIO(text)))


async def reported(ada, **changes):
    number = (await ada.call(*SUBMIT, report(**changes))).json()["ReportRequestId"]
    for _ in range(3):
        told = (await ada.call(*POLL, {"ReportRequestId": number})).json()["ReportRequestStatus"]
        if told["Status"] != "Pending":
            return told
    raise AssertionError("still pending")


# Who may call


@pytest.mark.parametrize("header", ["DeveloperToken", "Authorization", "CustomerAccountId", "CustomerId"])
async def test_every_header_is_needed(ada, header):
    assert fault(await ada.call(*SUBMIT, report(), **{header: None})) == (400, "AdApiFaultDetail", 116)


async def test_who_asks_about_people_and_accounts_names_no_account(ada):
    answer = await ada.call(*USER, {"UserId": None}, CustomerAccountId=None, CustomerId=None)
    assert answer.json()["User"]["Id"] == "201714801"
    assert answer.headers["trackingid"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"DeveloperToken": "wrong"}, 105),
        ({"Authorization": "Bearer made-up"}, 105),
        ({"Authorization": "made-up"}, 105),
    ],
)
async def test_a_wrong_token_of_either_kind_is_refused_without_saying_which(ada, headers, code):
    answer = await ada.call(*USER, {"UserId": None}, **headers)
    assert fault(answer) == (401, "AdApiFaultDetail", code)
    assert answer.json()["Errors"][0]["Detail"] is None


async def test_an_expired_token_is_told_from_a_dead_one(desk, ada):
    desk.sandbox.oauth.expire_access_tokens()
    assert fault(await ada.call(*USER, {"UserId": None})) == (401, "AdApiFaultDetail", 109)
    desk.sandbox.revoke()
    assert fault(await ada.call(*USER, {"UserId": None})) == (401, "AdApiFaultDetail", 105)


async def test_people_without_microsoft_advertising_are_not_known(desk, ada):
    await as_person(desk, ada, CLEO)
    answer = await ada.call(*USER, {"UserId": None})
    assert fault(answer) == (401, "AdApiFaultDetail", 105)
    assert answer.json()["Errors"][0]["Detail"] == "UserNotFound"


@pytest.mark.parametrize(
    "headers", [{"CustomerAccountId": TOKYO}, {"CustomerAccountId": "1"}, {"CustomerId": "251000002"}]
)
async def test_another_s_account_is_denied(ada, headers):
    assert fault(await ada.call(*DOWNLOAD, download(), **headers)) == (403, "AdApiFaultDetail", 106)


async def test_accounts_come_and_go(desk, ada):
    desk.sandbox.withdraw(EMEA, ADA)
    assert fault(await ada.call(*ACCOUNT, {"AccountId": EMEA})) == (403, "AdApiFaultDetail", 106)
    desk.sandbox.give_back(EMEA, ADA)
    desk.sandbox.close_account(EMEA)
    answer = await ada.call(*SUBMIT, report())
    assert fault(answer) == (401, "AdApiFaultDetail", 105)
    assert answer.json()["Errors"][0]["Detail"] == "AccountInactive"
    assert (await ada.call(*ACCOUNT, {"AccountId": EMEA})).json()["Account"]["AccountLifeCycleStatus"] == "Inactive"


async def test_the_next_calls_may_be_too_many(desk, ada):
    desk.sandbox.entrance.over_limit = 2
    codes = [fault(await ada.call(*USER, {"UserId": None}))[2] for _ in range(2)]
    assert codes == [117, 117]
    assert (await ada.call(*USER, {"UserId": None})).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"UserID":null}'])
async def test_what_cannot_be_read_is_no_request(ada, body):
    assert fault(await ada.call(*USER, body)) == (400, "ApiFault", 100)


async def test_another_path_or_method_is_not_there(ada):
    assert (await ada.call("campaign", "/CampaignManagement/v12/Ads", {}, method="PUT")).status_code == 404
    assert (await ada.call(*ADS, {}, method="POST")).status_code == 404


# Customer management


def search(value="201714801", index=0, size=1000, field="UserId"):
    predicate = {"Field": field, "Operator": "Equals", "Value": value}
    return {"Predicates": [predicate], "PageInfo": {"Index": index, "Size": size}}


async def test_accounts_are_found_page_by_page(ada):
    pages = [(await ada.call(*SEARCH, search(index=n, size=1))).json()["Accounts"] for n in range(3)]
    assert [[account["Id"] for account in page] for page in pages] == [[EMEA], [AMERICAS], []]
    (account,) = pages[0]
    assert (account["TimeZone"], account["CurrencyCode"]) == ("AmsterdamBerlinBernRomeStockholmVienna", "EUR")
    assert account["ParentCustomerId"] == ada.headers["CustomerId"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (search(201714801), 100),
        (search("201714802"), 106),
        (search(field="CustomerId"), 100),
        (search(size=1001), 100),
        (search(index=-1), 100),
        (search() | {"Predicates": []}, 100),
        ({"PageInfo": {"Index": 0, "Size": 1}}, 100),
    ],
)
async def test_a_search_that_microsoft_does_not_know_is_refused(ada, body, code):
    assert fault(await ada.call(*SEARCH, body))[2] == code


async def test_ids_are_text(ada):
    for number in (int(EMEA), "x1", None):
        assert fault(await ada.call(*ACCOUNT, {"AccountId": number})) == (400, "ApiFault", 100)


# Reports


async def test_a_report_is_pending_at_first_and_then_a_zip_of_one_quoted_csv(desk, ada):
    text, rows = await unpacked((await reported(ada))["ReportDownloadUrl"])
    assert text.splitlines()[0] == '"TimePeriod","AccountId","AdId","Impressions","Clicks","Spend"'
    spent = sum(round(float(row["Spend"].replace(",", "")) * 1_000_000) for row in rows)
    account = desk.sandbox.account(EMEA)
    pmax = sum(desk.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 7)).values()) - spent
    assert pmax > 0
    assert {row["AdId"] for row in rows} <= set(account.ads)
    assert any("," in row["Impressions"] for row in rows)


async def test_campaigns_and_the_account_together_cost_the_same(desk, ada):
    sums = []
    for kind in ("CampaignPerformanceReportRequest", "AccountPerformanceReportRequest"):
        told = await reported(ada, Type=kind, Columns=["TimePeriod", "Spend"])
        _, rows = await unpacked(told["ReportDownloadUrl"])
        sums.append(sum(round(float(row["Spend"].replace(",", "")) * 1_000_000) for row in rows))
    assert sums == [sum(desk.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 7)).values())] * 2


async def test_success_without_rows_has_no_address(ada):
    told = await reported(ada, Time=days(date(2024, 1, 1), date(2024, 1, 2)))
    assert told == {"Status": "Success", "ReportDownloadUrl": None}


async def test_only_who_ordered_a_report_may_ask_after_it_and_for_a_day(desk, ada):
    number = (await ada.call(*SUBMIT, report())).json()["ReportRequestId"]
    own = ada.headers["Authorization"]
    desk.sandbox.oauth.people[BEN].accounts.append(EMEA)
    await as_person(desk, ada, BEN)
    assert fault(await ada.call(*POLL, {"ReportRequestId": number})) == (400, "ApiFaultDetail", 2100)
    assert fault(await ada.call(*POLL, {"ReportRequestId": int(number)}, Authorization=own))[2] == 2100
    assert (await ada.call(*POLL, {"ReportRequestId": number}, Authorization=own)).status_code == 200
    desk.clock.moment += timedelta(days=1, minutes=1)
    await as_person(desk, ada, ADA)
    assert fault(await ada.call(*POLL, {"ReportRequestId": number}))[2] == 2101


async def test_a_link_is_a_key_for_five_minutes_and_for_nobody_with_a_token(desk, ada):
    url = (await reported(ada))["ReportDownloadUrl"]
    async with httpx2.AsyncClient(verify=False) as client:
        refused = await client.get(url, headers={"authorization": ada.headers["Authorization"]})
        assert (refused.status_code, refused.headers["x-ms-error-code"]) == (400, "InvalidAuthenticationInfo")
        assert (await client.get(url)).status_code == 200
        desk.clock.moment += timedelta(minutes=5)
        ended = await client.get(url)
        assert (ended.status_code, ended.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
        assert (await client.get(url.replace("sig=", "sig=x"))).status_code == 403


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Type": "NonsenseReportRequest"}, 2002),
        ({"Type": ...}, 2002),
        ({"Columns": []}, 2014),
        ({"Columns": ["TimePeriod", "Nonsense", "Spend"]}, 100),
        ({"Columns": ["TimePeriod", "Spend", "Spend"]}, 2016),
        ({"Columns": ["AdId", "Spend"]}, 2015),
        ({"Columns": ["TimePeriod", "AdId"]}, 2017),
        ({"Type": "AccountPerformanceReportRequest"}, 100),
        ({"Scope": {"AccountIds": []}}, 2026),
        ({"Scope": {"AccountIds": [int(EMEA)]}}, 2026),
        ({"Scope": {"AccountIds": [TOKYO]}}, 106),
        ({"Scope": {"AccountIds": [AMERICAS]}}, 2035),
        ({"Time": ...}, 2008),
        ({"Time": {"PredefinedTime": "Today"}}, 2008),
        ({"Time": days(date(2026, 11, 7), date(2026, 11, 1))}, 2011),
        ({"Time": days(date(2026, 11, 24), date(2026, 11, 25))}, 2041),
        ({"Time": days(date(2026, 11, 1), date(2026, 11, 24))}, 2010),
        ({"Time": days(date(2023, 11, 22), date(2023, 11, 23))}, 2009),
        ({"Time": days(date(2026, 11, 1), date(2026, 11, 2), "Europe/Berlin")}, 100),
        ({"Time": {"CustomDateRangeStart": {"Day": 31, "Month": 2, "Year": 2026}}}, 2009),
        ({"Time": days(date(2026, 11, 1), date(2026, 11, 23)), "ReturnOnlyCompleteData": True}, 2005),
        ({"Aggregation": "Weekly"}, 2007),
        ({"ReportName": "x" * 201}, 2006),
        ({"ExcludeReportFooter": False}, 100),
        ({"Nonsense": 1}, 100),
    ],
)
async def test_a_report_that_microsoft_would_not_make_is_refused(ada, changes, code):
    assert fault(await ada.call(*SUBMIT, report(**changes)))[2] == code


async def test_without_a_time_zone_today_is_california_s(desk, ada):
    desk.clock.moment = desk.clock.moment.replace(hour=5)
    asked = {"Time": days(date(2026, 11, 1), date(2026, 11, 23), zone=None)}
    await as_person(desk, ada, ADA)
    assert fault(await ada.call(*SUBMIT, report(**asked)))[2] == 2010
    asked = {"Time": days(date(2026, 11, 1), date(2026, 11, 23))}
    assert (await ada.call(*SUBMIT, report(**asked))).status_code == 200


async def test_a_sixth_report_at_once_is_too_much(ada):
    answers = [await ada.call(*SUBMIT, report()) for _ in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert fault(answers[5]) == (400, "ApiFaultDetail", 207)


# Bulk


async def downloaded(ada, **changes):
    number = (await ada.call(*DOWNLOAD, download(**changes))).json()["DownloadRequestId"]
    first = (await ada.call(*STATUS, {"RequestId": number})).json()
    assert (first["RequestStatus"], first["ResultFileUrl"]) == ("InProgress", None)
    told = (await ada.call(*STATUS, {"RequestId": number})).json()
    assert (told["RequestStatus"], told["PercentComplete"]) == ("Completed", 100)
    return (await unpacked(told["ResultFileUrl"]))[1]


async def test_a_full_download_holds_the_account_and_what_was_asked_for(desk, ada):
    rows = await downloaded(ada, DownloadEntities=["Campaigns", "AdGroups", "Ads"])
    assert [row["Type"] for row in rows[:2]] == ["Format Version", "Account"]
    kinds = [row["Type"] for row in rows]
    assert (kinds.count("Campaign"), kinds.count("Ad Group")) == (4, 6)
    assert len([kind for kind in kinds if kind.endswith(" Ad")]) == 24
    assert json.loads(next(row["Headline"] for row in rows if row["Headline"]))[1]["text"] == "靴"
    assert {row["Type"] for row in await downloaded(ada)}.isdisjoint({"Campaign", "Ad Group"})


async def test_a_download_of_changes_holds_what_changed_deleted_ads_too(desk, ada):
    desk.clock.moment += timedelta(minutes=30)
    (made,) = desk.sandbox.add_ads(EMEA, 1)
    gone = next(iter(desk.sandbox.account(EMEA).ads))
    desk.sandbox.remove_ad(EMEA, gone)
    rows = await downloaded(ada, LastSyncTimeInUTC="2026-11-23T09:15:00Z")
    assert {row["Id"]: row["Status"] for row in rows if row["Type"].endswith(" Ad")} == {
        made.id: "Active",
        gone: "Deleted",
    }
    assert gone not in {row["Id"] for row in await downloaded(ada)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"AccountIds": []}, 3306),
        ({"AccountIds": ...}, 3306),
        ({"AccountIds": [EMEA, AMERICAS]}, 3201),
        ({"AccountIds": [AMERICAS]}, 106),
        ({"AccountIds": [int(EMEA)]}, 100),
        ({"DownloadEntities": []}, 3210),
        ({"DownloadEntities": ["Nonsense"]}, 3211),
        ({"FormatVersion": ...}, 3219),
        ({"FormatVersion": "5.0"}, 3217),
        ({"DataScope": "QualityScoreData"}, 3228),
        ({"LastSyncTimeInUTC": "yesterday"}, 100),
        ({"LastSyncTimeInUTC": "2026-11-23T09:00:01Z"}, 3208),
        ({"LastSyncTimeInUTC": "2026-10-24T08:59:59"}, 3603),
        ({"Nonsense": 1}, 100),
    ],
)
async def test_a_download_that_microsoft_would_not_make_is_refused(ada, changes, code):
    assert fault(await ada.call(*DOWNLOAD, download(**changes)))[2] == code


async def test_only_who_ordered_a_download_may_ask_after_it(desk, ada):
    number = (await ada.call(*DOWNLOAD, download())).json()["DownloadRequestId"]
    desk.sandbox.oauth.people[BEN].accounts.append(EMEA)
    await as_person(desk, ada, BEN)
    assert fault(await ada.call(*STATUS, {"RequestId": number})) == (400, "ApiFaultDetail", 4201)
    assert fault(await ada.call(*STATUS, {"RequestId": "7"}))[2] == 4201


# Ads


def update(*ads, group=None):
    return {"AdGroupId": group or ads[0].group.id, "Ads": [sent(ad) for ad in ads]}


def sent(ad, **changes):
    return {"Id": ad.id, "Type": "ResponsiveSearch", "FinalUrlSuffix": "a=b"} | changes


def group_of(desk):
    """The responsive search ads of one ad group that nothing is special about."""
    ads = list(desk.sandbox.account(EMEA).ads.values())
    return [ad for ad in ads[8:] if ad.group is ads[12].group and ad.kind == "Responsive Search Ad"]


async def test_an_update_changes_what_it_names_and_answers_with_no_errors(desk, ada):
    one, two = group_of(desk)[:2]
    answer = await ada.call(*ADS, update(one, two), method="PUT")
    assert (answer.status_code, answer.json()) == (200, {"PartialErrors": []})
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "a=b")
    await ada.call(*ADS, {"AdGroupId": one.group.id, "Ads": [sent(one, FinalUrlSuffix=None)]}, method="PUT")
    await ada.call(*ADS, {"AdGroupId": one.group.id, "Ads": [sent(two, FinalUrlSuffix="")]}, method="PUT")
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Id": None}, 1303),
        ({"Id": "79000000000999"}, 1308),
        ({"Type": "ExpandedText"}, 1308),
        ({"FinalUrlSuffix": "?a=b"}, 4626),
        ({"FinalUrlSuffix": "a=b c"}, 4626),
        ({"FinalUrlSuffix": "u={unescapedlpurl}"}, 4627),
        ({"FinalUrlSuffix": "u={ignore}"}, 4627),
        ({"FinalUrlSuffix": "a" * 2049}, 4629),
    ],
)
async def test_one_wrong_ad_is_named_by_its_place_and_the_others_are_changed(desk, ada, changes, code):
    one, two = group_of(desk)[:2]
    body = {"AdGroupId": one.group.id, "Ads": [sent(one), sent(two, **changes)]}
    (error,) = (await ada.call(*ADS, body, method="PUT")).json()["PartialErrors"]
    assert (error["Index"], error["Code"], error["Type"]) == (1, code, "BatchError")
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "")


async def test_an_ad_of_another_group_or_named_twice_is_not_changed(desk, ada):
    one = group_of(desk)[0]
    other = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.group is not one.group)
    errors = (await ada.call(*ADS, update(one, other, one), method="PUT")).json()["PartialErrors"]
    assert [(error["Index"], error["Code"]) for error in errors] == [(1, 1308), (2, 1309)]


async def test_a_product_ad_takes_no_suffix(desk, ada):
    product = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.kind == "Product Ad")
    body = {"AdGroupId": product.group.id, "Ads": [sent(product, Type="Product")]}
    assert (await ada.call(*ADS, body, method="PUT")).json()["PartialErrors"][0]["Code"] == 4625


async def test_a_call_that_is_wrong_as_a_whole_changes_nothing(desk, ada):
    one = group_of(desk)[0]
    for body, code in (
        (update(one, group="1"), 1201),
        ({"AdGroupId": int(one.group.id), "Ads": [sent(one)]}, 100),
        ({"AdGroupId": one.group.id, "Ads": []}, 1310),
        ({"AdGroupId": one.group.id, "Ads": [sent(one)] * 51}, 1311),
        ({"AdGroupId": one.group.id, "Ads": [{"Id": one.id, "FinalUrlSuffix": "a=b"}]}, 100),
        ({"AdGroupId": one.group.id, "Ads": [sent(one, Nonsense=1)]}, 100),
    ):
        assert fault(await ada.call(*ADS, body, method="PUT"))[2] == code
    assert one.final_url_suffix == ""


# Levers


async def test_every_lever_says_what_happened_and_its_key_begins_with_the_platform_s(desk):
    keys = [lever.key for lever in desk.sandbox.levers]
    assert all(key.startswith("microsoft_advertising_") for key in keys)
    assert {"microsoft_advertising_revoke", "microsoft_advertising_new_ads"} <= set(keys)
    for lever in desk.sandbox.levers:
        assert (await lever.pull()).endswith(".")
    assert len(desk.sandbox.account(EMEA).ads) == 44
    assert not desk.sandbox.is_down


async def test_the_truth_is_the_same_in_every_run_and_settles_as_days_pass(desk):
    async with at_the_desk() as other:
        days = (EMEA, date(2026, 11, 1), date(2026, 11, 23))
        assert desk.sandbox.totals(*days) == other.sandbox.totals(*days)
        before = desk.sandbox.totals(*days)
        desk.clock.moment += timedelta(days=1)
        after = desk.sandbox.totals(*days)
        assert [day.day for day in before if before[day] != after[day]] == [20, 21, 22, 23]


async def test_an_export_that_is_wrong_is_told_apart_from_one_that_is_right(desk):
    truth = desk.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 22))
    rows = [
        {"platform": "microsoft_advertising", "account": EMEA, "date": day.isoformat(), "cost_micros": micros}
        for day, micros in truth.items()
    ]
    assert ["untagged" in problem for problem in desk.sandbox.disagreements(rows)] == [True]
    assert len(desk.sandbox.disagreements(rows[1:-1])) == 2
