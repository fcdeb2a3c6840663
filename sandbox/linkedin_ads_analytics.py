"""adAnalytics of the practice world's LinkedIn: one pivot, no pages, and nothing at all for those who may not look.

https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.ad_costs import moment, ordinals
from sandbox.linkedin_ads_data import UTC_DAYS, Account, Creative
from sandbox.linkedin_ads_entrance import Call, Entrance
from sandbox.linkedin_ads_errors import bad_param

PIVOTS = ("CREATIVE", "CAMPAIGN", "ACCOUNT")
FACETS = {"accounts": "sponsoredAccount", "campaigns": "sponsoredCampaign", "creatives": "sponsoredCreative"}
FIELDS = {"dateRange", "pivotValues", "costInLocalCurrency", "costInUsd", "impressions", "clicks"}
MOST_FIELDS = 20
Key = tuple[int, str]


class Analytics:
    """`most`: so many elements are told, the latest ones; the others are left out without a word."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self.most = 15_000

    def find(self, call: Call) -> dict[str, Any]:
        call.only("q", "pivot", "timeGranularity", "dateRange", "fields", *FACETS)
        self._entrance.permit(call, "adAnalytics.FINDER-analytics", "r_ads_reporting")
        if call.query.get("q") != "analytics" or call.query.get("pivot") not in PIVOTS:
            raise bad_param("q" if call.query.get("q") != "analytics" else "pivot")
        if call.query.get("timeGranularity") not in {"DAILY", "ALL"}:
            raise bad_param("timeGranularity")
        since, until = self._days(call)
        fields = call.texts("fields") or ["impressions", "clicks"]
        if len(fields) > MOST_FIELDS or not set(fields) <= FIELDS:
            raise bad_param("fields")
        found = self._sums(call, since, until)
        rows = [_element(key, sums, call, since, until) for key, sums in sorted(found.items())][-self.most :]
        elements = [{name: row[name] for name in fields if name in row} for row in rows]
        return {"paging": {"start": 0, "count": 10, "links": []}, "elements": elements}

    def _days(self, call: Call) -> tuple[date, date]:
        given = call.query.get("dateRange")
        try:
            start, end = given["start"], given.get("end")  # type: ignore[index, union-attr]
            today = self._entrance.book.now().astimezone(UTC_DAYS).date()
            return _date(start), _date(end) if end is not None else today
        except (KeyError, TypeError, ValueError, AttributeError):
            raise bad_param("dateRange") from None

    def _sums(self, call: Call, since: date, until: date) -> dict[Key, tuple[Decimal, int, int]]:
        now = moment(self._entrance.book.now(), UTC_DAYS)
        sums: dict[Key, tuple[Decimal, int, int]] = {}
        for account, creative in self._chosen(call):
            for day in ordinals(since, until):
                told = account.figures(creative, day, now)
                if not told.impressions:
                    continue
                key = (day if call.query["timeGranularity"] == "DAILY" else 0, _pivoted(call, account, creative))
                cost, clicks, impressions = sums.get(key, (Decimal(), 0, 0))
                cost += account.cost(creative, day, now)
                sums[key] = (cost, clicks + told.clicks, impressions + told.impressions)
        return sums

    def _chosen(self, call: Call) -> Iterator[tuple[Account, Creative]]:
        """The creatives that all facets allow, of accounts the person may see; the others are passed over in silence."""
        wanted: dict[str, set[str]] = {}
        for name, kind in FACETS.items():
            if name in call.query:
                urns = call.texts(name)
                if not urns or not all(each.startswith(f"urn:li:{kind}:") for each in urns):
                    raise bad_param(name)
                wanted[name] = {each.rpartition(":")[2] for each in urns}
        if not wanted:
            raise bad_param("accounts")
        for account in self._entrance.book.accounts.values():
            if self._entrance.role(call.person, account.id) is None:
                continue
            for creative in account.creatives.values():
                ids = {"accounts": account.id, "campaigns": creative.campaign.id, "creatives": creative.id}
                if all(ids[name] in chosen for name, chosen in wanted.items()):
                    yield account, creative


def _pivoted(call: Call, account: Account, creative: Creative) -> str:
    match call.query["pivot"]:
        case "CREATIVE":
            return f"urn:li:sponsoredCreative:{creative.id}"
        case "CAMPAIGN":
            return f"urn:li:sponsoredCampaign:{creative.campaign.id}"
        case _:
            return f"urn:li:sponsoredAccount:{account.id}"


def _element(key: Key, sums: tuple[Decimal, int, int], call: Call, since: date, until: date) -> dict[str, Any]:
    cost, clicks, impressions = sums
    daily = call.query["timeGranularity"] == "DAILY"
    first, last = (date.fromordinal(key[0]),) * 2 if daily else (since, until)
    return {
        "dateRange": {"start": _parts(first), "end": _parts(last)},
        "pivotValues": [key[1]],
        "costInLocalCurrency": format(cost, "f"),
        "costInUsd": format(cost, "f"),
        "impressions": impressions,
        "clicks": clicks,
    }


def _date(given: dict[str, str]) -> date:
    return date(int(given["year"]), int(given["month"]), int(given["day"]))


def _parts(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}
