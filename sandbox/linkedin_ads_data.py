"""Who advertises what in the practice world's LinkedIn: ad accounts, campaigns, their tracking parameters, creatives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.ad_costs import NOTHING, Figures, Moment, figures, moment, ordinals

EMEA = "512345678"
AMERICAS = "512345679"
TOKYO = "512345680"

UNITS = {"JPY": 1_000_000}
CENT = 10_000
UTC_DAYS = ZoneInfo("UTC")
"""LinkedIn counts days in UTC, whatever the account."""

NAMES = (
    "Brand",
    "Übergrößen & Spezial",
    "ブランド認知",
    "Осенняя распродажа",
    "حملة الخريف",
    "Décideurs «IT»",
    "Retargeting <90 days>",
    "Lead Gen",
)


@dataclass
class Tracking:
    """What is appended to the landing pages of a campaign's creatives."""

    dynamic: dict[str, str] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)


@dataclass
class Campaign:
    id: str
    name: str
    created_at: datetime
    modified_at: datetime
    type: str = "SPONSORED_UPDATES"
    status: str = "ACTIVE"
    tracking: Tracking | None = None


@dataclass
class Creative:
    """`landing_page` is only known of text and spotlight ads; sponsored content leads where its post says."""

    id: str
    campaign: Campaign
    started: Moment
    status: str = "ACTIVE"
    landing_page: str = ""
    removed_on: int | None = None
    """The date's ordinal; from then on it costs nothing and is in no list."""


@dataclass
class Account:
    id: str
    name: str
    currency: str
    status: str = "ACTIVE"
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    creatives: dict[str, Creative] = field(default_factory=dict)
    corrected: dict[int, int] = field(default_factory=dict)
    """Units that were put to every ad's day afterwards, by the date's ordinal."""

    def figures(self, creative: Creative, day: int, now: Moment) -> Figures:
        if creative.status != "ACTIVE" or creative.campaign.status not in {"ACTIVE", "REMOVED"}:
            return NOTHING
        if creative.removed_on is not None and day >= creative.removed_on:
            return NOTHING
        unit, corrected = UNITS.get(self.currency, CENT), self.corrected.get(day, 0)
        return figures(int(creative.id), day, creative.started, now, unit, corrected)

    def cost(self, creative: Creative, day: int, now: Moment) -> Decimal:
        """LinkedIn's amounts have more digits than a bill: some lie below a millionth."""
        units = self.figures(creative, day, now).cost_micros
        dust = (int(creative.id) * 7 + day) % 1000 if units else 0
        return Decimal(units) / 1_000_000 + Decimal(dust) / 1_000_000_000

    def total(self, day: int, now: Moment) -> Decimal:
        return sum((self.cost(creative, day, now) for creative in self.creatives.values()), Decimal())

    def takes_tracking(self, campaign: Campaign) -> bool:
        return campaign.type != "SPONSORED_INMAILS" and campaign.status not in {"REMOVED", "PENDING_DELETION"}

    def is_taggable(self, campaign: Campaign) -> bool:
        return self.takes_tracking(campaign) and campaign.status in {"ACTIVE", "PAUSED", "DRAFT"}

    def is_tagged(self, campaign: Campaign, parameter: str = "utm_source") -> bool:
        """Whether clicks on every creative of the campaign carry the parameter."""
        there = campaign.tracking or Tracking()
        if parameter in there.dynamic or parameter in there.custom:
            return True
        pages = [each.landing_page for each in self.creatives.values() if each.campaign is campaign]
        return bool(pages) and all(parameter in dict(parse_qsl(urlsplit(page).query)) for page in pages)


class Book:
    """All accounts, and the one place where campaigns are made."""

    def __init__(self, now: Callable[[], datetime], campaigns: int) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self._campaigns = 612_345_000
        self._creatives = 119_962_000
        for number, name, currency in (
            (EMEA, "Acme EMEA", "EUR"),
            (AMERICAS, "Acme Américas & Co", "USD"),
            (TOKYO, "アクメ東京", "JPY"),
        ):
            self.add_account(Account(number, name, currency), campaigns)

    def add_account(self, account: Account, campaigns: int) -> None:
        """An account that has been advertising for 400 days."""
        self.accounts[account.id] = account
        self.add_campaigns(account, campaigns, at=self.now() - timedelta(days=400), creatives=2)
        self._make_special(account, list(account.campaigns.values()))

    def add_campaigns(
        self, account: Account, count: int, *, at: datetime | None = None, creatives: int = 1
    ) -> list[Campaign]:
        when, made = at or self.now(), []
        for number in range(count):
            self._campaigns += 1
            name = f"{NAMES[number % len(NAMES)]} {self._campaigns}"
            campaign = Campaign(str(self._campaigns), name, when, when)
            account.campaigns[campaign.id] = campaign
            self.add_creatives(account, campaign, creatives, at=when)
            made.append(campaign)
        return made

    def add_creatives(
        self, account: Account, campaign: Campaign, count: int, *, at: datetime | None = None
    ) -> list[Creative]:
        made = []
        for _ in range(count):
            self._creatives += 1
            creative = Creative(str(self._creatives), campaign, moment(at or self.now(), UTC_DAYS))
            account.creatives[creative.id] = creative
            made.append(creative)
        return made

    def campaign(self, number: str) -> tuple[Account, Campaign] | None:
        for account in self.accounts.values():
            if number in account.campaigns:
                return account, account.campaigns[number]
        return None

    def totals(self, account: Account, since: date, until: date) -> Mapping[date, int]:
        """True cost in micros per day; days without cost are left out."""
        now = moment(self.now(), UTC_DAYS)
        sums = {date.fromordinal(day): account.total(day, now) for day in ordinals(since, until)}
        return {day: int((total * 1_000_000).to_integral_value()) for day, total in sums.items() if total}

    def _make_special(self, account: Account, campaigns: list[Campaign]) -> None:
        """The campaigns that make a tagger think twice, and a cost downloader too."""
        if len(campaigns) < 6:
            return
        kept, text, message, paused, dynamic, removed = campaigns[:6]
        kept.tracking = Tracking({"li_campaign": "CAMPAIGN_NAME"}, {"utm_source": "li", "promo": "autumn & winter"})
        text.type, message.type, dynamic.type = "TEXT_AD", "SPONSORED_INMAILS", "DYNAMIC"
        paused.status, removed.status = "PAUSED", "REMOVED"
        long_gone = moment(self.now() - timedelta(days=10), UTC_DAYS).day
        for creative in self._of(account, removed):
            creative.removed_on = long_gone
        for creative in self._of(account, text):
            creative.landing_page = f"https://acme.example/{creative.id}?utm_source=linkedin&utm_medium=text"
        for creative in self._of(account, dynamic):
            creative.landing_page = f"https://acme.example/{creative.id}?ref=spotlight"

    @staticmethod
    def _of(account: Account, campaign: Campaign) -> Iterator[Creative]:
        return (creative for creative in account.creatives.values() if creative.campaign is campaign)
