"""Who advertises what in the practice world: Google Ads accounts, campaigns, ad groups, ads, and their changes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.ad_costs import NOTHING, Figures, Moment, figures, moment

MANAGER = "1000000001"
EMEA = "2000000001"
AMERICAS = "2000000002"
SHOES = "3000000001"

UNITS = {"JPY": 1_000_000}
CENT = 10_000
LONG_AGO = Moment(0, 0)
THIRD_PARTY = "https://clicks.bid-optimiser.example/r?dest={lpurl}&c={campaignid}"


@dataclass
class Campaign:
    id: str
    name: str
    channel: str = "SEARCH"
    status: str = "ENABLED"
    tracking_url_template: str | None = None
    final_url_suffix: str | None = None


@dataclass
class AdGroup:
    id: str
    name: str
    campaign: Campaign
    status: str = "ENABLED"
    tracking_url_template: str | None = None
    final_url_suffix: str | None = None


@dataclass
class Ad:
    id: str
    group: AdGroup
    final_urls: list[str]
    created_at: datetime
    started: Moment
    status: str = "ENABLED"
    name: str | None = None
    tracking_url_template: str | None = None
    final_url_suffix: str | None = None


@dataclass
class Change:
    """The last change of one ad: change_status knows only the last one of each resource."""

    ad: Ad
    at: datetime
    status: str


@dataclass
class Account:
    """One Google Ads customer. `clients` are the accounts directly under a manager."""

    id: str
    name: str
    currency: str
    time_zone: str
    domain: str
    manager: bool = False
    status: str = "ENABLED"
    tracking_url_template: str | None = None
    final_url_suffix: str | None = None
    clients: list[str] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    groups: list[AdGroup] = field(default_factory=list)
    ads: dict[str, Ad] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    started: Moment = LONG_AGO
    corrected: dict[int, int] = field(default_factory=dict)
    """Units that were put to every ad's day afterwards, by the date's ordinal."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def unit(self) -> int:
        """The smallest billable amount, in micros."""
        return UNITS.get(self.currency, CENT)

    def ad_figures(self, ad: Ad, day: int, now: Moment) -> Figures:
        if ad.status != "ENABLED":
            return NOTHING
        return figures(int(ad.id), day, ad.started, now, self.unit, self.corrected.get(day, 0))

    def campaign_figures(self, campaign: Campaign, day: int, now: Moment) -> Figures:
        """Performance Max has cost of its own; any other campaign costs what its ads cost."""
        if campaign.channel == "PERFORMANCE_MAX":
            return figures(int(campaign.id), day, self.started, now, self.unit, self.corrected.get(day, 0))
        total = NOTHING
        for ad in self.ads.values():
            if ad.group.campaign is campaign:
                total = total.plus(self.ad_figures(ad, day, now))
        return total

    def day_figures(self, day: int, now: Moment) -> Figures:
        total = NOTHING
        for ad in self.ads.values():
            total = total.plus(self.ad_figures(ad, day, now))
        for campaign in self.campaigns:
            if campaign.channel == "PERFORMANCE_MAX":
                total = total.plus(self.campaign_figures(campaign, day, now))
        return total

    def effective(self, ad: Ad, name: str) -> str | None:
        """`final_url_suffix` or `tracking_url_template` in force for an ad: the most specific one wins."""
        for level in (ad, ad.group, ad.group.campaign, self):
            value: str | None = getattr(level, name)
            if value:
                return value
        return None

    def is_tagged(self, ad: Ad, parameter: str = "utm_source") -> bool:
        """Whether clicks on every final URL of the ad carry the parameter."""
        added = "&".join(
            filter(None, (self.effective(ad, "final_url_suffix"), self.effective(ad, "tracking_url_template")))
        )
        if parameter in dict(parse_qsl(added.replace("?", "&"), keep_blank_values=True)):
            return True
        return all(parameter in dict(parse_qsl(urlsplit(url).query)) for url in ad.final_urls)

    def is_taggable(self, ad: Ad) -> bool:
        """On the account's own site, not removed, and no third party in the way of the click."""
        template = self.effective(ad, "tracking_url_template") or ""
        redirected = template.startswith("http") and urlsplit(template).hostname not in {None, self.domain}
        hosts = {urlsplit(url).hostname or "" for url in ad.final_urls}
        own = all(host == self.domain or host.endswith("." + self.domain) for host in hosts)
        return own and not redirected and ad.status != "REMOVED"


