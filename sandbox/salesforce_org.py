"""One org of the sandbox Salesforce: its records, its daily API calls, and what can be made to go wrong in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from sandbox.ledger import Ledger
from sandbox.salesforce_schema import Field, RecordError, Row, SObject, objects, stamp

CHUNK = 200
"""Records are saved 200 at a time, in every API; what one chunk holds twice is refused, across chunks the last wins."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"
_DAY = timedelta(days=1)


def full_id(short: str) -> str:
    """The 18 characters of a 15 character id: three more tell which letters are capitals."""
    return short + _suffix(short[:5]) + _suffix(short[5:10]) + _suffix(short[10:15])


@lru_cache(4096)
def _suffix(part: str) -> str:
    return _SUFFIX[sum(1 << at for at, each in enumerate(part) if "A" <= each <= "Z")]


def numbered_id(prefix: str, number: int, pod: str = "5g00000") -> str:
    tail = ""
    for _ in range(5):
        number, digit = divmod(number, 62)
        tail = _DIGITS[digit] + tail
    start = prefix + pod
    return start + tail + _suffix(start[:5]) + _suffix(start[5:10]) + _suffix(tail)


@dataclass
class Writes:
    """How often one external id was written."""

    created: int = 0
    updated: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated


@dataclass(frozen=True)
class Outcome:
    """What became of one record. `error` is None when it was written."""

    id: str | None
    created: bool
    error: RecordError | None = None


@dataclass
class Table:
    sobject: SObject
    rows: dict[str, Row] = field(default_factory=dict)
    index: dict[str, dict[str, Row]] = field(default_factory=dict)
    """Per external id field: its values (as they compare) to rows."""

    def of(self, key: Field) -> dict[str, Row]:
        return self.index.setdefault(key.name, {})

    def find(self, key: Field, value: str) -> Row | None:
        return self.of(key).get(key.key(value))


