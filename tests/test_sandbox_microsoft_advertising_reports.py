"""The practice Microsoft's reports: pending at first, for who ordered them only, behind links that end."""

from datetime import date, timedelta

import httpx2
import pytest
from practice_microsoft_advertising import at_the_desk, calling
from practice_microsoft_calls import POLL, SUBMIT, as_person, days, fault, report, unpacked

from sandbox.microsoft_advertising import ADA, AMERICAS, BEN, EMEA, TOKYO


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.fixture
async def ada(desk):
    async with calling(desk) as caller:
        yield caller


async def reported(ada, **changes):
    number = (await ada.call(*SUBMIT, report(**changes))).json()["ReportRequestId"]
    for _ in range(3):
        told = (await ada.call(*POLL, {"ReportRequestId": number})).json()["ReportRequestStatus"]
        if told["Status"] != "Pending":
            return told
    raise AssertionError("still pending")


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
