"""How our values lie in a column, so that SQLite and Postgres give back exactly what was put in."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

# Postgres refuses NUL in text, and neither driver can encode half a surrogate pair. Names come from platforms, so they
# may hold both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(words: str) -> str:
    return words if words.isprintable() else _UNSTORABLE.sub("�", words)


class Words(TypeDecorator[str]):
    """Text from anywhere. What no database can hold becomes U+FFFD, the sign for an unreadable character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in, the same moment in UTC out. SQLite has no time zones: it keeps UTC without saying so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    r"""JSON as plain text: nobody searches inside it, and Postgres' own JSON type refuses \u0000, which a name may hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else as_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
