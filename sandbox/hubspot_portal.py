"""One account ("portal") of the sandbox HubSpot: its records, its limits, and what can be made to go wrong in it."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sandbox.hubspot_errors import ApiError, locked, migrating, no_such_type, rate_limited, values_not_valid
from sandbox.hubspot_schema import TOUCHPOINT_ID, ObjectType, Properties, object_types, stamp
from sandbox.ledger import Ledger

T = TypeVar("T")

CRM_SCOPES = frozenset(
    f"crm.{what}.{family}.{right}"
    for what in ("objects", "schemas")
    for family in ("custom", "contacts")
    for right in ("read", "write")
)
ALL_SCOPES = CRM_SCOPES | {"oauth", "crm.objects.owners.read"}

_FIRST_ID = 40_000_000_000


@dataclass
class Writes:
    """How often one external id was written."""

    created: int = 0
    updated: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated


@dataclass
class Row:
    """One record. Times are its system's, not the touchpoint's."""

    id: str
    properties: Properties
    created_at: datetime
    updated_at: datetime
    archived: bool = False


@dataclass(frozen=True)
class Input:
    """One record to upsert, as the request named it."""

    id: str
    properties: Mapping[str, str]
    trace: str | None


@dataclass(frozen=True)
class Saved:
    row: Row
    new: bool
    trace: str | None


@dataclass(frozen=True)
class Failed:
    """Why one record was not written."""

    input: Input
    category: str
    message: str


@dataclass
class Mischief:
    """What is told about records, not what is done to them."""

    lose: int = 0
    """How many results are missing from the next answer."""
    nameless: int = 0
    """In so many answers the errors do not say which record they are about."""


@dataclass
class Limits:
    """Calls per ten seconds for one app in one portal, and the portal's day."""

    most: int = 110
    interval: timedelta = timedelta(seconds=10)
    calls: list[datetime] = field(default_factory=list)
    day_used_up: date | None = None

    def count(self, now: datetime, today: date) -> None:
        """Raise ApiError when there is no call left."""
        if self.day_used_up is not None and today <= self.day_used_up:
            raise rate_limited("DAILY")
        self.calls = [each for each in self.calls if now - each < self.interval]
        if len(self.calls) >= self.most:
            raise rate_limited("TEN_SECONDLY_ROLLING")
        self.calls.append(now)

    def headers(self) -> dict[str, str]:
        """OAuth answers carry no daily figures:
        https://developers.hubspot.com/changelog/rate-limit-headers-will-now-appear-for-oauth-authenticated-calls
        """
        return {
            "X-HubSpot-RateLimit-Max": str(self.most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.most - len(self.calls))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(self.interval.total_seconds() * 1000)),
        }


