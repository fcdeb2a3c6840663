"""A touchpoint as a Salesforce record: in JSON, in CSV, and what Salesforce said about it."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from bot.words.connection import Json
from bot.words.errors import Refused
from bot.words.freight import PushResult, PushState, Touchpoint
from platforms._answers import chunks
from platforms._salesforce_errors import is_passing
from platforms._verdicts import plain_code, plain_text

Value = str | int | float | bool | None

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_NOT_FIELDS = {"attributes", "id"}
_REASON_LENGTH = 500
_QUERY_LENGTH = 8_000  # of an address's 16,384 characters
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})
_AT_ONCE = 200  # records that are looked at together: few enough that an odd one makes few others slow
_TAKEN = re.compile(r'\n"\w{15,18}","(?:true|false)","([^"]*)"(?!")', re.ASCII)
_NULL = "#N/A"  # an empty cell would leave the field as it was


class Record(NamedTuple):
    """One record to upsert, without its external id field. Those of one shape share their columns."""

    id: str
    columns: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def fields(self) -> dict[str, Value]:
        return dict(zip(self.columns, self.values, strict=True))


class Recorder:
    """Makes records of touchpoints. Thousands have the same fields, so what follows from the names is found out once."""

    def __init__(self, *, names: Mapping[str, str], external_id: str, date: str, email: str) -> None:
        self._names = names
        self._external_id = external_id
        self._date = date
        self._email = email
        self._shapes: dict[tuple[object, ...], tuple[tuple[str, ...], _Pick]] = {}

    def __call__(self, touchpoint: Touchpoint) -> Record:
        """Raises Refused for what Salesforce could never take; its text is the reason people read."""
        if touchpoint.id != touchpoint.id.strip():
            raise Refused("The id begins or ends with a space, which Salesforce would cut off.")
        ((own_id, columns, values),) = self._unseen([touchpoint])
        try:
            text = "".join((own_id, *values))  # type: ignore[arg-type]
        except TypeError:  # not all of them are texts, as nearly always
            values = tuple(map(_value, columns, values))
            text = "".join([own_id, *[value for value in values if type(value) is str]])
        _check_text(text)
        return Record(own_id, columns, values)

    def all(self, touchpoints: Sequence[Touchpoint], results: dict[str, PushResult]) -> list[Record]:
        """As one by one, at a third of the cost. What cannot be a record is set aside in `results`."""
        return [record for some in chunks(touchpoints, _AT_ONCE) for record in self._some(some, results)]

    def _some(self, touchpoints: Sequence[Touchpoint], results: dict[str, PushResult]) -> list[Record]:
        try:
            records = self._unseen(touchpoints)
            ids = [record[0] for record in records]
            values: Iterable[Any] = chain.from_iterable([record[2] for record in records])
            text = "".join(chain(ids, values))  # nearly always they are texts, all of them
            if ids == list(map(str.strip, ids)):
                _check_text(text)
                return records
        except (TypeError, Refused):
            pass  # one of them, or some, have to be looked at
        return list(self._one_by_one(touchpoints, results))

    def _one_by_one(self, touchpoints: Sequence[Touchpoint], results: dict[str, PushResult]) -> Iterator[Record]:
        for each in touchpoints:
            try:
                yield self(each)
            except Refused as refused:
                results[each.id] = PushResult(each.id, PushState.SET_ASIDE, str(refused))

    def _unseen(self, touchpoints: Sequence[Touchpoint]) -> list[Record]:
        """Records whose values nobody has looked at."""
        new, shapes, learn = tuple.__new__, self._shapes, self._learn
        dated = _moment if self._date else _no_moment
        records: list[Record] = []
        for own_id, occurred_at, email, _, fields, _ in touchpoints:
            shape = email != "", *fields
            columns, pick = shapes.get(shape) or learn(shape)
            records.append(new(Record, (own_id, columns, pick((dated(occurred_at), email, *fields.values())))))
        return records

    def _learn(self, shape: tuple[object, ...]) -> tuple[tuple[str, ...], "_Pick"]:
        """Which of (moment, email, *fields) goes where. Where two go to one column it takes the later."""
        addressed, fields = shape[0], map(str, shape[1:])
        places = {self._date: 0, **({self._email: 1} if addressed else {})}
        places |= {_field(self._names.get(name, name), self._external_id): at for at, name in enumerate(fields, 2)}
        places.pop("", None)
        columns = tuple(sorted(places))
        self._shapes[shape] = columns, _picking([places[name] for name in columns])
        return self._shapes[shape]


_Pick = Callable[[tuple[Any, ...]], tuple[Any, ...]]


def _picking(places: Sequence[int]) -> _Pick:
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple([values[place] for place in places])


def _field(name: str, external_id: str) -> str:
    """The name, or nothing where it is the id once more. Raises Refused for what cannot be one."""
    if not _FIELD.fullmatch(name) or name.lower() in _NOT_FIELDS:
        raise Refused(f"{name[:80]!r} cannot be the name of a field.")
    return "" if name.lower() == external_id.lower() else name


def _moment(at: datetime) -> str:
    at = at if at.tzinfo is UTC else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _no_moment(_: datetime) -> str:
    return ""


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


def csv_of(records: Sequence[Record], external_id: str, limit: int) -> bytes:
    """RFC 4180, every value exactly as it is: a machine reads it. Records beyond `limit` bytes are left out."""
    columns = tuple(sorted({name for names in {record.columns for record in records} for name in names}))
    written, size = [_quoted([external_id, *columns])], 0
    for some in chunks(records, _AT_ONCE):
        lines = _plain_lines(some, columns) or "".join([_line(record, columns) for record in some])
        if size + len(lines) > limit:
            written += _within(limit - size, [_line(record, columns) for record in some])
            break
        written.append(lines)
        size += len(lines)
    return "".join(written).encode()


def _plain_lines(records: Sequence[Record], columns: tuple[str, ...]) -> str:
    """Where all are of this shape and all their values are texts, neither empty nor with a quote in them, as nearly always."""
    if any(own is not columns and own != columns for _, own, _ in records):
        return ""
    try:
        lines = '"\n"'.join(['","'.join((own_id, *values)) for own_id, _, values in records])  # type: ignore[arg-type]
    except TypeError:
        return ""
    lines = f'"{lines}"\n'
    plain = lines.count('"') == 2 * len(records) * (1 + len(columns)) and '""' not in lines
    return lines if plain else ""


def _within(limit: int, lines: Sequence[str]) -> Iterator[str]:
    """The first that is too much is the last one."""
    for line in lines:
        yield line
        limit -= len(line)
        if limit < 0:
            return


def _line(record: Record, columns: tuple[str, ...]) -> str:
    own_id, own, values = record
    if own == columns and "" not in values:
        try:
            line = '","'.join((own_id, *values))  # type: ignore[arg-type]  # nearly always they are texts, all of them
        except TypeError:
            pass
        else:
            if line.count('"') == 2 * len(values):
                return f'"{line}"\n'
    held = record.fields
    return _quoted([own_id, *[_cell(held[name]) if name in held else "" for name in columns]])


def _quoted(cells: Sequence[str]) -> str:
    """What csv.writer writes with QUOTE_ALL."""
    return '"' + '","'.join([cell.replace('"', '""') for cell in cells]) + '"\n'


def _cell(value: Value) -> str:
    if value and type(value) is str:
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return _NULL if value in (None, "") else str(value)


class Told:
    """What Salesforce said so far: whom it took, and what about each other one, which counts for more."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.others: dict[str, PushResult] = {}

    @classmethod
    def by(cls, results: Mapping[str, PushResult]) -> Self:
        told = cls()
        told.taken = {each for each, result in results.items() if result.state is PushState.SENT}
        told.others = {each: result for each, result in results.items() if each not in told.taken}
        return told

    def add(self, later: "Told") -> None:
        """The later word counts."""
        for each in later.taken & self.others.keys():
            del self.others[each]
        self.taken = self.taken | later.taken if self.taken else later.taken
        self.others |= later.others

    def without(self, records: Sequence[Record]) -> Sequence[Record]:
        if not self.taken and not self.others:
            return records
        return [record for record in records if record[0] not in self.taken and record[0] not in self.others]


