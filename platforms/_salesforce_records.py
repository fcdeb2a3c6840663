"""A touchpoint as a Salesforce record, looked at for what Salesforce could never take."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, repeat
from operator import itemgetter, ne
from typing import Any, NamedTuple, overload
from urllib.parse import quote

from msgspec.json import encode

from bot.words.connection import Json
from bot.words.errors import Refused
from bot.words.freight import PushResult, PushState, Touchpoint, Touchpoints
from bot.work.courtesy import after_you

Value = str | int | float | bool | None

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_NULL = "#N/A"  # an empty cell would leave the field as it was
_NOT_FIELDS = {"attributes", "id"}
_QUERY_LENGTH = 8_000  # of an address's 16,384 characters
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})
_AT_ONCE = 200  # records that are looked at together: few enough that an odd one makes few others slow


class Record(NamedTuple):
    """One record to upsert, without its external id field. Those of one shape share their columns."""

    id: str
    columns: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def fields(self) -> dict[str, Value]:
        return dict(zip(self.columns, self.values, strict=True))


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one shape, column by column."""

    ids: Sequence[str]
    columns: tuple[str, ...]
    values: Sequence[Sequence[Value]]
    cells: Sequence[Sequence[str]]  # of the ids and of the values, as they stand in CSV
    lines: bytes

    def __iter__(self) -> Iterator[Record]:
        rows = zip(*self.values, strict=True) if self.values else repeat(())
        return map(Record, self.ids, repeat(self.columns), rows)

    def under(self, columns: tuple[str, ...]) -> bytes:
        """Their lines of a CSV with these columns."""
        if columns == self.columns:
            return self.lines
        ids, *cells = self.cells
        held = dict(zip(self.columns, cells, strict=True))
        return _lines_of([ids, *[held.get(name) or repeat("", len(ids)) for name in columns]]).encode()


def _lines_of(cells: Sequence[Iterable[str]]) -> str:
    lines = '"\n"'.join(map('","'.join, zip(*cells, strict=True)))
    return f'"{lines}"\n'


def cell_of(value: Value) -> str:
    if value and type(value) is str:
        return value.replace('"', '""')
    if isinstance(value, bool):
        return str(value).lower()
    return _NULL if value in (None, "") else str(value)


class Records(Sequence[Record]):
    """Records in pages, and by themselves where something is odd about them or those around."""

    def __init__(self, parts: Sequence[Page | Sequence[Record]]) -> None:
        self.parts = parts
        ids = [part.ids if isinstance(part, Page) else [record.id for record in part] for part in parts]
        self.ids = list(chain.from_iterable(ids))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        return list(self)[at]


class Recorder:
    """Makes records of touchpoints. Thousands have the same fields, so what follows from the names is found out once."""

    def __init__(self, *, names: Mapping[str, str], external_id: str, date: str, email: str) -> None:
        self._names = names
        self._external_id = external_id
        self._date = date
        self._email = email
        self._shapes: dict[_Shape, tuple[tuple[str, ...], Sequence[int]]] = {}

    def __call__(self, touchpoint: Touchpoint) -> Record:
        """Raises Refused for what Salesforce could never take; its text is the reason people read."""
        own_id, occurred_at, email, _, fields, _ = touchpoint
        if own_id != own_id.strip():
            raise Refused("The id begins or ends with a space, which Salesforce would cut off.")
        columns, places = self._shape((email != "", *fields))
        given = *_moments([occurred_at]), email, *fields.values()
        values = tuple(map(_value, columns, [given[place] for place in places]))
        _check_text("".join([own_id, *[value for value in values if type(value) is str]]))
        return Record(own_id, columns, values)

    def all(self, given: Sequence[Touchpoint], results: dict[str, PushResult]) -> Records:
        """As one by one, at a tenth of the cost. What cannot be a record is set aside in `results`."""
        whole = Touchpoints.of(given)
        some = [whole[start : start + _AT_ONCE] for start in range(0, len(whole), _AT_ONCE)]
        parts: list[Page | Sequence[Record]] = []
        for these in some:
            after_you()
            parts += self._parts(these, results)
        return Records(parts)

    def _parts(self, some: Touchpoints, results: dict[str, PushResult]) -> Sequence[Page | Sequence[Record]]:
        try:
            return [self._page(some)]
        except KeyError:
            return [part for alike in _by_shape(some) for part in self._parts(alike, results)]
        except (ValueError, Refused):
            return [list(self._one_by_one(some, results))]  # one of them, or some, cannot be records

    def _page(self, some: Touchpoints) -> Page:
        """Raises KeyError where they are of several shapes; ValueError or Refused where one cannot be a record."""
        names = tuple(some.fields[0])
        if set(map(len, some.fields)) != {len(names)} or some.emails.count("") not in {0, len(some)}:
            raise KeyError
        columns, places = self._shape((some.emails[0] != "", *names))
        if len([at for at in places if at > 1]) < len(names) and len(set(map(tuple, some.fields))) > 1:
            raise KeyError  # the order in which they are named says which of two counts
        moments = _moments(some.moments) if self._date else ()
        given = moments, some.emails, *[list(map(itemgetter(name), some.fields)) for name in names]
        values = [given[place] for place in places]
        cells = [some.ids, *values]
        text = _plain(cells)
        if not text:
            values = [_values(name, column) for name, column in zip(columns, values, strict=True)]
            cells = [_cells(column) for column in (some.ids, *values)]
            text = _lines_of(cells)
        lines = text.encode()
        if b"\0" in lines or any(map(ne, some.ids, map(str.strip, some.ids))):
            raise ValueError("one of them cannot be a record")
        return Page(some.ids, columns, values, cells, lines)

    def _one_by_one(self, touchpoints: Touchpoints, results: dict[str, PushResult]) -> Iterator[Record]:
        for each in touchpoints:
            try:
                yield self(each)
            except Refused as refused:
                results[each.id] = PushResult(each.id, PushState.SET_ASIDE, str(refused))

    def _shape(self, shape: "_Shape") -> tuple[tuple[str, ...], Sequence[int]]:
        """Its columns, and which of (moment, email, *fields) goes where. Where two go to one column it takes the later."""
        if shape not in self._shapes:
            addressed, fields = shape[0], map(str, shape[1:])
            places = {self._date: 0, **({self._email: 1} if addressed else {})}
            places |= {_field(self._names.get(name, name), self._external_id): at for at, name in enumerate(fields, 2)}
            places.pop("", None)
            columns = tuple(sorted(places))
            self._shapes[shape] = columns, [places[name] for name in columns]
        return self._shapes[shape]


