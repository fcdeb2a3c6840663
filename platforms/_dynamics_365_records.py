"""A touchpoint as a Dataverse record: its columns, how the record is addressed, and queries for many ids."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from bot.words.connection import Json
from bot.words.errors import Refused
from bot.words.freight import Touchpoint
from platforms._dynamics_365_tables import Table

Value = str | int | float | bool | None

_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_BIND = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}@odata\.bind")
# In the brackets of an address, Dataverse takes no / < > * % & : \ ? and +, encoded or not:
# https://learn.microsoft.com/power-apps/developer/data-platform/use-alternate-key-reference-record
# What needs no encoding anywhere is safe for certain.
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
_OWN_IDS = UUID("6f0f2f0e-5b0b-5d0a-9d39-9a2c1f6f7d51")
_QUERY_LENGTH = 8_000  # of an address's 32,768 characters
_QUERY_IDS = 100  # a query takes at most 500 conditions


@dataclass(frozen=True)
class Record:
    """One record to upsert, without its key column."""

    id: str
    fields: Mapping[str, Value]

    @property
    def is_plain(self) -> bool:
        """Whether its id can stand in an address."""
        return _PLAIN.fullmatch(self.id) is not None


def record_of(touchpoint: Touchpoint, *, names: Mapping[str, str], key: str, date: str, email: str) -> Record:
    """Build the record. Raises Refused for what Dataverse could never take; its text is the reason people read."""
    if touchpoint.id != touchpoint.id.strip():
        raise Refused("The id begins or ends with a space, which Dataverse would not tell from one without.")
    fields: dict[str, Value] = {}
    if date:
        fields[date] = touchpoint.occurred_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if email and touchpoint.email:
        fields[email] = touchpoint.email
    for given, value in touchpoint.fields.items():
        name = _name(names.get(given, given))
        if name != key:
            fields[name] = _value(name, value)
    _check_text([touchpoint.id, *(value for value in fields.values() if isinstance(value, str))])
    return Record(touchpoint.id, fields)


def _name(name: str) -> str:
    """Columns are lower-case in the Web API; lookups are bound by the name of their navigation property, as it is."""
    if _BIND.fullmatch(name):
        return name
    if not _COLUMN.fullmatch(name):
        raise Refused(f"{name[:80]!r} cannot be the name of a column.")
    return name.lower()


def _value(name: str, value: Any) -> Value:
    if isinstance(value, Decimal):
        short = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
        if not math.isfinite(short) or Decimal(repr(short)) != value:
            raise Refused(f"The column {name} holds a number that cannot be sent exactly.")
        return short
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise Refused(f"The column {name} holds something other than a text, a number, true or false.")


def _check_text(texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refused("A text holds half a character (a lone surrogate).") from error
        if "\0" in text:
            raise Refused("A text holds a null character.")


def target(record: Record, table: Table, known: Mapping[str, str]) -> Json:
    """One item of UpsertMultiple's `Targets`.

    A record whose id cannot stand in an address is addressed by its primary key: the one it is known to have, or one
    made from the id, the same each time, so that a repeat still meets the same record.
    """
    kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.logical}"}
    if record.id not in known and record.is_plain:
        return {**kind, "@odata.id": f"{table.entity_set}({table.key}='{record.id}')", **record.fields}
    primary = known.get(record.id) or str(uuid5(_OWN_IDS, f"{table.entity_set}/{record.id}"))
    return {**kind, "@odata.id": f"{table.entity_set}({primary})", table.key: record.id, **record.fields}


def any_of(column: str, ids: Sequence[str]) -> str:
    """The $filter that finds these ids."""
    return " or ".join(f"{column} eq {quoted(each)}" for each in ids)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def by_length(ids: Iterable[str], column: str) -> Iterator[list[str]]:
    """As many ids at a time as one query holds."""
    some: list[str] = []
    length = 0
    for each in ids:
        size = len(quote(quoted(each))) + len(column) + 12
        if some and (length + size > _QUERY_LENGTH or len(some) == _QUERY_IDS):
            yield some
            some, length = [], 0
        some.append(each)
        length += size
    if some:
        yield some
