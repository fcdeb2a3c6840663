"""One environment of the sandbox Dataverse: its rows, its users' rights, and what can be made to go wrong in it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_DNS, UUID, uuid5

from sandbox.dynamics_365_schema import DataError, Row, Table, stamp, tables
from sandbox.ledger import Ledger

PAGE = 5_000


@dataclass
class Writes:
    """How often one external id was written."""

    created: int = 0
    updated: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated


@dataclass(frozen=True)
class Address:
    """Which record is meant: by its primary key, or by the value of an alternate key. Neither: a new one."""

    primary: str = ""
    column: str = ""
    value: str = ""


@dataclass
class Throttle:
    """The next `times` calls (None: all) are over one of the service protection limits."""

    code: str = "0x80072322"
    times: int | None = 1
    retry_after: str = "30"


class Org:
    """State of one environment. Everything here can be read and turned from a test."""

    def __init__(self, key: str, name: str, ledger: Ledger) -> None:
        self.key = key
        self.name = name
        self.id = str(uuid5(NAMESPACE_DNS, f"organization.{key}.example"))
        self.ledger = ledger
        self.now = ledger.now
        self.tables = tables()
        self.rows: dict[str, dict[str, Row]] = {entity_set: {} for entity_set in self.tables}
        self._index: dict[tuple[str, str], dict[str, str]] = {}  # by table and key column: folded values to rows
        self.writes: dict[str, Writes] = {}
        self.refusals: dict[str, DataError] = {}
        self.stumbles: dict[str, int] = {}
        self.outsiders: set[str] = set()  # logins without a user in this environment
        self.disabled: set[str] = set()
        self.unlicensed: set[str] = set()
        self.shut_out: set[str] = set()  # logins without rights on the tables
        self.challenged: dict[str, int] = {}  # logins whose older consents lack claims, and the number of the last one
        self.throttle: Throttle | None = None
        self.most_at_once: int | None = None  # more records in one call end in SQL's time-out
        self.page = PAGE
        self._numbers = itertools.count(1)

    def records(self, entity_set: str) -> Mapping[str, Row]:
        """The rows of a table by external id. They are live: only look."""
        table = self.tables[entity_set]
        column = table.keys[0].columns[0] if table.keys else table.primary
        return {str(row[column]): row for row in self.rows[entity_set].values()}

    def add_contact(self, name: str) -> str:
        """A contact that lookups can be bound to; gives its id."""
        contact = self._new_id()
        self.rows["contacts"][contact] = {"contactid": contact, "fullname": name, "createdon": stamp(self.now())}
        return contact

    def upsert(self, table: Table, given: Sequence[tuple[Address, Row]]) -> list[tuple[str, bool]]:
        """Write all or nothing: (primary key, whether it was created) of each. Raises DataError."""
        if self.most_at_once is not None and len(given) > self.most_at_once:
            words = "Sql error: SQL timeout expired. CRM ErrorCode: -2147204783 Sql ErrorCode: -2146232060"
            raise DataError("0x80044151", f"{words} Sql Number: -2", 500)
        undo: list[tuple[str, Row | None]] = []
        try:
            done = [self._save(table, address, row, undo) for address, row in given]
        except DataError:
            for primary, before in reversed(undo):
                self._put(table, primary, before)
            raise
        self._note(table, done)
        return done

    def find(self, table: Table, address: Address) -> Row | None:
        """Texts compare without regard to capitals, as Dataverse's collation does."""
        primary = address.primary
        if not primary:
            index = self._index.get((table.entity_set, address.column), {})
            primary = index.get(address.value.casefold(), "")
        return self.rows[table.entity_set].get(primary)

    def _save(self, table: Table, address: Address, row: Row, undo: list[tuple[str, Row | None]]) -> tuple[str, bool]:
        if address.column:
            row = {**row, address.column: address.value}
        self._sabotage(table, row)
        self._check_lookups(table, row)
        existing = self.find(table, address) if address.primary or address.column else None
        self._check_keys(table, row, existing)
        moment = stamp(self.now())
        if existing is not None:
            # The key a record is addressed by stays as it was written first.
            kept = {address.column: existing[address.column]} if address.column else {}
            primary, made = str(existing[table.primary]), existing | row | kept | {"modifiedon": moment}
        else:
            primary = address.primary or str(row.get(table.primary) or self._new_id())
            made = {"createdon": moment, "modifiedon": moment, **row, table.primary: primary}
        undo.append((primary, existing))
        self._put(table, primary, made)
        return primary, existing is None

    def _put(self, table: Table, primary: str, row: Row | None) -> None:
        """Replace a row, or remove it, and keep the keys' indexes."""
        rows = self.rows[table.entity_set]
        before = rows.pop(primary, None)
        for key in table.keys:
            column = key.columns[0]
            index = self._index.setdefault((table.entity_set, column), {})
            if before and before.get(column) is not None:
                index.pop(str(before[column]).casefold(), None)
            if row and row.get(column) is not None:
                index[str(row[column]).casefold()] = primary
        if row is not None:
            rows[primary] = row

    def _sabotage(self, table: Table, row: Row) -> None:
        external = next((str(row[key.columns[0]]) for key in table.keys if row.get(key.columns[0])), "")
        left = self.stumbles.get(external, 0)
        if left:
            self.stumbles[external] = left - 1
            words = "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060"
            raise DataError("0x80044150", f"{words} Sql Number: 1205", 500)
        if external in self.refusals:
            raise self.refusals[external]

    def _check_lookups(self, table: Table, row: Row) -> None:
        for column in table.columns.values():
            value = row.get(column.name)
            if column.leads and value is not None and value not in self.rows[column.leads]:
                entity = self.tables[column.leads].logical
                raise DataError("0x80040217", f"Entity '{entity}' With Id = {value} Does Not Exist", 404)

    def _check_keys(self, table: Table, row: Row, existing: Row | None) -> None:
        for key in table.keys:
            value = row.get(key.columns[0])
            if value is None:
                continue
            holder = self.find(table, Address(column=key.columns[0], value=str(value)))
            if holder is not None and holder is not existing:
                words = f"Entity Key {key.name} violated. A record with the same value for {key.columns[0]} already"
                more = "A duplicate record cannot be created. Select one or more unique values and try again."
                raise DataError("0x80060892", f"{words} exists. {more}", 412)

    def _note(self, table: Table, done: Sequence[tuple[str, bool]]) -> None:
        created = sum(new for _, new in done)
        for primary, new in done:
            row = self.rows[table.entity_set][primary]
            external = next((str(row[key.columns[0]]) for key in table.keys if row.get(key.columns[0])), primary)
            written = self.writes.setdefault(external, Writes())
            written.created += new
            written.updated += not new
        counts = {"created": created, "updated": len(done) - created}
        self.ledger.record("records.written", org=self.key, table=table.logical, **counts)

    def _new_id(self) -> str:
        return str(uuid5(UUID(self.id), f"row {next(self._numbers)}"))


@dataclass(frozen=True)
class User:
    """A person as this environment knows them."""

    id: str
    login: str
    name: str
    business_unit: str = field(default=str(uuid5(NAMESPACE_DNS, "businessunit.example")))
