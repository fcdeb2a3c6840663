"""What LinkedIn's ads cost: adAnalytics per creative and day, in parts that one answer holds, to the micro."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from bot.words.connection import Account, Json
from bot.words.errors import TryLater
from bot.words.freight import CostRow
from bot.work.courtesy import giving_way
from platforms._answers import expected, text
from platforms._beside import beside
from platforms._linkedin_ads_errors import no_role
from platforms._linkedin_ads_restli import Plain, Restli, Value, elements_in, encoded, id_of, urn

# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting#restrictions
# There are no pages: what is beyond is left out without a word.
MOST_ELEMENTS = 15_000
_MOST_DAYS = 30
_PAGES_AT_A_TIME = 20
_CAMPAIGNS_A_PAGE = 500
_CREATIVES_A_PAGE = 100
# Campaigns that are gone have cost money too, and are only told of when asked for by status.
_EVERY_STATUS = ("ACTIVE", "PAUSED", "ARCHIVED", "COMPLETED", "CANCELED", "DRAFT", "PENDING_DELETION", "REMOVED")
# By default only impressions and clicks are told.
_FIELDS = Plain("dateRange,pivotValues,costInLocalCurrency,impressions,clicks")
_MONEY = re.compile(r"-?\d{1,15}(\.\d{1,40})?([eE][+-]?\d{1,2})?", re.ASCII)
_MOST_MONEY = 10**12
_DAY = timedelta(days=1)


@dataclass
class Book:
    """One account's campaigns by name, and which campaign a creative belongs to."""

    names: dict[str, str] = field(default_factory=dict)
    campaigns: dict[str, str] = field(default_factory=dict)