class Book:
    """All accounts, and the one place where ads are made and changed."""

    def __init__(self, now: Callable[[], datetime], ads_per_account: int) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self._next_ad = 700_000_000_000
        for account in _accounts():
            self.add_account(account, ads_per_account)

    def add_account(self, account: Account, ads: int) -> None:
        """An account that has been advertising for 400 days."""
        long_ago = self.now() - timedelta(days=400)
        self.accounts[account.id] = account
        account.started = moment(long_ago, account.zone)
        if not account.manager:
            _campaigns(account)
            self.add_ads(account, ads, at=long_ago)
            _make_special(list(account.ads.values()))

    def add_ads(self, account: Account, count: int, *, at: datetime | None = None) -> list[Ad]:
        """New ads on the account's own site, spread over its ad groups; each is a change the platform reports."""
        when = at or self.now()
        started = moment(when, account.zone)
        made = []
        for number in range(count):
            self._next_ad += 1
            group = account.groups[number % len(account.groups)]
            url = f"https://{account.domain}/{group.id}/{self._next_ad}?ref=ads"
            ad = Ad(str(self._next_ad), group, [url], when, started)
            account.ads[ad.id] = ad
            account.changes[ad.id] = Change(ad, when, "ADDED")
            made.append(ad)
        return made

    def touch(self, account: Account, ad: Ad) -> None:
        """The ad was changed now."""
        account.changes[ad.id] = Change(ad, self.now(), "REMOVED" if ad.status == "REMOVED" else "CHANGED")

    def under(self, account_id: str, level: int = 0) -> Iterator[tuple[Account, int]]:
        """The account itself (level 0) and everything below it."""
        account = self.accounts[account_id]
        yield account, level
        for client in account.clients:
            yield from self.under(client, level + 1)


def _accounts() -> Iterable[Account]:
    yield Account(MANAGER, "Acme Worldwide", "EUR", "Europe/Berlin", "acme.example", True, clients=[EMEA, AMERICAS])
    yield Account(EMEA, "Acme EMEA", "EUR", "Europe/Berlin", "acme.example")
    yield Account(AMERICAS, "Acme Americas", "USD", "America/New_York", "acme.example")
    yield Account(SHOES, "日本橋シューズ", "JPY", "Asia/Tokyo", "shoes.example")


def _campaigns(account: Account) -> None:
    base = int(account.id) * 100
    for number, name in enumerate(["Brand", "Running shoes", "Übergrößen & Spezial"], start=1):
        campaign = Campaign(str(base + number), name)
        account.campaigns.append(campaign)
        for letter in ("A", "B"):
            group_id = str((base + number) * 10 + ord(letter) - ord("A"))
            account.groups.append(AdGroup(group_id, f"{name} {letter}", campaign))
    account.campaigns.append(Campaign(str(base + 9), "Performance Max", "PERFORMANCE_MAX"))


def _make_special(ads: list[Ad]) -> None:
    """The ads that make a tagger think twice."""
    if len(ads) < 6:
        return
    ads[0].final_urls = ["https://marketplace.example/acme"]
    ads[1].tracking_url_template = THIRD_PARTY
    ads[2].final_url_suffix = "promo=autumn&shop={network}"
    ads[3].final_urls = [ads[3].final_urls[0] + "&utm_source=google&utm_medium=cpc&utm_campaign=old"]
    ads[4].tracking_url_template = "{lpurl}?source=ads&kw={keyword}"
    ads[5].status = "PAUSED"
