"""CSV as Bulk API 2.0 takes and gives it: RFC 4180, a header of field names, one line ending throughout.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.salesforce_org import Outcome
from sandbox.salesforce_schema import Field, RecordError, Row, SObject, Unreadable, read_only

LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
NULL = "#N/A"
"""An empty cell leaves a field as it is; this empties it."""

_CELL = r'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_WELL_QUOTED = re.compile(rf"(?:{_CELL}(?:,|\r?\n|\Z))*+")


class BadFile(Exception):
    """The whole upload is refused; the text is the job's `errorMessage`."""


@dataclass(frozen=True)
class Upload:
    columns: list[Field]
    header: list[str]
    cells: list[list[str]]


def read_upload(data: bytes, sobject: SObject, key: Field, line_ending: str) -> Upload:
    """Raise BadFile, worded as Salesforce does, where one bad line spoils the whole job."""
    text = _decode(data, line_ending)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        columns = [_column(sobject, name) for name in header]
        cells = [row for row in rows if row]
    except csv.Error as problem:
        raise BadFile(f"ClientInputError : Failed to parse CSV. {problem}") from problem
    if key not in columns:
        raise BadFile(f"InvalidBatch : Field name not found : {key.name}")
    if len(set(columns)) < len(columns):
        raise BadFile("InvalidBatch : Field name found twice in the header")
    for number, row in enumerate(cells, start=2):
        if len(row) != len(columns):
            raise BadFile(f"ClientInputError : Row {number} has {len(row)} columns, the header has {len(columns)}")
    return Upload(columns, header, cells)


def _decode(data: bytes, line_ending: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise BadFile("ClientInputError : The file is not valid UTF-8") from problem
    first = text.partition("\n")
    if first[1] and first[0].endswith("\r") is not (line_ending == "CRLF"):
        raise BadFile(
            f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
        )
    if not _WELL_QUOTED.fullmatch(text):
        found = "Found unescaped quote. A value with quote should be within a quote"
        raise BadFile(f"ClientInputError : Failed to parse CSV. {found}")
    return text


def _column(sobject: SObject, name: str) -> Field:
    known = sobject.named(name)
    if known is None:
        raise BadFile(f"InvalidBatch : Field name not found : {name}")
    return known


def read_row(columns: Sequence[Field], cells: Sequence[str]) -> Row | RecordError:
    """One line as a record. A value of the wrong type fails only its own line, other than in JSON."""
    row: Row = {}
    for number, (column, text) in enumerate(zip(columns, cells, strict=True)):
        if not text:
            continue
        if not column.writable:
            return read_only(column)
        try:
            row[column.name] = None if text == NULL else column.read_text(text)
        except Unreadable:
            return column.unreadable_in_csv(text, number)
    return row


def succeeded(upload: Upload, outcomes: Iterable[tuple[list[str], Outcome]], line_ending: str) -> str:
    rows = ([each.id, str(each.created).lower(), *cells] for cells, each in outcomes if not each.error)
    return write(["sf__Id", "sf__Created", *upload.header], rows, line_ending)


def failed(upload: Upload, outcomes: Iterable[tuple[list[str], Outcome]], line_ending: str) -> str:
    rows = (["", each.error.as_csv(), *cells] for cells, each in outcomes if each.error)
    return write(["sf__Id", "sf__Error", *upload.header], rows, line_ending)


def write(header: Sequence[str], rows: Iterable[Sequence[str | None]], line_ending: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=LINE_ENDINGS[line_ending])
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
