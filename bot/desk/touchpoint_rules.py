"""What a touchpoint may look like. One item in, a Touchpoint or sentences about everything wrong with it out."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bot.desk.json_input import Doubled, Wrong
from bot.words.freight import Touchpoint

CRMS = ("salesforce", "dynamics_365", "hubspot")
KINDS = ("touchpoint", "attribution_touchpoint")
_KIND_OR_NONE = (None, *KINDS)
COLUMNS = ("id", "occurred_at", "email", "kind", "crm")
KEYS = frozenset({*COLUMNS, "fields"})
LONGEST_ID = 255
LONGEST_EMAIL = 320
LONGEST_TIME = 64
LONGEST_FIELD = 131_072  # the longest text field a Salesforce object can have
SHOWN = 80

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in which item or line, which touchpoint (if it can be told), and what."""

    where: str
    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}{f' ({self.id})' if self.id else ''}: {self.what}"


class Rules:
    """Which touchpoints are taken. `crms`: the platforms a touchpoint may name."""

    def __init__(self, crms: Collection[str] = CRMS) -> None:
        self._crms = tuple(crms)
        self._crm_or_none = (None, *crms)

    def read(self, item: Any) -> tuple[Touchpoint | None, list[str]]:
        """The touchpoint, or None and everything that is wrong with it."""
        if not isinstance(item, dict):
            return None, ['is not an object; expected {"id": …, "occurred_at": …}']
        get: Callable[[str], Any] = item.get
        id_, email, kind, crm = get("id"), get("email"), get("kind"), get("crm")
        fields = {} if (given := get("fields")) is None else given
        occurred_at, wrong_time = read_time(get("occurred_at"))
        wrong = _wrong_frame(item) + _wrong_id(id_) + wrong_time + _wrong_email(email)
        wrong += self._wrong_choices(kind, crm) + wrong_fields(fields)
        if wrong or occurred_at is None:
            return None, wrong
        return Touchpoint(id_, occurred_at, email or "", kind or KINDS[0], fields, crm or None), []

    @staticmethod
    def shown_id(item: Any) -> str:
        """The id as far as it can be told, harmless to show."""
        found = item.get("id") if isinstance(item, dict) else None
        return shown(found) if isinstance(found, str) else ""

    def _wrong_choices(self, kind: Any, crm: Any) -> list[str]:
        wrong = []
        if kind not in _KIND_OR_NONE:
            wrong.append(f"kind: expected {' or '.join(KINDS)}, not {_told(kind)}")
        if crm not in self._crm_or_none:
            wrong.append(f"crm: expected one of {', '.join(self._crms)}, or none for every CRM, not {_told(crm)}")
        return wrong


def read_time(value: Any) -> tuple[datetime | None, list[str]]:
    """ISO 8601 with a zone, as aware UTC."""
    expected = 'occurred_at: expected a date and time with its zone, such as "2026-11-23T09:00:00Z"'
    if value is None:
        return None, [f"{expected}; it is missing"]
    if not isinstance(value, str) or len(value) > LONGEST_TIME or not value.isascii() or len(value) < 11:
        return None, [f"{expected}, not {_told(value)}"]
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            return None, [f"{expected}; {_told(value)} has no zone"]
        return moment.astimezone(UTC), []
    except (ValueError, OverflowError):
        return None, [f"{expected}, not {_told(value)}"]


def _wrong_frame(item: dict[str, Any]) -> list[str]:
    doubled = [f"has the key {shown(item.key)!r} twice"] if isinstance(item, Doubled) else []
    if item.keys() <= KEYS:
        return doubled
    unknown = [shown(key) for key in sorted(item.keys() - KEYS)]
    return doubled + [f'has the unknown key {key!r}; a CRM field belongs into "fields"' for key in unknown]


def _wrong_id(value: Any) -> list[str]:
    if value is None:
        return ["id: is missing"]
    if not isinstance(value, str):
        return [f"id: expected text, not {_told(value)}"]
    if not 1 <= len(value) <= LONGEST_ID:
        return [f"id: expected 1 to {LONGEST_ID} characters, not {len(value)}"]
    if not _harmless(value):
        return ["id: holds a control character"]
    if value != value.strip():
        # CRMs cut these off, and then the record could never be found again under its id.
        return ["id: begins or ends with a space"]
    return []


def _wrong_email(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        return [f"email: expected text, not {_told(value)}"]
    if len(value) > LONGEST_EMAIL or not _harmless(value) or not EMAIL.fullmatch(value):
        return [f"email: {_told(value)} is no e-mail address"]
    return []


def wrong_fields(fields: Any) -> list[str]:
    if not isinstance(fields, dict):
        return [f"fields: expected an object, not {_told(fields)}"]
    wrong = [f"fields: has {shown(fields.key)!r} twice"] if isinstance(fields, Doubled) else []
    for name, value in fields.items():
        if not 1 <= len(name) <= LONGEST_ID or not _can_be_a_name(name):
            wrong.append(f"fields: {shown(name)!r} cannot be a field's name")
        elif what := _wrong_value(value):
            wrong.append(f"fields: {shown(name)}: {what}")
    return wrong


@lru_cache(maxsize=2_000)  # the same few names come with every touchpoint
def _can_be_a_name(name: str) -> bool:
    return _harmless(name)


def _wrong_value(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > LONGEST_FIELD:
            return f"is longer than {LONGEST_FIELD} characters"
        return "" if writable(value) else "holds a character that is none (NUL or half of a surrogate pair)"
    if isinstance(value, Wrong):
        return value.what
    if value is None or isinstance(value, bool | int | float):
        return ""
    return f"expected text, a number, true, false or null, not {_told(value)}"


def _harmless(text: str) -> bool:
    return text.isprintable() or (not _CONTROL.search(text) and writable(text))


def writable(text: str) -> bool:
    """No database column and no CRM takes NUL, and half a surrogate pair is no character at all."""
    return text.isprintable() or not _UNWRITABLE.search(text)


def shown(text: str) -> str:
    """A stranger's text made short and harmless enough to be named in a sentence."""
    clean = _CONTROL.sub(" ", text).encode("utf-8", "replace").decode()
    return clean if len(clean) <= SHOWN else f"{clean[:SHOWN]}…"


def _told(value: Any) -> str:
    if isinstance(value, str):
        return repr(shown(value))
    if isinstance(value, Wrong):
        return "a number that cannot be kept exactly"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"the number {value}"
