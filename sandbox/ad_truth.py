"""What is true in a practice ad platform, and where an export of Redkey's cost table differs from it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from sandbox.ad_costs import Figures, Moment, moment, ordinals
from sandbox.ledger import Ledger


class Ad(Protocol):
    """Whatever the platform hangs parameters on."""

    id: str


class Truth(Protocol):
    """What the practice platform knows of its accounts."""

    key: str

    def today(self, account: str, /) -> date:
        """The account's own date."""
        ...

    def totals(self, account: str, since: date, until: date, /) -> dict[date, int]: ...


class AdAccount(Protocol):
    """An account of any of the platforms that have ads."""

    ads: dict[str, Any]
    corrected: dict[int, int]

    @property
    def zone(self) -> ZoneInfo: ...
    def day_figures(self, day: int, now: Moment) -> Figures: ...
    def is_tagged(self, ad: Any, parameter: str = ..., /) -> bool: ...
    def is_taggable(self, ad: Any, /) -> bool: ...


Account = TypeVar("Account", bound=AdAccount)
OwnAd = TypeVar("OwnAd", bound=Ad)


class AdBook(Protocol[Account, OwnAd]):
    """All accounts of a platform."""

    accounts: dict[str, Account]

    def add_ads(self, account: Account, count: int) -> list[OwnAd]: ...


class KnownAccounts(Generic[Account, OwnAd]):
    """What each practice platform with ads tells about its accounts, for assertions, and what people do there."""

    key: str
    usual: str  # the account that is meant where none is named
    ledger: Ledger
    book: AdBook[Account, OwnAd]

    def account(self, number: str) -> Account:
        return self.book.accounts[number]

    def totals(self, number: str, since: date, until: date) -> dict[date, int]:
        """True cost in micros per account day, both days included; days without cost are left out."""
        account = self.account(number)
        now = moment(self.ledger.now(), account.zone)
        costs = {day: account.day_figures(day, now).cost_micros for day in ordinals(since, until)}
        return {date.fromordinal(day): cost for day, cost in costs.items() if cost}

    def today(self, number: str) -> date:
        """The account's own date."""
        return self.ledger.now().astimezone(self.account(number).zone).date()

    def untagged(
        self, number: str | None = None, *, parameter: str = "utm_source", everything: bool = False
    ) -> list[OwnAd]:
        """Ads whose clicks do not carry the parameter; only those a tagger should touch, unless `everything`."""
        accounts = [self.account(number)] if number else list(self.book.accounts.values())
        return [
            ad
            for account in accounts
            for ad in account.ads.values()
            if not account.is_tagged(ad, parameter) and (everything or account.is_taggable(ad))
        ]

    def disagreements(self, costs: Sequence[Mapping[str, object]]) -> list[str]:
        """Where an export of Redkey's cost table differs from the truth, one sentence each."""
        return disagreements(self, costs, self.untagged)

    def add_ads(self, number: str | None = None, count: int = 1) -> list[OwnAd]:
        return self.book.add_ads(self.account(number or self.usual), count)

    def restate(self, number: str | None = None, units: int = 7) -> date:
        """The platform corrects yesterday: every ad cost so many of the currency's smallest amounts more. The day."""
        number = number or self.usual
        day = self.today(number) - timedelta(days=1)
        self.account(number).corrected[day.toordinal()] = units
        return day


def disagreements(
    truth: Truth, costs: Sequence[Mapping[str, object]], left: Callable[[str], Sequence[Ad]]
) -> list[str]:
    """One sentence each. Judged are the accounts that appear in the export, from their first exported day to yesterday.

    `left`: what is still untagged in an account.
    """
    problems = []
    for account, days in _exported(truth.key, costs).items():
        yesterday = truth.today(account) - timedelta(days=1)
        true = truth.totals(account, min(days), yesterday)
        problems += [
            f"{account}, {day}: {days[day]} micros are known, {true.get(day, 0)} were spent"
            for day in sorted(true.keys() | {day for day in days if day <= yesterday})
            if days[day] != true.get(day, 0)
        ]
        problems += _untagged(account, left(account))
    return problems


def _exported(platform: str, costs: Sequence[Mapping[str, object]]) -> dict[str, Counter[date]]:
    exported: dict[str, Counter[date]] = {}
    for row in costs:
        if row["platform"] == platform:
            days = exported.setdefault(str(row["account"]), Counter())
            days[date.fromisoformat(str(row["date"]))] += int(str(row["cost_micros"]))
    return exported


def _untagged(account: str, left: Sequence[Ad]) -> Iterator[str]:
    if left:
        yield f"{account}: {len(left)} ads are still untagged, such as {left[0].id}"
