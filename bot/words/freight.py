"""What is moved: cost, the parameters of ads, touchpoints, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple


class CostRow(NamedTuple):
    """Cost of one ad on one account day, in micros of the account's currency. ad_group and ad are empty where the
    platform gives cost only per campaign. A tuple: there are millions, and it is made five times as quickly.
    """

    day: date
    campaign: str
    campaign_name: str
    ad_group: str
    ad: str
    currency: str
    cost_micros: int
    clicks: int
    impressions: int


@dataclass(frozen=True)
class Ad:
    """An ad as far as tagging cares: where it leads, and what is appended there. Inherited values are the effective
    ones.
    """

    id: str
    name: str
    urls: tuple[str, ...]
    template: str = ""  # the tracking template in force, the ad's own or inherited
    suffix: str = ""  # the final URL suffix in force, the ad's own or inherited
    created_at: datetime | None = None


@dataclass(frozen=True)
class TagChange:
    """One ad's suffix: what it was and what we want it to be. Kept for good, so that it can be undone."""

    ad: Ad
    before: str
    wanted: str


class Touchpoint(NamedTuple):
    """One marketing touch to be pushed to a CRM, keyed by an id that is the CRM's external id too. A tuple, as CostRow."""

    id: str
    occurred_at: datetime
    email: str
    kind: str
    fields: Mapping[str, Any]
    crm: str | None = None


class Delivery(NamedTuple):
    """One touchpoint on its way to one CRM connection. `number` orders them and is what a mark counts to."""

    number: int
    touchpoint: Touchpoint


class PushState(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    SET_ASIDE = "set_aside"


class PushResult(NamedTuple):
    """What the CRM said about one record. A record it said nothing about is RETRY, never SENT."""

    id: str
    state: PushState
    reason: str = ""
