"""What Microsoft's reports on cost are asked for, and reading the rows they come with."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from bot.words.connection import Account
from bot.words.freight import CostRow
from bot.words.interfaces import CostPage
from platforms._answers import digits, expected
from platforms._microsoft_advertising_files import rows_of
from platforms._microsoft_advertising_orders import Order, Service
from platforms._microsoft_advertising_zones import report_zone

_DAY = timedelta(days=1)
_DAYS_PER_PAGE = 7
_LARGEST = 64 * 1024 * 1024  # some 600,000 rows, which are all held at once
# "1,204.50": with or without separators.
_NUMBER = re.compile(r"-?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,9})?", re.ASCII)
_NO_AD = {"", "0", "--"}


class Report(Enum):
    """A kind of report, and the columns that it is asked for and must come with."""

    OF_ADS = (
        "AdPerformanceReportRequest",
        "TimePeriod AccountId CurrencyCode CampaignId CampaignName AdGroupId AdId Impressions Clicks Spend",
    )
    OF_CAMPAIGNS = (
        "CampaignPerformanceReportRequest",
        "TimePeriod AccountId CurrencyCode CampaignId CampaignName Impressions Clicks Spend",
    )
    OF_ACCOUNT = ("AccountPerformanceReportRequest", "TimePeriod AccountId CurrencyCode Spend")

    @property
    def columns(self) -> list[str]:
        return str(self.value[1]).split()

    def order(self, account: Account, since: date, until: date) -> Order:
        """https://learn.microsoft.com/advertising/reporting-service/submitgeneratereport"""
        asked = {
            "Type": self.value[0],
            "ReportName": "Redkey",
            "Format": "Csv",
            "FormatVersion": "2.0",
            "ExcludeReportHeader": True,
            "ExcludeReportFooter": True,
            "ReturnOnlyCompleteData": False,
            "Aggregation": "Daily",
            "Scope": {"AccountIds": [digits(account.id)]},
            "Time": {
                "CustomDateRangeStart": _date(since),
                "CustomDateRangeEnd": _date(until),
                "ReportTimeZone": report_zone(account.time_zone),
            },
            "Columns": self.columns,
        }
        return Order(Service.REPORTING, account, {"ReportRequest": asked})

    def read(self, file: bytes, account: Account, since: date, until: date) -> Iterator[CostRow]:
        """Raises TryLater for what was not asked for."""
        if not file:
            return
        for row in rows_of(file, self.columns, exactly=True, limit=_LARGEST):
            with expected("Microsoft's cost report"):
                yield _row(row, account, since, until)


def cost_rows(campaigns: bytes, ads: bytes, account: Account, since: date, until: date) -> dict[date, list[CostRow]]:
    """Cost per ad, and per campaign what its ads do not explain: Performance Max has no ads to report on."""
    of_ads = _summed(Report.OF_ADS.read(ads, account, since, until))
    of_campaigns = _summed(Report.OF_CAMPAIGNS.read(campaigns, account, since, until))
    rows = _summed([*of_ads, *_remainders(of_campaigns, of_ads)])
    days: dict[date, list[CostRow]] = {}
    for row in sorted(rows, key=lambda row: (row.day, row.campaign, row.ad_group, row.ad)):
        days.setdefault(row.day, []).append(row)
    return days


def totals(file: bytes, account: Account, since: date, until: date) -> dict[date, int]:
    found: dict[date, int] = {}
    for row in Report.OF_ACCOUNT.read(file, account, since, until):
        found[row.day] = found.get(row.day, 0) + row.cost_micros
    return found


def cost_pages(days: Mapping[date, Sequence[CostRow]], since: date, until: date) -> Iterator[CostPage]:
    """Whole weeks, so that a month is not one transaction."""
    while since <= until:
        through = min(since + _DAY * (_DAYS_PER_PAGE - 1), until)
        some = [since + _DAY * n for n in range((through - since).days + 1)]
        yield CostPage([row for day in some for row in days.get(day, ())], through)
        since = through + _DAY


def _date(day: date) -> dict[str, int]:
    return {"Day": day.day, "Month": day.month, "Year": day.year}


def _row(row: Mapping[str, str], account: Account, since: date, until: date) -> CostRow:
    day = date.fromisoformat(row["TimePeriod"])
    if not since <= day <= until or row["AccountId"] != account.id:
        raise ValueError("expected a day and an account that were asked for")
    ad = "" if row.get("AdId", "") in _NO_AD else digits(row["AdId"])
    return CostRow(
        day=day,
        campaign=digits(row["CampaignId"]) if "CampaignId" in row else "",
        campaign_name=row.get("CampaignName", ""),
        ad_group=digits(row["AdGroupId"]) if ad else "",
        ad=ad,
        currency=row["CurrencyCode"] or account.currency,
        cost_micros=int((number(row["Spend"]) * 1_000_000).to_integral_value()),
        clicks=int(number(row.get("Clicks", "0"))),
        impressions=int(number(row.get("Impressions", "0"))),
    )


def number(written: str) -> Decimal:
    if not _NUMBER.fullmatch(written):
        raise ValueError("expected a number")
    return Decimal(written.replace(",", ""))


def _summed(rows: Iterable[CostRow]) -> list[CostRow]:
    """One row for each ad (or campaign) and day: Microsoft gives a row more where a name changed in between."""
    found: dict[tuple[date, str, str, str], CostRow] = {}
    for row in rows:
        key = (row.day, row.campaign, row.ad_group, row.ad)
        if key in found:
            held = found[key]
            row = row._replace(  # noqa: PLW2901
                cost_micros=row.cost_micros + held.cost_micros,
                clicks=row.clicks + held.clicks,
                impressions=row.impressions + held.impressions,
            )
        found[key] = row
    return list(found.values())


def _remainders(campaigns: Iterable[CostRow], ads: Iterable[CostRow]) -> Iterator[CostRow]:
    explained = {(row.day, row.campaign): row for row in _summed(ad._replace(ad_group="", ad="") for ad in ads)}
    for row in campaigns:
        known = explained.get((row.day, row.campaign))
        if known is None:
            if row.cost_micros or row.clicks or row.impressions:
                yield row
        elif row.cost_micros > known.cost_micros:
            yield row._replace(
                cost_micros=row.cost_micros - known.cost_micros,
                clicks=max(row.clicks - known.clicks, 0),
                impressions=max(row.impressions - known.impressions, 0),
            )
