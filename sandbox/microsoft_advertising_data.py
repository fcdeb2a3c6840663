"""Who advertises what in the practice world's Microsoft Advertising: accounts, campaigns, ad groups, ads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.ad_costs import NOTHING, Figures, Moment, figures, moment

ACME = "251000001"  # customers
SHOES = "251000002"
EMEA = "180519001"  # accounts
AMERICAS = "180519002"
TOKYO = "180519003"

UNITS = {"JPY": 1_000_000}
CENT = 10_000
LONG_AGO = Moment(0, 0)
THIRD_PARTY = "https://clicks.bid-optimiser.example/r?dest={lpurl}&c={CampaignId}"
RESPONSIVE, EXPANDED, PRODUCT = "Responsive Search Ad", "Expanded Text Ad", "Product Ad"
# https://learn.microsoft.com/advertising/campaign-management-service/ad#finalurlsuffix
TYPES = {
    RESPONSIVE: "ResponsiveSearch",
    EXPANDED: "ExpandedText",
    PRODUCT: "Product",
    "Text Ad": "Text",
    "Dynamic Search Ad": "DynamicSearch",
    "Responsive Ad": "ResponsiveAd",
    "App Install Ad": "AppInstall",
    "Hotel Ad": "Hotel",
}
WITHOUT_SUFFIX = {PRODUCT, "Text Ad", "Hotel Ad"}
ZONES = {
    "AmsterdamBerlinBernRomeStockholmVienna": "Europe/Berlin",
    "EasternTimeUSCanada": "America/New_York",
    "OsakaSapporoTokyo": "Asia/Tokyo",
    "PacificTimeUSCanadaTijuana": "America/Los_Angeles",
    "GreenwichMeanTimeDublinEdinburghLisbonLondon": "Europe/London",
}


@dataclass
class Campaign:
    id: str
    name: str
    kind: str = "Search"
    tracking_template: str = ""
    final_url_suffix: str = ""


@dataclass
class AdGroup:
    id: str
    name: str
    campaign: Campaign
    tracking_template: str = ""
    final_url_suffix: str = ""


@dataclass
class Ad:
    """`kind` is the record's type in a bulk file."""

    id: str
    group: AdGroup
    kind: str
    final_urls: list[str]
    started: Moment
    modified_at: datetime
    status: str = "Active"
    tracking_template: str = ""
    final_url_suffix: str = ""


@dataclass
class Account:
    """`time_zone` by Microsoft's own name."""

    id: str
    number: str
    name: str
    customer: str
    currency: str
    time_zone: str
    domain: str
    status: str = "Active"
    tracking_template: str = ""
    final_url_suffix: str = ""
    campaigns: list[Campaign] = field(default_factory=list)
    groups: list[AdGroup] = field(default_factory=list)
    ads: dict[str, Ad] = field(default_factory=dict)
    started: Moment = LONG_AGO
    corrected: dict[int, int] = field(default_factory=dict)
    """Units that were put to every ad's day afterwards, by the date's ordinal."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(ZONES[self.time_zone])

    @property
    def unit(self) -> int:
        """The smallest billable amount, in micros."""
        return UNITS.get(self.currency, CENT)

    def ad_figures(self, ad: Ad, day: int, now: Moment) -> Figures:
        if ad.status != "Active":
            return NOTHING
        return figures(int(ad.id), day, ad.started, now, self.unit, self.corrected.get(day, 0))

    def campaign_figures(self, campaign: Campaign, day: int, now: Moment) -> Figures:
        """Performance Max has no ads; any other campaign costs what its ads cost."""
        if campaign.kind == "PerformanceMax":
            return figures(int(campaign.id), day, self.started, now, self.unit, self.corrected.get(day, 0))
        total = NOTHING
        for ad in self.ads.values():
            if ad.group.campaign is campaign:
                total = total.plus(self.ad_figures(ad, day, now))
        return total

    def day_figures(self, day: int, now: Moment) -> Figures:
        total = NOTHING
        for campaign in self.campaigns:
            total = total.plus(self.campaign_figures(campaign, day, now))
        return total

    def effective(self, ad: Ad, name: str) -> str:
        """`final_url_suffix` or `tracking_template` in force for an ad: the most specific one wins."""
        values: Iterator[str] = (getattr(level, name) for level in (ad, ad.group, ad.group.campaign, self))
        return next((value for value in values if value), "")

    def is_tagged(self, ad: Ad, parameter: str = "utm_source") -> bool:
        """Whether clicks on every final URL of the ad carry the parameter."""
        added = f"{self.effective(ad, 'final_url_suffix')}&{self.effective(ad, 'tracking_template').replace('?', '&')}"
        if parameter in dict(parse_qsl(added, keep_blank_values=True)):
            return True
        return bool(ad.final_urls) and all(parameter in dict(parse_qsl(urlsplit(url).query)) for url in ad.final_urls)

    def is_taggable(self, ad: Ad) -> bool:
        """On the account's own site, not deleted, of a kind that takes a suffix, and no third party in the way."""
        template = self.effective(ad, "tracking_template")
        redirected = template.startswith("http") and urlsplit(template).hostname != self.domain
        hosts = {urlsplit(url).hostname or "" for url in ad.final_urls}
        own = all(host == self.domain or host.endswith("." + self.domain) for host in hosts)
        return own and not redirected and ad.status != "Deleted" and ad.kind not in WITHOUT_SUFFIX


