"""What we ask Google Ads in its query language, and reading the rows it answers with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from operator import itemgetter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct, field

from bot.words.connection import Account, Json
from bot.words.freight import Ad, CostRow
from bot.work.courtesy import after_you
from platforms._answers import digits, expected, text
from platforms._google_ads_stream import rows_of

_IN_ORDER = itemgetter(1, 3, 4)  # campaign, ad group, ad

ACCOUNTS = """SELECT customer_client.id, customer_client.descriptive_name, customer_client.currency_code,
customer_client.time_zone, customer_client.manager, customer_client.status FROM customer_client"""
COST_OF_ADS = """SELECT customer.currency_code, segments.date, campaign.id, campaign.name, ad_group.id,
ad_group_ad.ad.id, metrics.cost_micros, metrics.clicks, metrics.impressions
FROM ad_group_ad WHERE segments.date BETWEEN '{since}' AND '{until}'"""
COST_OF_CAMPAIGNS = """SELECT customer.currency_code, segments.date, campaign.id, campaign.name,
metrics.cost_micros, metrics.clicks, metrics.impressions
FROM campaign WHERE segments.date BETWEEN '{since}' AND '{until}'"""
COST_TOTALS = """SELECT segments.date, metrics.cost_micros
FROM customer WHERE segments.date BETWEEN '{since}' AND '{until}'"""
ADS = """SELECT ad_group_ad.ad.id, ad_group_ad.ad.name, ad_group_ad.ad.final_urls,
ad_group_ad.ad.tracking_url_template, ad_group_ad.ad.final_url_suffix, ad_group_ad.status,
ad_group.tracking_url_template, ad_group.final_url_suffix, campaign.tracking_url_template, campaign.final_url_suffix,
customer.tracking_url_template, customer.final_url_suffix
FROM ad_group_ad WHERE ad_group_ad.status != 'REMOVED'"""
CHANGES = """SELECT change_status.last_change_date_time, change_status.resource_status, change_status.ad_group_ad
FROM change_status WHERE change_status.resource_type = 'AD_GROUP_AD'
AND change_status.last_change_date_time BETWEEN '{since}' AND '{until}'
ORDER BY change_status.last_change_date_time LIMIT {limit}"""


class _Said(Struct, rename="camel", gc=False):
    """A part of a row, as Google writes it; what it leaves out is zero or empty."""


class _Segments(_Said):
    date: str


class _Campaign(_Said):
    id: str
    name: str = ""


class _Numbered(_Said):
    id: str = ""


class _AdGroupAd(_Said):
    ad: _Numbered


class _Customer(_Said):
    currency_code: str = ""


class _Metrics(_Said):
    cost_micros: int = 0
    clicks: int = 0
    impressions: int = 0


class _Row(_Said):
    """Of one ad, or of one campaign."""

    segments: _Segments
    metrics: _Metrics
    campaign: _Campaign
    customer: _Customer = field(default_factory=_Customer)
    ad_group: _Numbered = field(default_factory=_Numbered)
    ad_group_ad: _AdGroupAd | None = None


def account_of(client: Json, root: str) -> Account:
    number = digits(client["id"])
    return Account(
        id=number,
        name=text(client.get("descriptiveName") or number),
        currency=text(client["currencyCode"]),
        time_zone=_known_zone(text(client["timeZone"])),
        parent="" if number == root else root,
    )


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return "UTC"  # one odd account must not hide all others


def cost_rows(campaigns: bytes, ads: bytes, account: Account) -> list[CostRow]:
    """Cost per ad, and what `campaigns` tell that their ads do not explain. There may be tens of thousands at once."""
    rows = _cost_rows(ads, account)
    rows += remainders(_cost_rows(campaigns, account), rows)
    days = defaultdict[date, list[CostRow]](list)
    for row in rows:
        days[row.day].append(row)
    return [row for day in sorted(days) for row in _in_order(days[day])]


def _in_order(rows: list[CostRow]) -> list[CostRow]:
    """Of one day: to put them all in order at one go would let nobody else run for 7 ms."""
    after_you()
    rows.sort(key=_IN_ORDER)
    return rows


def _cost_rows(body: bytes, account: Account) -> list[CostRow]:
    """Every day, and most ids, come many times over: each is read once."""
    day_of, id_of = cache(date.fromisoformat), cache(digits)
    return [
        CostRow(
            day_of(row.segments.date),
            id_of(row.campaign.id),
            row.campaign.name,
            id_of(row.ad_group.id) if row.ad_group_ad else "",
            id_of(row.ad_group_ad.ad.id) if row.ad_group_ad else "",
            row.customer.currency_code or account.currency,
            row.metrics.cost_micros,
            row.metrics.clicks,
            row.metrics.impressions,
        )
        for row in rows_of(body, _Row)
    ]


def remainders(campaigns: Iterable[CostRow], ads: Iterable[CostRow]) -> Iterator[CostRow]:
    explained: dict[tuple[date, str], tuple[int, int, int]] = {}
    for ad in ads:
        cost, clicks, impressions = explained.get((ad.day, ad.campaign), (0, 0, 0))
        sums = (cost + ad.cost_micros, clicks + ad.clicks, impressions + ad.impressions)
        explained[ad.day, ad.campaign] = sums
    for row in campaigns:
        cost, clicks, impressions = explained.get((row.day, row.campaign), (0, 0, 0))
        rest = row._replace(
            cost_micros=row.cost_micros - cost,
            clicks=max(row.clicks - clicks, 0),
            impressions=max(row.impressions - impressions, 0),
        )
        adless = (row.day, row.campaign) not in explained
        if rest.cost_micros > 0 or (adless and rest.clicks + rest.impressions > 0):
            yield rest


def ads_of(rows: Iterable[Json], made: Mapping[str, datetime | None]) -> list[Ad]:
    with expected("Google's list of ads"):
        return [_ad(row, made) for row in rows]


def _ad(row: Json, made: Mapping[str, datetime | None]) -> Ad:
    ad = row["adGroupAd"]["ad"]
    levels = (ad, *(row.get(level) or {} for level in ("adGroup", "campaign", "customer")))  # the nearest one wins

    def in_force(name: str) -> str:
        return next((text(level[name]) for level in levels if level.get(name)), "")

    return Ad(
        id=digits(ad["id"]),
        name=str(ad.get("name") or ""),
        urls=tuple(text(url) for url in ad.get("finalUrls", ())),
        template=in_force("trackingUrlTemplate"),
        suffix=in_force("finalUrlSuffix"),
        created_at=made.get(digits(ad["id"])),
    )


def made_at(change: Json, zone: ZoneInfo) -> datetime | None:
    """Google does not tell when an ad was made; an ad whose last change is its addition was made then."""
    if change["resourceStatus"] != "ADDED":
        return None
    return datetime.fromisoformat(change["lastChangeDateTime"]).replace(tzinfo=zone).astimezone(UTC)


def unconfirmed(applied: Sequence[Json], n: int) -> str:
    return "" if n < len(applied) and applied[n] else "Google said nothing about this ad."
