"""Every Google Ads field that the practice world knows: which resource has it, of what type, and its value.

https://developers.google.com/google-ads/api/fields/v26/overview
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.google_ads_data import Account, Ad, AdGroup, Campaign, Change


class Type(StrEnum):
    INT64 = "INT64"
    STRING = "STRING"
    BOOLEAN = "BOOLEAN"
    ENUM = "ENUM"
    DATE = "DATE"
    DATE_TIME = "DATE_TIME"  # text in the account's time zone
    LIST = "LIST"  # a repeated field: can be selected, not compared
    RESOURCE_NAME = "RESOURCE_NAME"


@dataclass(frozen=True)
class Row:
    """What one row of an answer is about; what its resource does not reach is None."""

    account: Account
    campaign: Campaign | None = None
    group: AdGroup | None = None
    ad: Ad | None = None
    change: Change | None = None
    client: Account | None = None
    level: int = 0


Getter = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    type: Type
    get: Getter
    values: frozenset[str] = frozenset()
    """For ENUM: the constants that may be compared with."""


STATES = frozenset({"ENABLED", "PAUSED", "REMOVED", "UNKNOWN", "UNSPECIFIED"})
CUSTOMER_STATES = frozenset({"ENABLED", "CANCELED", "SUSPENDED", "CLOSED", "UNKNOWN", "UNSPECIFIED"})
CHANNELS = frozenset(
    {
        "SEARCH",
        "DISPLAY",
        "SHOPPING",
        "HOTEL",
        "VIDEO",
        "MULTI_CHANNEL",
        "LOCAL",
        "SMART",
        "PERFORMANCE_MAX",
        "LOCAL_SERVICES",
        "TRAVEL",
        "DEMAND_GEN",
        "UNKNOWN",
        "UNSPECIFIED",
    }
)
AD_TYPES = frozenset(
    {
        "RESPONSIVE_SEARCH_AD",
        "EXPANDED_TEXT_AD",
        "TEXT_AD",
        "RESPONSIVE_DISPLAY_AD",
        "APP_AD",
        "CALL_AD",
        "IMAGE_AD",
        "VIDEO_AD",
        "SHOPPING_PRODUCT_AD",
        "EXPANDED_DYNAMIC_SEARCH_AD",
        "DEMAND_GEN_MULTI_ASSET_AD",
        "UNKNOWN",
        "UNSPECIFIED",
    }
)
CHANGED_TYPES = frozenset(
    {
        "AD_GROUP",
        "AD_GROUP_AD",
        "AD_GROUP_CRITERION",
        "CAMPAIGN",
        "CAMPAIGN_CRITERION",
        "CAMPAIGN_BUDGET",
        "ASSET",
        "AD_GROUP_ASSET",
        "CAMPAIGN_ASSET",
        "CUSTOMER_ASSET",
        "ASSET_GROUP",
        "COMBINED_AUDIENCE",
        "AD_GROUP_BID_MODIFIER",
        "SHARED_SET",
        "CAMPAIGN_SHARED_SET",
        "UNKNOWN",
        "UNSPECIFIED",
    }
)
CHANGES = frozenset({"ADDED", "CHANGED", "REMOVED", "UNKNOWN", "UNSPECIFIED"})


def customer_name(row: Row) -> str:
    return f"customers/{row.account.id}"


def campaign_name(row: Row) -> str | None:
    return f"{customer_name(row)}/campaigns/{row.campaign.id}" if row.campaign else None


def group_name(row: Row) -> str | None:
    return f"{customer_name(row)}/adGroups/{row.group.id}" if row.group else None


def group_ad_name(row: Row) -> str | None:
    return f"{customer_name(row)}/adGroupAds/{row.group.id}~{row.ad.id}" if row.ad and row.group else None


def ad_name(row: Row) -> str | None:
    return f"{customer_name(row)}/ads/{row.ad.id}" if row.ad else None


def client_name(row: Row) -> str | None:
    return f"{customer_name(row)}/customerClients/{row.client.id}" if row.client else None


def change_name(row: Row) -> str | None:
    if row.change is None:
        return None
    micros = int(row.change.at.timestamp() * 1_000_000)
    return f"{customer_name(row)}/changeStatus/{micros}-10-{row.change.ad.group.id}-{row.change.ad.id}"


def _changed_at(row: Row) -> str | None:
    if row.change is None:
        return None
    return row.change.at.astimezone(row.account.zone).strftime("%Y-%m-%d %H:%M:%S.%f")


RESOURCE_NAMES: dict[str, Getter] = {
    "customer": customer_name,
    "campaign": campaign_name,
    "ad_group": group_name,
    "ad_group_ad": group_ad_name,
    "ad_group_ad.ad": ad_name,
    "customer_client": client_name,
    "change_status": change_name,
}


def _int(get: Getter) -> Field:
    return Field(Type.INT64, get)


def _text(get: Getter) -> Field:
    return Field(Type.STRING, get)


def _flag(get: Getter) -> Field:
    return Field(Type.BOOLEAN, get)


def _link(get: Getter) -> Field:
    return Field(Type.RESOURCE_NAME, get)


def _account(prefix: str, get: Callable[[Row], Account]) -> dict[str, Field]:
    return {
        f"{prefix}.id": _int(lambda row: int(get(row).id)),
        f"{prefix}.descriptive_name": _text(lambda row: get(row).name),
        f"{prefix}.currency_code": _text(lambda row: get(row).currency),
        f"{prefix}.time_zone": _text(lambda row: get(row).time_zone),
        f"{prefix}.manager": _flag(lambda row: get(row).manager),
        f"{prefix}.test_account": _flag(lambda _: False),
        f"{prefix}.status": Field(Type.ENUM, lambda row: get(row).status, CUSTOMER_STATES),
    }


def _tracking(prefix: str, get: Getter) -> dict[str, Field]:
    return {
        f"{prefix}.tracking_url_template": _text(lambda row: get(row).tracking_url_template),
        f"{prefix}.final_url_suffix": _text(lambda row: get(row).final_url_suffix),
    }


FIELDS: dict[str, Field] = {
    **{f"{name}.resource_name": _link(get) for name, get in RESOURCE_NAMES.items()},
    **_account("customer", lambda row: row.account),
    **_tracking("customer", lambda row: row.account),
    "customer.auto_tagging_enabled": _flag(lambda _: True),
    **_account("customer_client", lambda row: row.client),  # type: ignore[arg-type, return-value]
    "customer_client.level": _int(lambda row: row.level),
    "customer_client.hidden": _flag(lambda _: False),
    "customer_client.client_customer": _link(lambda row: f"customers/{row.client.id}"),
    "campaign.id": _int(lambda row: int(row.campaign.id)),
    "campaign.name": _text(lambda row: row.campaign.name),
    "campaign.status": Field(Type.ENUM, lambda row: row.campaign.status, STATES),
    "campaign.advertising_channel_type": Field(Type.ENUM, lambda row: row.campaign.channel, CHANNELS),
    **_tracking("campaign", lambda row: row.campaign),
    "ad_group.id": _int(lambda row: int(row.group.id)),
    "ad_group.name": _text(lambda row: row.group.name),
    "ad_group.status": Field(Type.ENUM, lambda row: row.group.status, STATES),
    "ad_group.campaign": _link(campaign_name),
    **_tracking("ad_group", lambda row: row.group),
    "ad_group_ad.status": Field(Type.ENUM, lambda row: row.ad.status, STATES),
    "ad_group_ad.ad_group": _link(group_name),
    "ad_group_ad.ad.id": _int(lambda row: int(row.ad.id)),
    "ad_group_ad.ad.name": _text(lambda row: row.ad.name),
    "ad_group_ad.ad.type": Field(Type.ENUM, lambda _: "RESPONSIVE_SEARCH_AD", AD_TYPES),
    "ad_group_ad.ad.final_urls": Field(Type.LIST, lambda row: row.ad.final_urls),
    **_tracking("ad_group_ad.ad", lambda row: row.ad),
    "change_status.last_change_date_time": Field(Type.DATE_TIME, _changed_at),
    "change_status.resource_type": Field(Type.ENUM, lambda _: "AD_GROUP_AD", CHANGED_TYPES),
    "change_status.resource_status": Field(Type.ENUM, lambda row: row.change.status, CHANGES),
    "change_status.ad_group_ad": _link(group_ad_name),
    "change_status.ad_group": _link(group_name),
    "change_status.campaign": _link(campaign_name),
}
METRICS = {"metrics.cost_micros": 0, "metrics.clicks": 1, "metrics.impressions": 2}
DAY = "segments.date"

# FROM this: fields of these resources may be named.
REACH: dict[str, frozenset[str]] = {
    "customer": frozenset({"customer", "metrics", "segments"}),
    "customer_client": frozenset({"customer_client", "customer"}),
    "campaign": frozenset({"campaign", "customer", "metrics", "segments"}),
    "ad_group": frozenset({"ad_group", "campaign", "customer", "metrics", "segments"}),
    "ad_group_ad": frozenset({"ad_group_ad", "ad_group", "campaign", "customer", "metrics", "segments"}),
    "change_status": frozenset({"change_status", "ad_group_ad", "ad_group", "campaign", "customer"}),
}
