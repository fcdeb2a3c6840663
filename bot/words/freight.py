"""What is moved: cost, the parameters of ads, touchpoints, and what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import repeat
from typing import Any, NamedTuple, Self, overload


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


class Touchpoints(Sequence[Touchpoint]):
    """Many touchpoints, column by column: ten thousand of them are not made one by one unless somebody looks at each."""

    def __init__(
        self,
        ids: Sequence[str],
        moments: Sequence[datetime],
        emails: Sequence[str],
        kinds: Sequence[str],
        fields: Sequence[Mapping[str, Any]],
        crms: Sequence[str | None],
    ) -> None:
        self.ids, self.moments, self.emails, self.kinds, self.fields = ids, moments, emails, kinds, fields
        self._columns: tuple[Sequence[Any], ...] = ids, moments, emails, kinds, fields, crms

    @classmethod
    def of(cls, some: Sequence[Touchpoint]) -> "Touchpoints":
        if isinstance(some, cls):
            return some
        return cls(*zip(*some, strict=True)) if some else cls(*[()] * len(Touchpoint._fields))

    def only(self, places: Sequence[int]) -> "Touchpoints":
        return Touchpoints(*([column[at] for at in places] for column in self._columns))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Touchpoint]:
        return map(tuple.__new__, repeat(Touchpoint), zip(*self._columns, strict=True))

    @overload
    def __getitem__(self, at: int) -> Touchpoint: ...
    @overload
    def __getitem__(self, at: slice) -> "Touchpoints": ...
    def __getitem__(self, at: int | slice) -> "Touchpoint | Touchpoints":
        taken: list[Any] = [column[at] for column in self._columns]
        return Touchpoints(*taken) if isinstance(at, slice) else Touchpoint(*taken)


class Batch(Sequence[Delivery]):
    """Deliveries in order of their numbers, column by column."""

    def __init__(self, numbers: Sequence[int], touchpoints: Touchpoints) -> None:
        self.numbers, self.touchpoints = numbers, touchpoints

    @classmethod
    def of(cls, some: Sequence[Delivery]) -> Self:
        return cls([each.number for each in some], Touchpoints.of([each.touchpoint for each in some]))

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Delivery]:
        return map(Delivery, self.numbers, self.touchpoints)

    @overload
    def __getitem__(self, at: int) -> Delivery: ...
    @overload
    def __getitem__(self, at: slice) -> "Batch": ...
    def __getitem__(self, at: int | slice) -> "Delivery | Batch":
        if isinstance(at, slice):
            return Batch(self.numbers[at], self.touchpoints[at])
        return Delivery(self.numbers[at], self.touchpoints[at])


class PushState(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    SET_ASIDE = "set_aside"


class PushResult(NamedTuple):
    """What the CRM said about one record. A record it said nothing about is RETRY, never SENT."""

    id: str
    state: PushState
    reason: str = ""


class Pushed:
    """What the CRM said about each record of a push, in their order: it took all but `others`."""

    def __init__(self, ids: Sequence[str], taken: set[str], others: Mapping[str, PushResult], unknown: str) -> None:
        """`taken`: whom the CRM said it took; what it said of others counts for more. `unknown`: why the rest waits."""
        self.ids = ids
        self.others: dict[str, PushResult] = {}
        if others or not taken.issuperset(ids):
            for each in ids:
                if each in others:
                    self.others[each] = others[each]
                elif each not in taken:
                    self.others[each] = PushResult(each, PushState.RETRY, unknown)

    @classmethod
    def of(cls, touchpoints: Sequence[Touchpoint], results: Mapping[str, PushResult], unknown: str) -> Self:
        taken = {each for each, result in results.items() if result.state is PushState.SENT}
        others = {each: result for each, result in results.items() if each not in taken}
        return cls([each.id for each in touchpoints], taken, others, unknown)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[PushResult]:
        return map(self._result, self.ids)

    def _result(self, of: str) -> PushResult:
        return self.others.get(of) or PushResult(of, PushState.SENT)
