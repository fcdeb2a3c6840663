"""A touchpoint as a Salesforce record: in JSON, in CSV, and what Salesforce said about it."""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.words.connection import Json, PushResult, PushState, Touchpoint
from bot.words.errors import Refused
from platforms._salesforce_errors import is_passing
from platforms._verdicts import plain_code, plain_text

Value = str | int | float | bool | None

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_NOT_FIELDS = {"attributes", "id"}
_REASON_LENGTH = 500
_QUERY_LENGTH = 8_000  # of an address's 16,384 characters
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})
_NULL = "#N/A"  # an empty cell would leave the field as it was


class Record(NamedTuple):
    """One record to upsert, without its external id field."""

    id: str
    fields: Mapping[str, Value]


def record_of(touchpoint: Touchpoint, *, names: Mapping[str, str], external_id: str, date: str, email: str) -> Record:
    """Build the record. Raises Refused for what Salesforce could never take; its text is the reason people read."""
    if touchpoint.id != touchpoint.id.strip():
        raise Refused("The id begins or ends with a space, which Salesforce would cut off.")
    fields: dict[str, Value] = {}
    if date:
        fields[date] = _moment(touchpoint.occurred_at)
    if email and touchpoint.email:
        fields[email] = touchpoint.email
    for given, value in touchpoint.fields.items():
        name = _field(names.get(given, given), external_id)
        if name:
            fields[name] = value if type(value) is str else _value(name, value)
    _check_text("".join([touchpoint.id, *[text for text in fields.values() if type(text) is str]]))
    return Record(touchpoint.id, fields)


@lru_cache(10_000)
def _field(name: str, external_id: str) -> str:
    """The name, or nothing where it is the id once more. Raises Refused for what cannot be one."""
    if not _FIELD.fullmatch(name) or name.lower() in _NOT_FIELDS:
        raise Refused(f"{name[:80]!r} cannot be the name of a field.")
    return "" if name.lower() == external_id.lower() else name


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    columns = sorted({name for names in {tuple(record.fields) for record in records} for name in names})
    written = io.StringIO()
    written.write(_line([external_id, *columns]))
    for own_id, own in records:
        written.write(_line([own_id, *[_cell(own[name]) if name in own else "" for name in columns]]))
        if written.tell() > limit:
            break
    return written.getvalue().encode()


def _line(cells: Sequence[str]) -> str:
    """What csv.writer writes with QUOTE_ALL, in half the time: nearly no cell holds a quotation mark."""
    line = '","'.join(cells)
    if line.count('"') > 2 * (len(cells) - 1):
        line = '","'.join([cell.replace('"', '""') for cell in cells])
    return f'"{line}"\n'


def _cell(value: Value) -> str:
    if value and type(value) is str:
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return _NULL if value in (None, "") else str(value)


def read_csv(text: str, external_id: str, *, failed: bool) -> list[PushResult]:
    """What a bulk job says about each record, by its external id. Raises ValueError."""
    try:
        rows = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))
        head, first = next(rows, []), next(rows, None)
        if first is None:
            return []
        which, told = head.index(external_id), chain([first], rows)
        if not failed:
            sent = PushState.SENT  # looked up once: there are thousands
            return [PushResult(row[which], sent) for row in told]
        error = head.index("sf__Error")
        parted = [(row[which], row[error].partition(":")) for row in told]
        return [failure(record, code, message) for record, (code, _, message) in parted]
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


def retry(records: Iterable[Record], reason: str) -> dict[str, PushResult]:
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
