"""Where an export of Redkey's cost table differs from what is true in a practice ad platform."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol


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
