"""Who advertises what in the practice world's Meta: ad accounts, campaigns, ad sets, ads, and what they show."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.ad_costs import NOTHING, Figures, Moment, figures, moment

EMEA = "318200000000001"
GULF = "318200000000002"
SHOES = "318200000000003"

UNITS = {"JPY": 1_000_000}
CENT = 10_000
GONE = {"ARCHIVED", "DELETED"}
PAGE = "318300000000001"
Spec = dict[str, Any]


@dataclass
class Campaign:
    id: str
    name: str


@dataclass
class AdSet:
    id: str
    name: str
    campaign: Campaign
    learning: int = 0
    """How often an edit has sent it back to the learning phase."""


@dataclass
class Creative:
    """What an ad shows. Immutable, but for its name. `story` is the post; several creatives may show one post."""

    id: str
    name: str
    story: str
    url_tags: str = ""
    spec: Spec = field(default_factory=dict)
    """Everything else it was made with, by Graph's names."""
    post: Spec = field(default_factory=dict)
    """What the story says and where it leads. Shown only by a creative that was made together with it."""


@dataclass
class Ad:
    id: str
    name: str
    adset: AdSet
    creative: Creative
    created_at: datetime
    updated_at: datetime
    started: Moment
    status: str = "ACTIVE"
    in_review: bool = False
    reviews: int = 0
    ended: Moment | None = None

    @property
    def effective_status(self) -> str:
        return "PENDING_REVIEW" if self.in_review and self.status == "ACTIVE" else self.status

    @property
    def links(self) -> list[str]:
        return list(_links(self.creative.post))


@dataclass
class Account:
    """One ad account. `account_status` as Meta numbers it: 1 is active."""

    id: str
    name: str
    currency: str
    time_zone: str
    domain: str
    account_status: int = 1
    adsets: list[AdSet] = field(default_factory=list)
    ads: dict[str, Ad] = field(default_factory=dict)
    creatives: dict[str, Creative] = field(default_factory=dict)
    corrected: dict[int, int] = field(default_factory=dict)
    """Units that were put to every ad's day afterwards, by the date's ordinal."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def unit(self) -> int:
        """The smallest billable amount, in micros."""
        return UNITS.get(self.currency, CENT)

    def figures_of(self, ad: Ad, day: int, now: Moment) -> Figures:
        """Paused ads never ran here; an ad that was archived or deleted ran until the day before."""
        if ad.status == "PAUSED" or (ad.ended is not None and day >= ad.ended.day):
            return NOTHING
        return figures(int(ad.id), day, ad.started, now, self.unit, self.corrected.get(day, 0))

    def day_figures(self, day: int, now: Moment) -> Figures:
        total = NOTHING
        for ad in self.ads.values():
            total = total.plus(self.figures_of(ad, day, now))
        return total

    def is_tagged(self, ad: Ad, parameter: str = "utm_source") -> bool:
        """Whether clicks on every link of the ad carry the parameter."""
        if parameter in dict(parse_qsl(ad.creative.url_tags, keep_blank_values=True)):
            return True
        links = ad.links
        return bool(links) and all(parameter in dict(parse_qsl(urlsplit(link).query)) for link in links)

    def is_taggable(self, ad: Ad) -> bool:
        """Leads to the account's own site, still exists, and is nothing but a post."""
        hosts = {urlsplit(link).hostname or "" for link in ad.links}
        own = all(host == self.domain or host.endswith("." + self.domain) for host in hosts)
        return own and ad.status not in GONE and bool(ad.creative.story) and "asset_feed_spec" not in ad.creative.spec


