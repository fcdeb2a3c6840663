"""What is asked of Microsoft Advertising, in its own words, and how its answers are read; for the tests of its strictness."""

import csv
import io
import zipfile
from datetime import date

import httpx2
from practice_gateway import log_in

from sandbox.microsoft_advertising import EMEA

USER = ("customer", "/CustomerManagement/v13/User/Query")


SEARCH = ("customer", "/CustomerManagement/v13/Accounts/Search")


ACCOUNT = ("customer", "/CustomerManagement/v13/Account/Query")


SUBMIT = ("reporting", "/Reporting/v13/GenerateReport/Submit")


POLL = ("reporting", "/Reporting/v13/GenerateReport/Poll")


DOWNLOAD = ("bulk", "/Bulk/v13/Campaigns/DownloadByAccountIds")


STATUS = ("bulk", "/Bulk/v13/BulkDownloadStatus/Query")


ADS = ("campaign", "/CampaignManagement/v13/Ads")


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