class Book:
    """All accounts, and the one place where ads are made and changed."""

    def __init__(self, now: Callable[[], datetime], ads_per_account: int) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self._next_ad = 79_000_000_000_000
        berlin, eastern, tokyo = list(ZONES)[:3]
        for account in (
            Account(EMEA, "B012EMEA", "Acme Zürich & Łódź", ACME, "EUR", berlin, "acme.example"),
            Account(AMERICAS, "B012AMER", "Acme Americas", ACME, "USD", eastern, "acme.example"),
            Account(TOKYO, "X034TOKY", "日本橋シューズ", SHOES, "JPY", tokyo, "shoes.example"),
        ):
            self.add_account(account, ads_per_account)

    def add_account(self, account: Account, ads: int) -> None:
        """An account that has been advertising for 400 days."""
        long_ago = self.now() - timedelta(days=400)
        self.accounts[account.id] = account
        account.started = moment(long_ago, account.zone)
        _campaigns(account)
        self.add_ads(account, ads, at=long_ago)
        _make_special(list(account.ads.values()))

    def add_ads(self, account: Account, count: int, *, at: datetime | None = None) -> list[Ad]:
        """New ads on the account's own site, spread over its ad groups."""
        when = at or self.now()
        made = []
        for number in range(count):
            self._next_ad += 1
            group = account.groups[number % len(account.groups)]
            url = f"https://{account.domain}/{group.id}/{self._next_ad}?ref=ads"
            kind = EXPANDED if number % 5 == 4 else RESPONSIVE
            ad = Ad(str(self._next_ad), group, kind, [url], moment(when, account.zone), when)
            account.ads[ad.id] = ad
            made.append(ad)
        return made

    def touch(self, ad: Ad) -> None:
        """The ad was changed now."""
        ad.modified_at = self.now()


def _campaigns(account: Account) -> None:
    base = int(account.id) * 100
    for number, name in enumerate(["Brand", "Running shoes", 'Übergrößen, "Spezial" & 靴'], start=1):
        campaign = Campaign(str(base + number), name)
        account.campaigns.append(campaign)
        for letter in ("A", "B"):
            group_id = str((base + number) * 10 + ord(letter) - ord("A"))
            account.groups.append(AdGroup(group_id, f"{name} {letter}", campaign))
    account.campaigns[2].final_url_suffix = "season=autumn"
    account.campaigns.append(Campaign(str(base + 9), "Performance Max", "PerformanceMax"))


def _make_special(ads: list[Ad]) -> None:
    """The ads that make a tagger think twice."""
    if len(ads) < 8:
        return
    ads[0].final_urls = ["https://marketplace.example/acme"]
    ads[1].tracking_template = THIRD_PARTY
    ads[2].final_url_suffix = "promo=autumn&shop={Network}"
    ads[3].final_urls = [ads[3].final_urls[0] + "&utm_source=bing&utm_medium=cpc&utm_campaign=old"]
    ads[4].tracking_template = "{lpurl}?source=ads&kw={keyword}"
    ads[5].status = "Paused"
    ads[6].final_urls = [*ads[6].final_urls, ads[6].final_urls[0] + "&second=1"]
    ads[7].kind, ads[7].final_urls = PRODUCT, []
