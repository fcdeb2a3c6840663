"""Records as the CSV of a bulk job."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from platforms._salesforce_records import Page, Record, Records, cell_of


def csv_of(records: Records, external_id: str, limit: int) -> bytes:
    """RFC 4180, every value exactly as it is: a machine reads it. Records beyond `limit` bytes are left out."""
    shapes = [[part.columns] if isinstance(part, Page) else [each.columns for each in part] for part in records.parts]
    columns = tuple(sorted(set(chain.from_iterable(set(chain.from_iterable(shapes))))))
    written, size = [_quoted([external_id, *columns]).encode()], 0
    for part in records.parts:
        lines = part.under(columns) if isinstance(part, Page) else b"".join(_lines(part, columns))
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
    held = record.fields
    return _quoted([record.id.replace('"', '""'), *[cell_of(held[name]) if name in held else "" for name in columns]])


def _quoted(cells: Sequence[str]) -> str:
    """What csv.writer writes with QUOTE_ALL, where quotes are doubled already."""
    return '"' + '","'.join(cells) + '"\n'
