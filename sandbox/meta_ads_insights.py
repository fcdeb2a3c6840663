"""Insights of the practice world's Meta: what ads cost, at once or as a report that takes a while.

https://developers.facebook.com/docs/marketing-api/insights
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.ad_costs import NOTHING, Figures, moment, ordinals
from sandbox.meta_ads_data import GONE, Account, Ad
from sandbox.meta_ads_errors import GraphError, bad_parameter, not_there, too_much
from sandbox.meta_ads_params import Fields, Params

MONTHS = 37
LEVELS = ("account", "campaign", "adset", "ad")
NAMES = {f"{level}_{what}" for level in LEVELS for what in ("id", "name")}
FIELDS = {*NAMES, "account_currency", "spend", "impressions", "clicks", "date_start", "date_stop"}
STATUSES = {
    "ACTIVE",
    "ADSET_PAUSED",
    "CAMPAIGN_PAUSED",
    "DISAPPROVED",
    "IN_PROCESS",
    "PAUSED",
    "PENDING_BILLING_INFO",
    "PENDING_REVIEW",
    "PREAPPROVED",
    "WITH_ISSUES",
    *GONE,
}
Row = dict[str, Any]


@dataclass
class Asked:
    level: str
    daily: bool
    since: date
    until: date
    fields: Fields
    statuses: set[str] | None
    ads: set[str] | None


@dataclass
class Report:
    """One asynchronous report run. `looks` counts how often its state was asked for."""

    id: str
    account: str
    rows: list[Row]
    asked: Asked
    ordered_at: datetime
    failure: tuple[int, int | None, str] | None = None
    looks: int = 0


class Insights:
    """Reads and report runs. The knobs say how hard Meta makes it."""

    def __init__(self, now: Callable[[], datetime], number: Callable[[], str]) -> None:
        self._now = now
        self._number = number
        self.rows_at_once = 10_000
        """A read of more rows is refused: such things want a report."""
        self.rows_per_report = 1_000_000
        self.unknown_looks = 1
        """So many looks at a new report find nothing (the race after creating it)."""
        self.running_looks = 1
        self.failures: list[tuple[int, int | None, str]] = []
        """What the next reports fail of: code, subcode, words."""
        self.reports: dict[str, Report] = {}

    def read(self, account: Account, params: Params) -> list[Row]:
        """Raises GraphError."""
        rows = self._rows(account, self._asked(account, params))
        if len(rows) > self.rows_at_once:
            raise too_much()
        return rows

    def order(self, account: Account, params: Params) -> str:
        asked = self._asked(account, params)
        rows = self._rows(account, asked)
        failure = self.failures.pop(0) if self.failures else None
        if len(rows) > self.rows_per_report:
            failure = (100, 1487534, "Too much data was requested. Please use a shorter time range.")
        report = Report(self._number(), account.id, rows, asked, self._now(), failure)
        self.reports[report.id] = report
        return report.id

    def look(self, number: str) -> Row:
        """The state of a report, one step further each time."""
        report = self.reports[number]
        report.looks += 1
        if report.looks <= self.unknown_looks:
            raise not_there(number)
        status, percent = self._state(report)
        told: Row = {
            "id": report.id,
            "account_id": report.account,
            "time_ref": int(report.ordered_at.timestamp()),
            "async_status": status,
            "async_percent_completion": percent,
            "is_running": status == "Job Running",
            "date_start": report.asked.since.isoformat(),
            "date_stop": report.asked.until.isoformat(),
        }
        if status == "Job Failed" and report.failure:
            code, subcode, words = report.failure
            told |= {"error_code": code, "error_message": words, "error_user_msg": words}
            told |= {"error_subcode": subcode} if subcode else {}
        return told

    def _state(self, report: Report) -> tuple[str, int]:
        step = report.looks - self.unknown_looks
        if step <= self.running_looks:
            return "Job Running", min(90, 30 * step)
        if report.failure:
            return "Job Failed", 100
        # It is called complete one look before it is.
        return "Job Completed", 99 if step == self.running_looks + 1 else 100

    def found(self, number: str) -> list[Row]:
        """The rows of a report: half of them while it is not complete."""
        report = self.reports[number]
        done = self._state(report) == ("Job Completed", 100)
        return report.rows if done else report.rows[: len(report.rows) // 2]

    def _asked(self, account: Account, params: Params) -> Asked:
        level = params.text("level", "account")
        if level not in LEVELS:
            raise bad_parameter(f"level must be one of the following values: {', '.join(LEVELS)}")
        increment = params.text("time_increment", "all_days")
        if increment not in ("1", "all_days"):
            raise bad_parameter("time_increment must be 1 or all_days here")
        since, until = self._range(account, params)
        fields = params.fields(FIELDS, "AdsInsights", ("impressions", "spend"))
        statuses, ads = _filters(params.parsed("filtering", []))
        return Asked(level, increment == "1", since, until, fields, statuses, ads)

    def _range(self, account: Account, params: Params) -> tuple[date, date]:
        asked = params.parsed("time_range")
        try:
            since, until = (date.fromisoformat(asked[name]) for name in ("since", "until"))
        except (TypeError, KeyError, ValueError):
            raise bad_parameter("time_range[since] and time_range[until] must be dates, as 2026-11-01") from None
        if since > until:
            raise bad_parameter("time_range[since] must not be later than time_range[until]")
        today = self._now().astimezone(account.zone).date()
        earliest = (today.year * 12 + today.month - 1) - MONTHS
        if since < date(earliest // 12, earliest % 12 + 1, min(today.day, 28)):
            words = "The start date of the time range cannot be beyond 37 months from the current date"
            raise GraphError(400, 3018, f"(#3018) {words}")
        return since, until

    def _rows(self, account: Account, asked: Asked) -> list[Row]:
        days = ordinals(asked.since, asked.until)
        spans = [range(day, day + 1) for day in days] if asked.daily else [days]
        return [row for span in spans for row in self._span(account, asked, span)]

    def _span(self, account: Account, asked: Asked, days: range) -> Iterator[Row]:
        now = moment(self._now(), account.zone)
        sums: dict[str, tuple[Row, Figures]] = {}
        for ad in account.ads.values():
            if not _wanted(ad, asked):
                continue
            spent = NOTHING
            for day in days:
                spent = spent.plus(account.figures_of(ad, day, now))
            names = _names(account, ad)
            key = str(names[f"{asked.level}_id"])
            sums[key] = (names, sums[key][1].plus(spent) if key in sums else spent)
        for names, spent in sums.values():
            if spent.impressions:
                yield _row(names, spent, days, asked, account)


def _filters(asked: Any) -> tuple[set[str] | None, set[str] | None]:
    found: dict[str, set[str] | None] = {"ad.effective_status": None, "ad.id": None}
    for each in asked if isinstance(asked, list) else [None]:
        said: dict[str, Any] = each if isinstance(each, dict) else {}
        name = str(said.get("field"))
        if name not in found or said.get("operator") != "IN" or not isinstance(said.get("value"), list):
            raise bad_parameter(f"Filtering field '{name}' is not supported in this way")
        found[name] = {str(value) for value in said["value"]}
    statuses = found["ad.effective_status"]
    if unknown := (statuses or set()) - STATUSES:
        raise bad_parameter(f"filtering[0][value] must be one of the known statuses, not {min(unknown)}")
    return statuses, found["ad.id"]


def _wanted(ad: Ad, asked: Asked) -> bool:
    """Deleted and archived ads count in what is above them, but are told of only when their status is asked for."""
    if asked.ads is not None and ad.id not in asked.ads:
        return False
    if asked.statuses is not None:
        return ad.effective_status in asked.statuses
    return asked.level != "ad" or ad.status not in GONE


def _names(account: Account, ad: Ad) -> Row:
    return {
        "account_id": account.id,
        "account_name": account.name,
        "account_currency": account.currency,
        "campaign_id": ad.adset.campaign.id,
        "campaign_name": ad.adset.campaign.name,
        "adset_id": ad.adset.id,
        "adset_name": ad.adset.name,
        "ad_id": ad.id,
        "ad_name": ad.name,
    }


def _row(names: Row, spent: Figures, days: range, asked: Asked, account: Account) -> Row:
    """Money and counts come as text; the dates come whatever was asked for."""
    below = LEVELS[LEVELS.index(asked.level) + 1 :]
    known = {name: value for name, value in names.items() if name.partition("_")[0] not in below}
    whole = known | {
        "spend": money(spent.cost_micros, account.unit),
        "impressions": str(spent.impressions),
        "clicks": str(spent.clicks),
    }
    told = {name: whole[name] for name in asked.fields if name in whole}
    dates = {"date_start": date.fromordinal(days[0]), "date_stop": date.fromordinal(days[-1])}
    return told | {name: day.isoformat() for name, day in dates.items()}


def money(micros: int, unit: int) -> str:
    """An amount in the account's currency: with cents, where it has them."""
    amount = Decimal(micros) / 1_000_000
    return str(int(amount)) if unit == 1_000_000 else f"{amount:.2f}"