def _values(name: str, column: Sequence[Any]) -> Sequence[Value]:
    return column if set(map(type, column)) == {str} else [_value(name, each) for each in column]


def _cells(column: Sequence[Value]) -> Sequence[str]:
    """Most columns are texts, and none of those is empty or has a quote in it: that is seen without a look at each."""
    try:
        whole = "".join(column)  # type: ignore[arg-type]
    except TypeError:
        return list(map(cell_of, column))
    return list(map(cell_of, column)) if '"' in whole or "" in column else column  # type: ignore[return-value]


def _plain(cells: Sequence[Sequence[Any]]) -> str:
    """Their lines of CSV where all are texts, and none is empty or has a quote in it, as nearly always; else nothing."""
    try:
        text = _lines_of(cells)
    except TypeError:
        return ""
    return text if text.count('"') == 2 * len(cells) * len(cells[0]) and '""' not in text else ""


_Shape = tuple[object, ...]  # whether there is an email, and the names of the fields


def _by_shape(touchpoints: Touchpoints) -> Iterator[Touchpoints]:
    """Those of one shape together, each in their order."""
    places: dict[_Shape, list[int]] = defaultdict(list)
    for at, (email, fields) in enumerate(zip(touchpoints.emails, touchpoints.fields, strict=True)):
        places[(email != "", *fields)].append(at)
    return map(touchpoints.only, places.values())


def _field(name: str, external_id: str) -> str:
    """The name, or nothing where it is the id once more. Raises Refused for what cannot be one."""
    if not _FIELD.fullmatch(name) or name.lower() in _NOT_FIELDS:
        raise Refused(f"{name[:80]!r} cannot be the name of a field.")
    return "" if name.lower() == external_id.lower() else name


def _moments(moments: Sequence[datetime]) -> list[str]:
    """In UTC, to the millisecond. Written all at once, at a sixth of the cost, with six digits or none behind the second."""
    if {at.tzinfo for at in moments} != {UTC}:
        moments = [at.astimezone(UTC) for at in moments]
    written = encode(moments).decode()[2:-2].split('","')
    return [f"{at[:23]}Z" if "." in at else f"{at[:19]}.000Z" for at in written]


def _value(name: str, value: Any) -> Value:
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise Refused(f"The field {name} holds something other than a text, a number, true or false.")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refused("A text holds half a character (a lone surrogate).") from error
    if "\0" in text:
        raise Refused("A text holds a null character.")


def json_of(records: Sequence[Record], sobject: str, external_id: str) -> Json:
    attributes = {"type": sobject}
    given = [{"attributes": attributes, external_id: record.id, **record.fields} for record in records]
    return {"allOrNone": False, "records": given}


def quoted(text: str) -> str:
    """A SOQL string: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/ (escape sequences)"""
    return "'" + text.translate(_ESCAPES) + "'"


def by_length(ids: Sequence[str]) -> Iterator[list[str]]:
    """As many ids at a time as one query's address holds."""
    some: list[str] = []
    length = 0
    for each in ids:
        size = len(quote(quoted(each))) + 3
        if some and length + size > _QUERY_LENGTH:
            yield some
            some, length = [], 0
        some.append(each)
        length += size
    if some:
        yield some
