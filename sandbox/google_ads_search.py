"""Answering queries: which rows a Google Ads account has to show."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.ad_costs import NOTHING, Figures, Moment, moment, ordinals
from sandbox.google_ads_conditions import INT64, bounds, check_condition, test, test_value
from sandbox.google_ads_data import Account
from sandbox.google_ads_errors import AdsError, query_error
from sandbox.google_ads_fields import DAY, FIELDS, METRICS, REACH, Row
from sandbox.google_ads_query import Query
from sandbox.google_ads_rows import Hit, Shape

CHANGED_AT = "change_status.last_change_date_time"
CHANGE_LIMIT = 10_000
MONTHS = 37  # how long Google keeps what happened on which day
CHANGE_DAYS = 90

Reached = Callable[[Account], Iterator[tuple[Account, int]]]


class Search:
    """One query against one account. `reached` walks the accounts under a manager that the caller may see."""

    def __init__(self, query: Query, account: Account, now: datetime, reached: Reached) -> None:
        self.query = query
        self.account = account
        self._now = now
        self._moment = moment(now, account.zone)
        self._reached = reached
        self._by_day = DAY in query.select
        self._check()

    # Is the query allowed?

    def _check(self) -> None:
        query = self.query
        if query.resource not in REACH:
            raise query_error(
                "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"Error in FROM clause: unknown resource '{query.resource}'."
            )
        for name in query.select:
            self._reachable(name, "SELECT")
        for condition in query.where:
            self._reachable(condition.field, "WHERE")
            check_condition(condition)
        for ordering in query.order_by:
            self._reachable(ordering.field, "ORDER_BY")
            if ordering.field not in query.select and ordering.field.split(".")[0] != query.resource:
                raise query_error(
                    "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
                    f"'{ordering.field}' must be present in SELECT clause.",
                )
        if query.resource == "change_status":
            self._check_changes()
        else:
            self._check_days()

    def _reachable(self, name: str, clause: str) -> None:
        if name not in FIELDS and name not in METRICS and name != DAY:
            raise query_error("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.")
        if name.split(".", maxsplit=1)[0] not in REACH[self.query.resource]:
            raise query_error(
                f"PROHIBITED_RESOURCE_TYPE_IN_{clause}_CLAUSE".replace("ORDER_BY", "SELECT"),
                f"The field '{name}' cannot be used with the resource '{self.query.resource}' in the FROM clause.",
            )

    def _check_days(self) -> None:
        asks = {*self.query.select, *(condition.field for condition in self.query.where)}
        if self._by_day and None in bounds(self.query, DAY):
            raise query_error(
                "EXPECTED_FILTERS_ON_DATE_RANGE",
                "The query must have a finite date range filter in the WHERE clause when 'segments.date' is selected.",
            )
        low, _ = bounds(self.query, DAY)
        if self._by_day and low and low < self._earliest():
            raise AdsError(
                400,
                "dateRangeError",
                "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED",
                "The requested time granularity is not supported for the date range in the query.",
            )
        if self.account.manager and asks & set(METRICS):
            raise query_error(
                "REQUESTED_METRICS_FOR_MANAGER",
                "Metrics cannot be requested for a manager account. To retrieve metrics, issue separate requests "
                "against each client account under the manager account.",
            )

    def _earliest(self) -> str:
        """https://developers.google.com/google-ads/api/reference/rpc/v26/DateRangeErrorEnum.DateRangeError"""
        today = date.fromordinal(self._moment.day)
        months = today.year * 12 + today.month - 1 - MONTHS
        return date(months // 12, months % 12 + 1, min(today.day, 28)).isoformat()

    def _check_changes(self) -> None:
        """https://developers.google.com/google-ads/api/docs/change-status: a limit and a finite range, always."""
        low, high = bounds(self.query, CHANGED_AT)
        if self.query.limit is None:
            raise _change_error("LIMIT_NOT_SPECIFIED", "The LIMIT clause is required.")
        if self.query.limit > CHANGE_LIMIT:
            raise _change_error("INVALID_LIMIT_CLAUSE", "The LIMIT must be less than or equal to 10000.")
        if low is None or high is None:
            raise _change_error("CHANGE_DATE_RANGE_INFINITE", "The change date range must be finite.")
        if low > high:
            raise _change_error("CHANGE_DATE_RANGE_NEGATIVE", "The start is after the end of the date range.")
        oldest = date.fromordinal(self._moment.day) - timedelta(days=CHANGE_DAYS)
        if low[:10] < oldest.isoformat():
            raise _change_error("START_DATE_TOO_OLD", "The requested start date is too old: at most 90 days.")

    # What are the rows?

    def rows(self) -> list[dict[str, Any]]:
        """All rows as JSON objects: camelCase, int64 as text, what is not set left out."""
        hits: Iterator[Hit] | list[Hit] = self._kept()
        if self.query.order_by:
            hits = self._ordered(list(hits))
        shaped: list[dict[str, Any]] = []
        shape = Shape(self.query)
        for hit in hits:
            if self.query.limit is not None and len(shaped) >= self.query.limit:
                break
            shaped.append(shape.of(hit))
        return shaped

    def _kept(self) -> Iterator[Hit]:
        plain = [condition for condition in self.query.where if condition.field in FIELDS]
        measured = [condition for condition in self.query.where if condition.field in METRICS]
        tests = [test(FIELDS[condition.field], condition) for condition in plain]
        for row in self._all():
            if all(test(row) for test in tests):
                for hit in self._measured(row):
                    if all(test_value(hit.figures[METRICS[each.field]], each, INT64) for each in measured):
                        yield hit

    def _all(self) -> Iterator[Row]:
        account = self.account
        match self.query.resource:
            case "customer":
                yield Row(account)
            case "customer_client":
                for client, level in self._reached(account):
                    yield Row(account, client=client, level=level)
            case "campaign":
                for campaign in account.campaigns:
                    yield Row(account, campaign)
            case "ad_group":
                for group in account.groups:
                    yield Row(account, group.campaign, group)
            case "ad_group_ad":
                for ad in account.ads.values():
                    yield Row(account, ad.group.campaign, ad.group, ad)
            case _:
                for change in account.changes.values():
                    ad = change.ad
                    yield Row(account, ad.group.campaign, ad.group, ad, change)

    def _measured(self, row: Row) -> Iterator[Hit]:
        """One hit a day where the query splits by day; days without impressions have none, as at Google."""
        asks = {*self.query.select, *(condition.field for condition in self.query.where)}
        if DAY not in asks and not asks & set(METRICS):
            yield Hit(row, NOTHING, None)
            return
        total = NOTHING
        for day in self._days():
            figures = self._figures(row, day)
            if self._by_day and figures.impressions:
                yield Hit(row, figures, day)
            total = total.plus(figures)
        if not self._by_day:
            yield Hit(row, total, None)

    def _days(self) -> range:
        low, high = bounds(self.query, DAY)
        since = date.fromisoformat(low) if low else date.fromordinal(self.account.started.day)
        until = date.fromisoformat(high) if high else date.fromordinal(self._moment.day)
        return ordinals(since, min(until, date.fromordinal(self._moment.day)))

    def _figures(self, row: Row, day: int) -> Figures:
        account, now = self.account, self._moment
        if row.ad is not None:
            return account.ad_figures(row.ad, day, now)
        if row.group is not None:
            return _summed(account, row, day, now)
        if row.campaign is not None:
            return account.campaign_figures(row.campaign, day, now)
        return account.day_figures(day, now)

    def _ordered(self, hits: list[Hit]) -> list[Hit]:
        for ordering in reversed(self.query.order_by):
            hits.sort(key=lambda hit: _sort_key(_value(hit, ordering.field)), reverse=ordering.descending)
        return hits


def _summed(account: Account, row: Row, day: int, now: Moment) -> Figures:
    total = NOTHING
    for ad in account.ads.values():
        if ad.group is row.group:
            total = total.plus(account.ad_figures(ad, day, now))
    return total


def _value(hit: Hit, name: str) -> Any:
    if name in METRICS:
        return hit.figures[METRICS[name]]
    return hit.day if name == DAY else FIELDS[name].get(hit.row)


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else 0


def _change_error(code: str, message: str) -> AdsError:
    return AdsError(400, "changeStatusError", code, message)