class Portal:
    """State of one portal. Everything here can be read and turned from a test."""

    def __init__(
        self, hub_id: int, name: str, domain: str, ledger: Ledger, *, zone: str, currency: str, case_sensitive: bool
    ) -> None:
        self.hub_id = hub_id
        self.name = name
        self.domain = domain
        self.zone = zone
        self.currency = currency
        self.ui_domain = "app-eu1.hubspot.com" if zone.startswith("Europe/") else "app.hubspot.com"
        self.ledger = ledger
        self.types = object_types(hub_id, case_sensitive=case_sensitive)
        self.rows: dict[str, list[Row]] = {each.type_id: [] for each in self.types}
        self.index: dict[tuple[str, str], dict[str, Row]] = {}
        self.writes: dict[str, Writes] = {}
        self.refusals: dict[str, tuple[str, str]] = {}
        self.busy: dict[str, int] = {}
        self.limits = Limits()
        self.mischief = Mischief()
        self.locks = 0
        self.migration: int | None = None
        self.deleted = False
        self.plan: frozenset[str] = ALL_SCOPES
        """Scopes this portal's plan can grant: custom objects need Enterprise."""
        self._dice = random.Random(hub_id)
        self._next_id = _FIRST_ID

    @property
    def today(self) -> date:
        return self.ledger.now().astimezone(ZoneInfo(self.zone)).date()

    def object_type(self, asked: str) -> ObjectType:
        """Raise ApiError for a type this portal does not have."""
        for each in self.types:
            if asked in each.names:
                return each
        raise no_such_type(asked)

    def records(self, asked: str, key: str = TOUCHPOINT_ID) -> Mapping[str, Properties]:
        """The records of a type by their external id; those without one are left out."""
        rows = self.rows[self.object_type(asked).type_id]
        return {
            str(row.properties[key]): row.properties for row in rows if row.properties.get(key) and not row.archived
        }

    def use_up_the_day(self) -> None:
        self.limits.day_used_up = self.today

    def admit(self) -> None:
        """Count a call. Raise ApiError while the portal is moving, or when there is no call left."""
        if self.migration is not None:
            raise migrating(self.migration)
        self.limits.count(self.ledger.now(), self.today)

    def admit_write(self) -> None:
        if self.locks:
            self.locks -= 1
            raise locked()

    # Records

    def find(self, kind: ObjectType, key: str, value: str) -> Row | None:
        row = self.index.get((kind.type_id, key), {}).get(kind.key(value))
        return row if row and not row.archived else None

    def archive(self, asked: str, key: str, value: str) -> None:
        """Someone deletes the record."""
        row = self.find(self.object_type(asked), key, value)
        if row is not None:
            row.archived = True

    def upsert(self, kind: ObjectType, key: str, inputs: Sequence[Input]) -> list[Saved | Failed]:
        """Write what can be written, if every record can be told apart in the answer; else all or nothing."""
        checked = [self._check(kind, key, each) for each in inputs]
        failed = [each for each in checked if isinstance(each, Failed)]
        if failed and not all(each.trace for each in inputs):
            raise ApiError(400, failed[0].category, failed[0].message)
        outcomes = [each if isinstance(each, Failed) else self._save(kind, key, each) for each in checked]
        created = sum(isinstance(each, Saved) and each.new for each in outcomes)
        counts = {"created": created, "updated": len(outcomes) - created - len(failed), "failed": len(failed)}
        self.ledger.record("records.written", portal=self.hub_id, object=kind.type_id, **counts)
        return outcomes

    def _check(self, kind: ObjectType, key: str, given: Input) -> Input | Failed:
        if self.busy.get(given.id, 0):
            self.busy[given.id] -= 1
            return Failed(given, "INTERNAL_ERROR", "internal error")
        if given.id in self.refusals:
            return Failed(given, *self.refusals[given.id])
        if problems := kind.problems(given.properties):
            return Failed(given, "VALIDATION_ERROR", values_not_valid(problems))
        own = self.find(kind, key, given.id)
        for name, value in given.properties.items():
            other = self.find(kind, name, value) if kind.properties[name].unique and value else None
            if other is not None and other is not own:
                return Failed(given, "CONFLICT", f"{kind.label.capitalize()} already exists. Existing ID: {other.id}")
        return given

    def _save(self, kind: ObjectType, key: str, given: Input) -> Saved:
        now = self.ledger.now()
        row = self.find(kind, key, given.id)
        new = row is None
        if row is None:
            self._next_id += 1
            created = {"hs_object_id": str(self._next_id), "hs_createdate": stamp(now)}
            row = Row(str(self._next_id), dict(created), now, now)
            self.rows[kind.type_id].append(row)
        values = {key: given.id, **given.properties}
        row.properties |= {name: kind.properties[name].stored(value) for name, value in values.items()}
        row.properties["hs_lastmodifieddate"] = stamp(now)
        row.updated_at = now
        self._file(kind, row)
        written = self.writes.setdefault(given.id, Writes())
        written.created += new
        written.updated += not new
        return Saved(row, new, given.trace)

    def _file(self, kind: ObjectType, row: Row) -> None:
        for each in kind.properties.values():
            if each.unique and (value := row.properties.get(each.name)):
                self.index.setdefault((kind.type_id, each.name), {})[kind.key(value)] = row

    def shuffled(self, results: Iterable[T]) -> list[T]:
        """HubSpot does not answer in the order of the request. The same shuffles every run."""
        mixed = list(results)
        self._dice.shuffle(mixed)
        return mixed