def read_results(taken: str, failed: str, external_id: str, sent: Sequence[str]) -> Told:
    """What a bulk job says about its records, which are mostly those that were `sent`. Raises ValueError."""
    told = Told()
    told.others = read_failed(failed, external_id)
    told.taken = read_taken(taken, external_id, set(sent).difference(told.others))
    return told


def read_taken(text: str, external_id: str, awaited: set[str]) -> set[str]:
    """Which records a bulk job says it took. Raises ValueError.

    A line that begins so begins a row: in the middle of a cell a quote is doubled. Where such lines name just those who are
    awaited, nobody is missing; else each cell is read, at four times the cost.
    """
    if text.startswith(f'"sf__Id","sf__Created","{external_id}"') and awaited == set(_TAKEN.findall(text)):
        return awaited
    return {own_id for (own_id,) in _rows(text, external_id)}


def read_failed(text: str, external_id: str) -> dict[str, PushResult]:
    """What a bulk job says about each record that it did not take, by its external id. Raises ValueError."""
    parted = [(record, error.partition(":")) for record, error in _rows(text, external_id, "sf__Error")]
    return {record: failure(record, code, message) for record, (code, _, message) in parted}


def _rows(text: str, external_id: str, *others: str) -> list[list[str]]:
    """Of each row the external id's cell, and those of the others."""
    try:
        rows = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))
        head, first = next(rows, []), next(rows, None)
        if first is None:
            return []
        places = [head.index(name) for name in (external_id, *others)]
        return [[row[place] for place in places] for row in chain([first], rows)]
    except (csv.Error, IndexError) as broken:
        raise ValueError(str(broken)) from broken


def read_json(records: Sequence[Record], said: Sequence[Json]) -> Iterator[PushResult]:
    """What a collections call says about each record: results stand in the order of the request."""
    for record, result in zip(records, said, strict=True):
        if result["success"] is True:
            yield PushResult(record.id, PushState.SENT)
        else:
            error = (result.get("errors") or [{}])[0]
            yield failure(record.id, plain_code(error.get("statusCode")), plain_text(error.get("message")))


def failure(record: str, code: str, message: str) -> PushResult:
    state = PushState.RETRY if is_passing(code, message) or not code else PushState.SET_ASIDE
    return PushResult(record, state, f"{code}: {message}"[:_REASON_LENGTH])


def retry(records: Iterable[Record | Touchpoint], reason: str) -> dict[str, PushResult]:
    return {record.id: PushResult(record.id, PushState.RETRY, reason) for record in records}


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
