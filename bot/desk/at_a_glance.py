"""Touchpoints that are plainly right, as nearly all are, seen at a glance: many at once, column by column.

Whatever is not plainly right is for the rules (touchpoint_rules.py), which look at one after the other and say what is wrong.
So None here means "look again", never "refused", and what is taken here the rules would have taken just so.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from types import NoneType
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from bot.desk.json_input import LONGEST_INTEGER, fraction
from bot.desk.touchpoint_rules import (
    COLUMNS,
    EMAIL,
    KINDS,
    LONGEST_EMAIL,
    LONGEST_FIELD,
    LONGEST_ID,
    LONGEST_TIME,
    writable,
    wrong_fields,
)
from bot.words.freight import Touchpoint

_SCALARS = {str, int, float, bool, NoneType}
_ABSENT = {None, UNSET}
_TOO_LARGE = 10**LONGEST_INTEGER
_SPACES = b" \t\r\n"
_made: Callable[[Any], Touchpoint] = partial(tuple.__new__, Touchpoint)


class _Item(Struct, forbid_unknown_fields=True, gc=False):
    """Read into its shape at once; what has another shape is an error."""

    id: str
    occurred_at: str
    email: str | UnsetType | None = UNSET
    kind: str | UnsetType | None = UNSET
    crm: str | UnsetType | None = UNSET
    fields: dict[str, Any] | UnsetType | None = UNSET


class Columns(NamedTuple):
    """Many touchpoints, each part of all of them together. What was left out is None, or UNSET."""

    ids: list[str]
    times: list[str]
    emails: list[Any]
    kinds: list[Any]
    fields: list[dict[str, Any]]
    crms: list[Any]


_LIST = Decoder(list[_Item], float_hook=fraction)
_LINE = Decoder(_Item, float_hook=fraction)


def list_at_a_glance(body: bytes, crms: Collection[str]) -> list[Touchpoint] | None:
    """A JSON list."""
    return _read(lambda: _LIST.decode(body), body, crms)


def lines_at_a_glance(lines: Sequence[bytes], crms: Collection[str]) -> list[Touchpoint] | None:
    """One JSON object a line."""
    return _read(lambda: [_LINE.decode(line) for line in lines if line.strip()], b"".join(lines), crms)


def rows_at_a_glance(header: list[str], rows: list[list[str]], crms: Collection[str]) -> list[Touchpoint] | None:
    """The cells under a header. An empty one is absent."""
    if set(map(len, rows)) != {len(header)}:
        return None
    column = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    named = [(name, n) for n, name in enumerate(header) if name not in COLUMNS]
    fields = [{name: cell for name, n in named if (cell := cells[n])} for cells in rows]
    emails, kinds, to = [[cell or None for cell in column.get(name, [])] or [None] * len(rows) for name in COLUMNS[2:]]
    return at_a_glance(Columns(column["id"], column["occurred_at"], emails, kinds, fields, to), crms)


def _read(decode: Callable[[], list[_Item]], text: bytes, crms: Collection[str]) -> list[Touchpoint] | None:
    try:
        items = decode()
    except (ValueError, RecursionError):
        return None
    fields = [item.fields for item in items]
    columns = Columns(
        [item.id for item in items],
        [item.occurred_at for item in items],
        [item.email for item in items],
        [item.kind for item in items],
        [each or {} for each in fields],
        [item.crm for item in items],
    )
    left_out = sum(column.count(UNSET) for column in (columns.emails, columns.kinds, columns.crms, fields))
    keys = len(items) * len(columns) - left_out + sum(map(len, columns.fields))
    # A key that stands twice was decoded to one. In JSON without its spaces nothing but the end of a key looks like this,
    # except inside a text, which then is one for the rules.
    return at_a_glance(columns, crms) if text.translate(None, _SPACES).count(b'":') == keys else None


def at_a_glance(given: Columns, crms: Collection[str]) -> list[Touchpoint] | None:
    if not given.ids:
        return []
    moments = _moments(given.times)
    names, values = set[str]().union(*given.fields), list(chain.from_iterable(map(dict.values, given.fields)))
    if (
        moments is None
        or not _plain_ids(given.ids)
        or not _plain_emails([email for email in given.emails if email])
        or not set(given.kinds) - _ABSENT <= {*KINDS}
        or not set(given.crms) - _ABSENT <= {*crms}
        or wrong_fields(dict.fromkeys(names))
        or not _plain_values(values)
    ):
        return None
    emails, kinds = [email or "" for email in given.emails], [kind or KINDS[0] for kind in given.kinds]
    rows = zip(given.ids, moments, emails, kinds, given.fields, [crm or None for crm in given.crms], strict=True)
    return list(map(_made, rows))


def _moments(times: list[str]) -> list[datetime] | None:
    if max(map(len, times)) > LONGEST_TIME or not "".join(times).isascii():
        return None
    try:
        moments = list(map(datetime.fromisoformat, times))
        zones = {moment.tzinfo for moment in moments}
        if None in zones:
            return None
        return moments if zones == {UTC} else [moment.astimezone(UTC) for moment in moments]
    except (ValueError, OverflowError):
        return None


def _plain_ids(ids: list[str]) -> bool:
    return (
        "" not in ids
        and max(map(len, ids)) <= LONGEST_ID
        and all(map(str.isprintable, ids))
        and ids == list(map(str.strip, ids))
    )


def _plain_emails(emails: list[str]) -> bool:
    longest = max(map(len, emails), default=0)
    return longest <= LONGEST_EMAIL and all(map(str.isprintable, emails)) and all(map(EMAIL.fullmatch, emails))


def _plain_values(values: list[Any]) -> bool:
    types = set(map(type, values))
    if not types <= _SCALARS or (
        int in types and any(type(value) is int and abs(value) >= _TOO_LARGE for value in values)
    ):
        return False
    texts = values if types == {str} else [value for value in values if type(value) is str]
    return max(map(len, texts), default=0) <= LONGEST_FIELD and writable("".join(texts))
