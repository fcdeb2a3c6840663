"""Records as the CSV of a bulk job."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from platforms._salesforce_records import Page, Record, Records, Value

_NULL = "#N/A"  # an empty cell would leave the field as it was


def csv_of(records: Records, external_id: str, limit: int) -> bytes:
    """RFC 4180, every value exactly as it is: a machine reads it. Records beyond `limit` bytes are left out."""
    shapes = [[part.columns] if isinstance(part, Page) else [each.columns for each in part] for part in records.parts]
    columns = tuple(sorted(set(chain.from_iterable(set(chain.from_iterable(shapes))))))
    written, size = [_quoted([external_id, *columns]).encode()], 0
    for part in records.parts:
        lines = part.under(columns) if isinstance(part, Page) else b""
        lines = lines or b"".join(_lines(part, columns))
        if size + len(lines) > limit:
            written += _within(limit - size, _lines(part, columns))
            break
        written.append(lines)
        size += len(lines)
    return b"".join(written)


def _lines(records: Iterable[Record], columns: tuple[str, ...]) -> Iterator[bytes]:
    return (_line(record, columns).encode() for record in records)


def _within(limit: int, lines: Iterable[bytes]) -> Iterator[bytes]:
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
