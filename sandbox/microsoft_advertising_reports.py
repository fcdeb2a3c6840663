"""The reporting service of the practice world's Microsoft Advertising: submit, poll, download.

https://learn.microsoft.com/advertising/guides/request-download-report
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import Route

from sandbox.ad_costs import Figures, moment, ordinals
from sandbox.microsoft_advertising_data import ZONES, Account
from sandbox.microsoft_advertising_entrance import Body, Call, Entrance, a_long
from sandbox.microsoft_advertising_faults import ApiFault
from sandbox.microsoft_advertising_files import JOB_LIVES, Job, Jobs, Storage, zipped

MOST_AT_ONCE = 5
YEARS = 3  # of days: https://learn.microsoft.com/advertising/guides/report-data-retention-time-periods
Row = dict[str, str]

_COMMON = {"TimePeriod", "AccountId", "AccountName", "AccountNumber", "CurrencyCode"}
_MEASURES = {"Impressions", "Clicks", "Spend"}
_CAMPAIGN = {"CampaignId", "CampaignName", "CampaignType"}
COLUMNS = {
    "AccountPerformanceReportRequest": _COMMON | _MEASURES,
    "CampaignPerformanceReportRequest": _COMMON | _MEASURES | _CAMPAIGN,
    "AdPerformanceReportRequest": _COMMON
    | _MEASURES
    | _CAMPAIGN
    | {"AdGroupId", "AdGroupName", "AdId", "AdTitle", "FinalUrl"},
}
_NAMES = """ExcludeColumnHeaders ExcludeReportFooter ExcludeReportHeader Format FormatVersion ReportName Type
ReturnOnlyCompleteData Aggregation Columns Filter Scope Time"""


class ReportingService:
    """`looks`: how often a new report is still pending when somebody asks; `broken`: how many of the next end in Error."""

    def __init__(self, entrance: Entrance, storage: Storage) -> None:
        self._entrance = entrance
        self._storage = storage
        self._now = entrance.book.now
        self.looks = 1
        self.broken = 0
        self.jobs = Jobs(30_000_002_100_000_000)

    def routes(self) -> list[Route]:
        at, of = "/reporting/Reporting/v13/GenerateReport", self._entrance
        return [
            of.route(f"{at}/Submit", "submit", self._submit, "ReportRequest"),
            of.route(f"{at}/Poll", "poll", self._poll, "ReportRequestId"),
        ]

    def _submit(self, call: Call) -> Body:
        asked = call.body.get("ReportRequest")
        if not isinstance(asked, dict):
            raise ApiFault(2001)
        if set(asked) - set(_NAMES.split()):
            raise ApiFault(100)
        rows = self._rows(call.of_account, asked)
        columns, since, until = _columns(asked), *self._days(asked)
        _check_rest(asked)
        self._check_scope(call, asked)
        under_way = [
            job for job in self.jobs.values() if job.email == call.person.email and job.is_pending(self._now())
        ]
        if len(under_way) >= MOST_AT_ONCE:
            raise ApiFault(207)
        number, at = self.jobs.next_id(), self._now()

        def write() -> bytes | None:
            found = [[row[name] for name in columns] for row in rows(since, until, at)]
            return zipped(number, columns, found) if found else None

        failed = "Error" if self.broken else ""
        self.broken = max(0, self.broken - 1)
        self.jobs.add(Job(number, call.person.email, at, self.looks, write, failed))
        return {"ReportRequestId": number}

    def _poll(self, call: Call) -> Body:
        number = call.body.get("ReportRequestId")
        job = self.jobs.get(number) if isinstance(number, str) else None
        if job is None or job.email != call.person.email:
            raise ApiFault(2100)
        if self._now() > job.at + JOB_LIVES:
            raise ApiFault(2101)
        status, url = "Pending", None
        if job.look(self._now()):
            status, content = job.failed or "Success", None if job.failed else job.write()
            url = self._storage.link(call.here, "reports", f"{job.id}.zip", content) if content else None
        return {"ReportRequestStatus": {"ReportDownloadUrl": url, "Status": status}}

    def _check_scope(self, call: Call, asked: Body) -> None:
        match asked.get("Scope"):
            case {"AccountIds": [str(number)]}:
                if self._entrance.reached(call.person, a_long(number)) is None:
                    raise ApiFault(106)
                if number != call.of_account.id:
                    raise ApiFault(2035, number)
            case _:
                raise ApiFault(2026)

    def _days(self, asked: Body) -> tuple[date, date]:
        """Custom days only. Today is the zone's that was asked for, else California's."""
        time = asked.get("Time")
        if not isinstance(time, dict) or time.get("PredefinedTime") is not None:
            raise ApiFault(2008)
        since, until = _day(time.get("CustomDateRangeStart"), 2009), _day(time.get("CustomDateRangeEnd"), 2010)
        zone = ZONES.get(time.get("ReportTimeZone") or "PacificTimeUSCanadaTijuana")
        if zone is None:
            raise ApiFault(100)
        today = self._now().astimezone(ZoneInfo(zone)).date()
        if until < since:
            raise ApiFault(2011)
        if since < _years_before(today, YEARS):
            raise ApiFault(2009)
        if since > today:
            raise ApiFault(2041)
        if until > today:
            raise ApiFault(2010)
        if asked.get("ReturnOnlyCompleteData") and until == today:
            raise ApiFault(2005)
        return since, until

    def _rows(self, account: Account, asked: Body) -> Callable[[date, date, datetime], Iterator[Row]]:
        """Rows as they stand at a moment. Only what was shown or cost something has one."""
        level = {
            "AccountPerformanceReportRequest": _account_rows,
            "CampaignPerformanceReportRequest": _campaign_rows,
            "AdPerformanceReportRequest": _ad_rows,
        }.get(str(asked.get("Type")))
        if level is None:
            raise ApiFault(2002)

        def rows(since: date, until: date, at: datetime) -> Iterator[Row]:
            now = moment(at, account.zone)
            for day in ordinals(since, until):
                for names, told in level(account, day, now):
                    if told.impressions or told.cost_micros:
                        yield _common(account, day) | names | _measures(told)

        return rows


def _years_before(day: date, years: int) -> date:
    return date(day.year - years, day.month, min(day.day, 28))


def _account_rows(account: Account, day: int, now: Any) -> Iterator[tuple[Row, Figures]]:
    yield {}, account.day_figures(day, now)


def _campaign_rows(account: Account, day: int, now: Any) -> Iterator[tuple[Row, Figures]]:
    for campaign in account.campaigns:
        named = {"CampaignId": campaign.id, "CampaignName": campaign.name, "CampaignType": "Search & content"}
        yield named, account.campaign_figures(campaign, day, now)


def _ad_rows(account: Account, day: int, now: Any) -> Iterator[tuple[Row, Figures]]:
    for ad in account.ads.values():
        yield (
            {
                "CampaignId": ad.group.campaign.id,
                "CampaignName": ad.group.campaign.name,
                "CampaignType": "Search & content",
                "AdGroupId": ad.group.id,
                "AdGroupName": ad.group.name,
                "AdId": ad.id,
                "AdTitle": "",
                "FinalUrl": ";".join(ad.final_urls),
            },
            account.ad_figures(ad, day, now),
        )


def _common(account: Account, day: int) -> Row:
    return {
        "TimePeriod": date.fromordinal(day).isoformat(),
        "AccountId": account.id,
        "AccountName": account.name,
        "AccountNumber": account.number,
        "CurrencyCode": account.currency,
    }


def _measures(told: Figures) -> Row:
    """With thousands separators."""
    spend = Decimal(told.cost_micros) / 1_000_000
    return {"Impressions": f"{told.impressions:,}", "Clicks": f"{told.clicks:,}", "Spend": f"{spend:,.2f}"}


def _columns(asked: Body) -> list[str]:
    columns = asked.get("Columns")
    if not isinstance(columns, list) or not columns:
        raise ApiFault(2014)
    if set(columns) - COLUMNS[str(asked["Type"])]:
        raise ApiFault(100)
    if len(set(columns)) < len(columns):
        raise ApiFault(2016)
    if "TimePeriod" not in columns:
        raise ApiFault(2015)
    if not set(columns) & _MEASURES:
        raise ApiFault(2017)
    return columns


def _check_rest(asked: Body) -> None:
    """Only days as CSV without header and footer are practised."""
    if asked.get("Aggregation") != "Daily":
        raise ApiFault(2007)
    if len(asked.get("ReportName") or "") > 200:
        raise ApiFault(2006)
    practised = {"Format": "Csv", "FormatVersion": "2.0", "ExcludeReportHeader": True, "ExcludeReportFooter": True}
    if any(asked.get(name) != value for name, value in practised.items()):
        raise ApiFault(100)


def _day(value: object, code: int) -> date:
    match value:
        case {"Day": int(day), "Month": int(month), "Year": int(year)}:
            try:
                return date(year, month, day)
            except ValueError:
                raise ApiFault(code) from None
        case _:
            raise ApiFault(code)
