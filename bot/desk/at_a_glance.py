"""Touchpoints that are plainly right, as nearly all are, seen at a glance: many at once, column by column.

Whatever is not plainly right is for the rules (touchpoint_rules.py), which look at one after the other and say what is wrong.
So None here means "look again", never "refused", and what is taken here the rules would have taken just so.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from operator import contains
from types import NoneType
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from bot.desk.json_input import LONGEST_INTEGER, fraction
from bot.desk.touchpoint_rules import (
    COLUMNS,
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
_new: Callable[[type[Touchpoint], Any], Touchpoint] = tuple.__new__  # half of what NamedTuple's own takes


class _Item(Struct, forbid_unknown_fields=True, gc=False):
    """Read into its shape at once; what has another shape is an error."""

    id: str
    occurred_at: str
    email: str | UnsetType | None = UNSET
    kind: str | UnsetType | None = UNSET
    crm: str | UnsetType | None = UNSET
    fields: dict[str, Any] | UnsetType | None = UNSET


class Columns(NamedTuple):
    """Many touchpoints, each part of all of them together. What was left out is None, or UNSET. `values`: of all fields."""

    ids: list[str]
    times: list[str]
    emails: list[Any]
    kinds: list[Any]
    fields: list[dict[str, Any]]
    crms: list[Any]
    values: list[Any]


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
    return at_a_glance(Columns(column["id"], column["occurred_at"], emails, kinds, fields, to, _values(fields)), crms)


def _read(decode: Callable[[], list[_Item]], text: bytes, crms: Collection[str]) -> list[Touchpoint] | None:
    try:
        items = decode()
    except (ValueError, RecursionError):
        return None
    given = [item.fields for item in items]
    fields = [each or {} for each in given]
    columns = Columns(
        [item.id for item in items],
        [item.occurred_at for item in items],
        [item.email for item in items],
        [item.kind for item in items],
        fields,
        [item.crm for item in items],
        _values(fields),
    )
    found = at_a_glance(columns, crms)
    return None if found is None or _a_key_was_dropped(text, columns, given.count(UNSET)) else found


def _a_key_was_dropped(text: bytes, given: Columns, without_fields: int) -> bool:
    """Of a key that stands twice, only one was decoded. So the quotes are counted: two for each key and each text.

    A quote within a text would upset the sum, in either direction. Then the ends of keys are counted: in JSON without its
    spaces nothing else looks like them, except inside a text, which then is one for the rules.
    """
    absent, null = map(sum, zip(*map(_absent_and_null, (given.emails, given.kinds, given.crms)), strict=True))
    texts = _texts(given.values)
    words = len(given.ids) * 5 - absent - null + len(texts)
    keys = len(given.ids) * 6 - absent - without_fields + len(given.values)
    decoded = map("".join, (given.ids, given.times, filter(None, given.emails), texts, set[str]().union(*given.fields)))
    if any('"' in each for each in decoded):
        return text.translate(None, _SPACES).count(b'":') != keys
    return text.count(b'"') != 2 * (words + keys)


def _absent_and_null(column: list[Any]) -> tuple[int, int]:
    empty = [each for each in column if not each]
    absent = empty.count(UNSET)
    return absent, empty.count(None) if absent < len(empty) else 0


def at_a_glance(given: Columns, crms: Collection[str]) -> list[Touchpoint] | None:
    if not given.ids:
        return []
    moments = _moments(given.times)
    emails = [email for email in given.emails if email]
    if (
        moments is None
        or not _plain_ids(given.ids)
        or not _plain_emails(emails)
        or not set(given.kinds) - _ABSENT <= {*KINDS}
        or not set(given.crms) - _ABSENT <= {*crms}
        or wrong_fields(dict.fromkeys(set[str]().union(*given.fields)))
        or not _plain_values(given.values)
    ):
        return None
    if len(emails) < len(given.emails):
        emails = [email or "" for email in given.emails]
    kinds = [kind or KINDS[0] for kind in given.kinds]
    rows = zip(given.ids, moments, emails, kinds, given.fields, [crm or None for crm in given.crms], strict=True)
    return list(map(_new, repeat(Touchpoint), rows))


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
    together = "".join(ids)
    return (
        all(ids)
        and together.isprintable()
        and max(map(len, ids)) <= LONGEST_ID
        and (" " not in together or ids == list(map(str.strip, ids)))
    )


def _plain_emails(emails: list[str]) -> bool:
    """All at once as EMAIL has one: an @ in each and no more than there are, none of them at an end, and no space."""
    together, lines = "".join(emails), "\n".join(["", *emails, ""])
    return (
        together.isprintable()
        and " " not in together
        and together.count("@") == len(emails)
        and all(map(contains, emails, repeat("@")))
        and "\n@" not in lines
        and "@\n" not in lines
        and max(map(len, emails), default=0) <= LONGEST_EMAIL
    )


def _plain_values(values: list[Any]) -> bool:
    texts = _texts(values)
    if texts is not values:
        types = set(map(type, values))
        if not types <= _SCALARS or (
            int in types and any(type(value) is int and abs(value) >= _TOO_LARGE for value in values)
        ):
            return False
    together = "".join(texts)
    return writable(together) and (len(together) <= LONGEST_FIELD or max(map(len, texts)) <= LONGEST_FIELD)


def _values(fields: list[dict[str, Any]]) -> list[Any]:
    return list(chain.from_iterable(map(dict.values, fields)))


def _texts(values: list[Any]) -> list[str]:
    """Nearly always all of them, which a join tells soonest."""
    try:
        "".join(values)
    except TypeError:
        return [value for value in values if type(value) is str]
    return values