class Analytics:
    """One account's cost. `book` must have been read before `of_creatives` is asked."""

    def __init__(self, restli: Restli, account: Account) -> None:
        self._restli = restli
        self._account = account
        self._at = f"/adAccounts/{id_of(account.id)}"
        self.book = Book()

    async def read_book(self) -> AsyncIterator[None]:
        """Read campaigns and creatives. Gives a sign of life now and then: there may be 15,000 of them."""
        status: Value = {"status": {"values": _EVERY_STATUS}}
        async for rows in self._restli.pages(f"{self._at}/adCampaigns", _CAMPAIGNS_A_PAGE, q="search", search=status):
            with expected("LinkedIn's list of campaigns"):
                self.book.names |= {id_of(row["id"]): str(row.get("name") or "") for row in rows}
        turn = 0
        async for rows in self._restli.pages(f"{self._at}/creatives", _CREATIVES_A_PAGE, q="criteria"):
            with expected("LinkedIn's list of creatives"):
                self.book.campaigns |= {id_of(row["id"]): id_of(row["campaign"]) for row in rows}
            turn += 1
            if turn % _PAGES_AT_A_TIME == 0:
                yield None

    async def of_creatives(self, since: date, until: date) -> AsyncIterator[tuple[list[CostRow], date]]:
        """Rows and the day they go to, oldest first, in as many days as one answer is sure to hold."""
        span = max(1, min(_MOST_DAYS, (MOST_ELEMENTS - 1) // max(1, len(self.book.campaigns))))
        while since <= until:
            through = min(since + _DAY * (span - 1), until)
            found = await self._ask("CREATIVE", since, through, {"accounts": [self._urn]})
            if len(found) >= MOST_ELEMENTS:
                if through > since:
                    span = max(1, span // 2)
                    continue
                found = await self._by_campaigns(since, list(self.book.names))
            await self._believe(found)
            yield await self._rows(found, since, through), through
            since = through + _DAY

    async def totals(self, since: date, until: date) -> dict[date, int]:
        """The account's own total per day: what its creatives add up to, asked in another way."""
        found = await self._ask("ACCOUNT", since, until, {"accounts": [self._urn]})
        await self._believe(found)
        sums: dict[date, Decimal] = defaultdict(Decimal)
        with expected("LinkedIn's cost totals"):
            for row in found:
                sums[_day(row, since, until)] += money(row.get("costInLocalCurrency", "0"))
        return {day: micros(total) for day, total in sums.items()}

    @property
    def _urn(self) -> str:
        return urn("sponsoredAccount", self._account.id)

    async def _ask(self, pivot: str, since: date, until: date, facet: dict[str, Value]) -> list[Json]:
        days: Value = {"start": _dated(since), "end": _dated(until)}
        asked: dict[str, Value] = {"q": "analytics", "pivot": pivot, "timeGranularity": "DAILY", "dateRange": days}
        answer = await self._restli.get("/adAnalytics", **asked, **facet, fields=_FIELDS)
        with expected("LinkedIn's cost report"):
            # In a thread: 15,000 elements are megabytes, and whoever clicks meanwhile must not wait for them.
            return await beside(elements_in, answer.body)

    async def _by_campaigns(self, day: date, campaigns: Sequence[str]) -> list[Json]:
        """One day that is too much for one answer, in halves of the account's campaigns."""
        if not campaigns:
            raise TryLater("LinkedIn has more cost rows for one day than it tells")
        facet: dict[str, Value] = {"campaigns": [urn("sponsoredCampaign", each) for each in campaigns]}
        found = await self._ask("CREATIVE", day, day, facet)
        if len(found) < MOST_ELEMENTS:
            return found
        half = len(campaigns) // 2
        return await self._by_campaigns(day, campaigns[:half]) + await self._by_campaigns(day, campaigns[half:])

    async def _believe(self, found: Sequence[Json]) -> None:
        """LinkedIn tells nothing, with 200, of an account that may not be seen any more: that is not zero cost."""
        if not found and id_of(self._account.id) not in await self._restli.roles():
            raise no_role()

    async def _rows(self, found: Sequence[Json], since: date, until: date) -> list[CostRow]:
        with expected("LinkedIn's cost report"):
            by_day = await beside(_by_day, found, since, until)
        for creative in {each for rows in by_day.values() for each in rows} - self.book.campaigns.keys():
            self.book.campaigns[creative] = await self._campaign_of(creative)
        with expected("LinkedIn's cost report"):
            return await beside(self._all_rows, by_day)

    async def _campaign_of(self, creative: str) -> str:
        """Creatives that were removed are in no list any more, but can still be asked for by name, mostly."""
        one = encoded(urn("sponsoredCreative", creative))
        answer = await self._restli.find(f"{self._at}/creatives/{one}", {}, accept=(400, 403, 404))
        if answer.status != 200:
            return ""
        with expected("LinkedIn's answer about a creative"):
            return id_of(answer.json()["campaign"])

    def _all_rows(self, by_day: dict[date, dict[str, Json]]) -> list[CostRow]:
        return [row for day in sorted(by_day) for row in self._day_rows(day, by_day[day])]

    def _day_rows(self, day: date, rows: dict[str, Json]) -> list[CostRow]:
        """LinkedIn's amounts may have more digits than micros. Each row is rounded so that the day's sum is exact."""
        made, exact, given = [], Decimal(), 0
        for creative in giving_way(sorted(rows)):
            row, campaign = rows[creative], self.book.campaigns[creative]
            exact += money(row.get("costInLocalCurrency", "0"))
            cost, given = micros(exact) - given, micros(exact)
            made.append(
                CostRow(
                    day=day,
                    campaign=campaign,
                    campaign_name=self.book.names.get(campaign, ""),
                    ad_group="",
                    ad=creative,
                    currency=self._account.currency,
                    cost_micros=cost,
                    clicks=int(row.get("clicks", 0)),
                    impressions=int(row.get("impressions", 0)),
                )
            )
        return made


def money(amount: object) -> Decimal:
    """Money comes as decimal text, in the account's currency."""
    if not isinstance(amount, str) or not _MONEY.fullmatch(amount) or abs(found := Decimal(amount)) > _MOST_MONEY:
        raise ValueError("expected an amount of money")
    return found


def micros(amount: Decimal) -> int:
    return int((amount * 1_000_000).to_integral_value())


def _by_day(found: Sequence[Json], since: date, until: date) -> dict[date, dict[str, Json]]:
    by_day: dict[date, dict[str, Json]] = defaultdict(dict)
    for row in giving_way(found):
        (pivot,) = row["pivotValues"]
        by_day[_day(row, since, until)][id_of(text(pivot))] = row
    return by_day


def _dated(day: date) -> Value:
    return {"year": day.year, "month": day.month, "day": day.day}


def _day(row: Json, since: date, until: date) -> date:
    start, end = (date(d["year"], d["month"], d["day"]) for d in (row["dateRange"]["start"], row["dateRange"]["end"]))
    if start != end or not since <= start <= until:
        raise ValueError("expected one of the days that were asked for")
    return start