class Org:
    """State of one org. Everything here can be read and turned from a test."""

    def __init__(self, key: str, name: str, org_id: str, ledger: Ledger, *, case_sensitive: bool) -> None:
        self.key = key
        self.name = name
        self.page: int | None = None  # at most so many rows in one answer to a query; None: as was asked for
        self.id = org_id
        self.ledger = ledger
        self.now = ledger.now
        self.tables = {each: Table(made) for each, made in objects(case_sensitive=case_sensitive).items()}
        self.tables["Organization"].rows[org_id] = {"Id": org_id, "Name": name}
        self.writes: dict[str, Writes] = {}
        self.refusals: dict[str, RecordError] = {}
        self.locks: dict[str, int] = {}
        self.daily_limit = 100_000
        self.calls = 0
        self.api_enabled = True
        self.shut_out: set[str] = set()
        """Logins whose rights on the objects were withdrawn; their sessions live on."""
        self._day_began = ledger.now()
        self._next_id = 1

    def table(self, name: str) -> Table | None:
        """Object names are case-insensitive."""
        found = self.tables.get(name)
        return found or next((each for key, each in self.tables.items() if key.lower() == name.lower()), None)

    def records(self, name: str) -> Mapping[str, Row]:
        """The rows of an object by external id, or by record id where it has none. They are live: only look."""
        table = self.tables[name]
        keys = table.sobject.external_ids
        if not keys:
            return table.rows
        if keys[0].case_sensitive:
            return table.of(keys[0])
        return {str(row[keys[0].name]): row for row in table.of(keys[0]).values()}

    def new_id(self, prefix: str) -> str:
        self._next_id += 1
        return numbered_id(prefix, self._next_id)

    def count_call(self) -> bool:
        """Count one API call; False when the calls of the last 24 hours are used up."""
        if self.now() - self._day_began >= _DAY:
            self.give_calls_back()
        if self.calls >= self.daily_limit:
            return False
        self.calls += 1
        return True

    def use_up_calls(self) -> None:
        self.calls = self.daily_limit

    def give_calls_back(self) -> None:
        self.calls = 0
        self._day_began = self.now()

    def write(
        self, table: Table, key: Field, given: Sequence[Row | RecordError], *, all_or_none: bool = False
    ) -> list[Outcome]:
        """Upsert one chunk (at most 200 rows); an entry that is a RecordError already failed and stays failed."""
        twice = _repeated(key, given)
        checked = [self._check(table, key, row, twice) for row in given]
        outcomes = self._settle(table, key, checked, all_or_none=all_or_none)
        self._note(table, outcomes)
        return outcomes

    def _settle(
        self, table: Table, key: Field, checked: Sequence[Row | RecordError], *, all_or_none: bool
    ) -> list[Outcome]:
        if all_or_none and any(isinstance(each, RecordError) for each in checked):
            rolled_back = RecordError("ALL_OR_NONE_OPERATION_ROLLED_BACK", _ROLLED_BACK)
            errors = [each if isinstance(each, RecordError) else rolled_back for each in checked]
            return [Outcome(None, created=False, error=error) for error in errors]
        moment = stamp(self.now())
        return [
            Outcome(None, created=False, error=each)
            if isinstance(each, RecordError)
            else self._save(table, key, each, moment)
            for each in checked
        ]

    def _note(self, table: Table, outcomes: Sequence[Outcome]) -> None:
        failed = sum(each.error is not None for each in outcomes)
        created = sum(each.created for each in outcomes)
        updated = len(outcomes) - failed - created
        counts = {"created": created, "updated": updated, "failed": failed}
        self.ledger.record("records.written", org=self.key, object=table.sobject.name, **counts)

    def _check(self, table: Table, key: Field, row: Row | RecordError, twice: set[str]) -> Row | RecordError:
        if isinstance(row, RecordError):
            return row
        external = row.get(key.name)
        if not external:
            return RecordError("MISSING_ARGUMENT", f"{key.name} not specified", (key.name,))
        external = str(external)
        if key.key(external) in twice:
            words = f"Duplicate external id specified: {external}"
            return RecordError("DUPLICATE_VALUE", words, (key.name,))
        existing = table.find(key, external)
        return self._sabotage(external, existing) or _first_problem(table, row, existing) or row

    def _sabotage(self, external: str, existing: Row | None) -> RecordError | None:
        left = self.locks.get(external, 0)
        if left:
            self.locks[external] = left - 1
            where = existing["Id"] if existing else "a0x000000000000AAA"
            words = f"unable to obtain exclusive access to this record or 1 records: {where}"
            return RecordError("UNABLE_TO_LOCK_ROW", words)
        return self.refusals.get(external)

    def _save(self, table: Table, key: Field, row: Row, moment: str) -> Outcome:
        external = str(row[key.name])
        existing = table.find(key, external)
        written = self.writes.setdefault(external, Writes())
        if existing is None:
            written.created += 1
            made = self._insert(table, row, moment)
            return Outcome(str(made["Id"]), created=True)
        written.updated += 1
        for name, value in row.items():
            if name != key.name:
                existing[name] = value
        existing["LastModifiedDate"] = existing["SystemModstamp"] = moment
        return Outcome(str(existing["Id"]), created=False)

    def _insert(self, table: Table, row: Row, moment: str) -> Row:
        row_id = self.new_id(table.sobject.prefix)
        system: Row = {"Id": row_id, "CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment}
        made: Row = {**system, **row}
        if table.sobject.prefix.startswith("a0"):
            made["Name"] = f"TP-{self._next_id:08d}"
        else:
            made["Name"] = " ".join(str(row[each]) for each in ("FirstName", "LastName") if row.get(each))
        table.rows[row_id] = made
        for each in table.sobject.external_ids:
            if made.get(each.name):
                table.of(each)[each.key(str(made[each.name]))] = made
        return made


def _repeated(key: Field, given: Iterable[Row | RecordError]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for row in given:
        external = None if isinstance(row, RecordError) else row.get(key.name)
        if external:
            value = key.key(str(external))
            (twice if value in seen else seen).add(value)
    return twice


def _first_problem(table: Table, row: Row, existing: Row | None) -> RecordError | None:
    known = table.sobject.exact
    for name, value in row.items():
        field = known[name]
        # Most cells are short plain text; a bulk job has hundreds of thousands of them.
        if field.plain and isinstance(value, str) and len(value) <= field.length:
            continue
        problem = field.problem(value)
        if problem:
            return problem
    missing = [] if existing else [each.name for each in table.sobject.required if row.get(each.name) is None]
    if missing:
        names = tuple(missing)
        return RecordError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)
    return None
