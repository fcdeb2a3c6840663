"""What Meta's ads cost: insights read at once, or through a report that Meta works on first when that is too much."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, TryLater
from bot.words.freight import CostRow
from bot.work.courtesy import giving_way
from platforms._answers import digits, expected
from platforms._beside import beside
from platforms._meta_ads_errors import TooMuch, code_of, read_fault
from platforms._meta_ads_graph import Graph

# Beyond some thousand rows Meta wants a report: https://developers.facebook.com/docs/marketing-api/insights/best-practices
_ROWS_AT_ONCE = 5_000
_PAGE = 500
_PAUSES = (1.0, 2.0, 4.0, 8.0, *(15.0,) * 60)  # seconds; a quarter of an hour in all
_UNKNOWN_AT_FIRST = 5  # so many looks may find no report: it is not everywhere at once after it was ordered
_FIELDS = "account_currency,campaign_id,campaign_name,adset_id,ad_id,spend,clicks,impressions,date_start,date_stop"
# Ads that were deleted or archived have cost money too, but are only told of when asked for by status:
# https://developers.facebook.com/docs/marketing-api/best-practices/storing_adobjects
_EVERY_STATUS = [
    "ACTIVE",
    "ADSET_PAUSED",
    "ARCHIVED",
    "CAMPAIGN_PAUSED",
    "DELETED",
    "DISAPPROVED",
    "IN_PROCESS",
    "PAUSED",
    "PENDING_BILLING_INFO",
    "PENDING_REVIEW",
    "PREAPPROVED",
    "WITH_ISSUES",
]
_SPEND = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)


class Insights:
    """One account's insights. Once an answer was too much, reports are ordered for the rest of this walk."""

    def __init__(self, graph: Graph, account: str, currency: str) -> None:
        self._graph = graph
        self._edge = f"act_{digits(account)}/insights"
        self._currency = currency
        self._large = False

    async def of_ads(self, since: date, until: date) -> AsyncIterator[list[CostRow] | None]:
        """The cost per ad and day, all at the end; before that None, now and then, while Meta works on it.

        Raises TooMuch when these are too many days even for a report.
        """
        asked = _asked("ad", _FIELDS, since, until)
        asked["filtering"] = [{"field": "ad.effective_status", "operator": "IN", "value": _EVERY_STATUS}]
        if not self._large:
            try:
                found = await self._read(self._edge, most=_ROWS_AT_ONCE, **asked)
            except TooMuch:
                self._large = True
            else:
                yield await beside(self._rows, found, since, until)
                return
        run = await self._order(asked)
        for look, pause in enumerate(_PAUSES):
            if await self._finished(run, look):
                found = await self._read(f"{run}/insights", limit=str(_PAGE))
                yield await beside(self._rows, found, since, until)
                return
            yield None
            await asyncio.sleep(pause)
        raise TryLater("Meta did not finish a report in time")

    async def totals(self, since: date, until: date) -> dict[date, int]:
        """The account's own total per day: what its ads add up to, asked in another way."""
        rows = await self._read(self._edge, **_asked("account", "spend,date_start,date_stop", since, until))
        with expected("Meta's cost totals"):
            return {_day(row, since, until): micros(row.get("spend", "0")) for row in rows}

    async def _read(self, path: str, most: int | None = None, **asked: object) -> list[Json]:
        rows: list[Json] = []
        async for page in self._graph.pages(path, shrink=most is None, **asked):
            rows += page
            if most is not None and len(rows) > most:
                raise TooMuch("more rows than should be read at once")
        return rows

    async def _order(self, asked: Json) -> str:
        said = await self._graph.post(self._edge, **asked)
        with expected("Meta's answer about a report"):
            return digits(said["report_run_id"])

    async def _finished(self, run: str, look: int) -> bool:
        """Whether the report is complete. Raises what a failed one failed of."""
        fields = "async_status,async_percent_completion,error_code,error_subcode,error_message,error_user_msg"
        try:
            told = await self._graph.get(run, fields=fields)
        except AccessDenied as error:
            if error.cause.code == "100.33" and look < _UNKNOWN_AT_FIRST:
                return False
            raise
        status = told.get("async_status")
        if status in {"Job Failed", "Job Skipped"}:
            raise _failure(told)
        # "Completed" is said a moment too early: rows may be missing until the percentage agrees.
        return bool(status == "Job Completed" and told.get("async_percent_completion") == 100)

    def _rows(self, found: Sequence[Json], since: date, until: date) -> list[CostRow]:
        """In a thread: a page is decoded in a millisecond, but a report has many, and takes a fifth of a second."""
        with expected("Meta's cost report"):
            rows = [self._row(row, since, until) for row in giving_way(found)]
        # A row that moved to another page while we read comes twice; the later one is newer.
        once = {(row.day, row.campaign, row.ad_group, row.ad): row for row in rows}
        return [once[key] for key in sorted(once)]

    def _row(self, row: Json, since: date, until: date) -> CostRow:
        return CostRow(
            day=_day(row, since, until),
            campaign=digits(row["campaign_id"]),
            campaign_name=str(row.get("campaign_name") or ""),
            ad_group=digits(row["adset_id"]),
            ad=digits(row["ad_id"]),
            currency=str(row.get("account_currency") or self._currency),
            cost_micros=micros(row.get("spend", "0")),
            clicks=int(row.get("clicks", "0")),
            impressions=int(row.get("impressions", "0")),
        )


def micros(spend: object) -> int:
    """Money comes as decimal text, in the account's currency."""
    if not isinstance(spend, str) or not _SPEND.fullmatch(spend):
        raise ValueError("expected an amount of money")
    return int((Decimal(spend) * 1_000_000).to_integral_value())


def _asked(level: str, fields: str, since: date, until: date) -> Json:
    return {
        "level": level,
        "fields": fields,
        "time_increment": "1",
        "time_range": {"since": since.isoformat(), "until": until.isoformat()},
        "limit": str(_PAGE),
    }


def _day(row: Json, since: date, until: date) -> date:
    day = date.fromisoformat(row["date_start"])
    if not since <= day <= until or row.get("date_stop", row["date_start"]) != row["date_start"]:
        raise ValueError("expected one of the days that were asked for")
    return day


def _failure(told: Json) -> Exception:
    """What a report failed of. A dead login shows itself at the next call, where it can be told for sure."""
    error = {"code": told.get("error_code"), "error_subcode": told.get("error_subcode")}
    error["message"] = told.get("error_message") or told.get("error_user_msg")
    found = read_fault(error, {})
    if found is None or isinstance(found, AuthorizationLost):
        return TryLater(f"Meta could not finish a report ({code_of(error)})")
    return found