class Book:
    """All accounts, and the one place where ads and creatives are made and changed."""

    def __init__(self, now: Callable[[], datetime], ads_per_account: int) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self._next = 120_200_000_000_000_000
        for account in _accounts():
            self.add_account(account, ads_per_account)

    def number(self) -> str:
        self._next += 1
        return str(self._next)

    def add_account(self, account: Account, ads: int) -> None:
        """An account that has been advertising for 400 days."""
        self.accounts[account.id] = account
        for name in ("Brand", "Running shoes", "Übergrößen & Spezial"):
            campaign = Campaign(self.number(), name)
            account.adsets += [AdSet(self.number(), f"{name} {letter}", campaign) for letter in "AB"]
        self.add_ads(account, ads, at=self.now() - timedelta(days=400))
        self._make_special(account)

    def add_ads(self, account: Account, count: int, *, at: datetime | None = None) -> list[Ad]:
        """New ads on the account's own site, spread over its ad sets."""
        when = at or self.now()
        return [self._ad(account, account.adsets[n % len(account.adsets)], when) for n in range(count)]

    def _ad(self, account: Account, adset: AdSet, when: datetime) -> Ad:
        number = self.number()
        link = f"https://{account.domain}/{adset.id}/{number}?ref=ads"
        spec = {"object_story_spec": {"page_id": PAGE, "link_data": {"link": link, "message": "Try it."}}}
        spec |= {
            "degrees_of_freedom_spec": {"creative_features_spec": {"inline_comment": {"enroll_status": "OPT_OUT"}}}
        }
        creative = self.add_creative(account, f"Creative {number}", f"{PAGE}_{self.number()}", "", spec)
        ad = Ad(number, f"Ad {number} 靴", adset, creative, when, when, moment(when, account.zone))
        account.ads[ad.id] = ad
        return ad

    def add_creative(self, account: Account, name: str, story: str, url_tags: str, spec: Spec) -> Creative:
        others = (each.post for each in account.creatives.values() if each.story == story)
        creative = Creative(self.number(), name, story, url_tags, spec, next(others, spec))
        account.creatives[creative.id] = creative
        return creative

    def change(self, ad: Ad, **values: Any) -> None:
        for name, value in values.items():
            setattr(ad, name, value)
        ad.updated_at = self.now()

    def end(self, account: Account, ad: Ad, status: str) -> None:
        """The ad is archived or deleted: what it has cost stays in the account's totals."""
        self.change(ad, status=status, ended=moment(self.now(), account.zone))

    def find(self, kind: str, number: str) -> tuple[Account, Any] | None:
        """An ad or a creative by its id, and the account it is in."""
        for account in self.accounts.values():
            if number in (things := getattr(account, kind)):
                return account, things[number]
        return None

    def _make_special(self, account: Account) -> None:
        """The ads that make a tagger think twice."""
        ads = list(account.ads.values())
        if len(ads) < 12:
            return
        stories = [ad.creative.spec["object_story_spec"]["link_data"] for ad in ads]
        stories[0]["link"] = "https://marketplace.example/acme"
        stories[1] |= {
            "link": "http://fb.me/",
            "call_to_action": {"type": "SIGN_UP", "value": {"lead_gen_form_id": "31"}},
        }
        ads[2].creative.url_tags = "promo=autumn&site={{site_source_name}}"
        stories[3]["link"] += "&utm_source=facebook&utm_medium=cpc&utm_campaign=old"
        ads[4].creative.spec = {"object_story_id": ads[4].creative.story}
        ads[5].status = "PAUSED"
        ads[6].creative.spec["asset_feed_spec"] = {"link_urls": [{"website_url": stories[6]["link"]}]}
        ads[7].creative.story, ads[7].creative.spec = "", {"source_instagram_media_id": "318400000000001"}
        long_ago = moment(self.now() - timedelta(days=9), account.zone)
        ads[8].status, ads[8].ended = "ARCHIVED", long_ago
        ads[9].status, ads[9].ended = "DELETED", long_ago


def _accounts() -> Iterable[Account]:
    yield Account(EMEA, "Acme EMEA", "EUR", "Europe/Berlin", "acme.example")
    yield Account(GULF, "أكمي الخليج", "AED", "Asia/Dubai", "acme.example")
    yield Account(SHOES, "日本橋シューズ", "JPY", "Asia/Tokyo", "shoes.example")


def _links(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _links(each)
    if isinstance(value, dict):
        for name, each in value.items():
            if name in ("link", "website_url") and isinstance(each, str):
                yield each
            else:
                yield from _links(each)
