"""A touchpoint as a HubSpot record, and what HubSpot said about it."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.words.connection import Json
from bot.words.errors import Refused
from bot.words.freight import PushResult, PushState, Touchpoint
from platforms._hubspot_errors import is_passing
from platforms._verdicts import plain_code, plain_text

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_REASON_LENGTH = 500
_NOT_VALID = "Property values were not valid: "


@dataclass(frozen=True)
class Record:
    """One record to upsert. All of HubSpot's property values are texts."""

    id: str
    properties: Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """What an answer says: results by id, and the reason of a lasting error that names no record."""

    results: Mapping[str, PushResult]
    nameless: str


def record_of(touchpoint: Touchpoint, *, names: Mapping[str, str], external_id: str, date: str, email: str) -> Record:
    """Build the record. Raises Refused for what HubSpot could never take; its text is the reason people read."""
    if touchpoint.id != touchpoint.id.strip():
        raise Refused("The id begins or ends with a space.")
    properties: dict[str, str] = {}
    if date:
        properties[date] = _moment(touchpoint.occurred_at)
    if email and touchpoint.email:
        properties[email] = touchpoint.email
    for given, value in touchpoint.fields.items():
        name = names.get(given, given)
        if not _NAME.fullmatch(name):
            raise Refused(f"{name[:80]!r} cannot be the name of a property.")
        properties[name] = _value(name, value)
    properties[external_id] = touchpoint.id
    _check_text(properties.values())
    return Record(touchpoint.id, properties)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(name: str, value: Any) -> str:
    """Nothing clears a property; a number is written out, without an exponent."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")
    raise Refused(f"The field {name} holds something other than a text, a number, true or false.")


def _check_text(texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refused("A text holds half a character (a lone surrogate).") from error
        if "\0" in text:
            raise Refused("A text holds a null character.")


def json_of(records: Sequence[Record], external_id: str) -> Json:
    """With a trace id for every record, the good ones are written although others are refused, and each is named.

    https://developers.hubspot.com/docs/api-reference/error-handling#multi-status-errors
    """
    return {
        "inputs": [
            {
                "id": record.id,
                "idProperty": external_id,
                "objectWriteTraceId": record.id,
                "properties": dict(record.properties),
            }
            for record in records
        ]
    }


def read_batch(records: Sequence[Record], body: Json, external_id: str) -> Said:
    """Read an upsert's answer, whose results stand in no order. Raises what reading a wrong shape raises."""
    asked = {record.id for record in records}
    results = {
        name: PushResult(name, PushState.SENT)
        for each in _listed(body["results"])
        if (name := _name(each, external_id)) in asked
    }
    nameless = ""
    for error in _listed(body.get("errors") or []):
        category = plain_code(error.get("category"))
        passing, reason = is_passing(category), reason_of(category, plain_text(error.get("message")))
        state = PushState.RETRY if passing else PushState.SET_ASIDE
        names = asked.intersection(_named(error))
        results |= {name: PushResult(name, state, reason) for name in names}
        nameless = nameless if names or passing else reason
    return Said(results, nameless)


def read_found(ids: Sequence[str], body: Json, external_id: str) -> set[str]:
    """Which of the ids a batch read has found. HubSpot may keep an id in small letters."""
    values = {each["properties"].get(external_id) for each in _listed(body["results"])}
    held = {value for value in values if isinstance(value, str)}
    folded = {value.casefold() for value in held}
    gone = {name for error in _listed(body.get("errors") or []) for name in _named(error)}
    return {each for each in ids if each in held or (each.casefold() in folded and each not in gone)}


def reason_of(category: str, message: str) -> str:
    """HubSpot puts what is wrong with each property into the message, as JSON."""
    if message.startswith(_NOT_VALID):
        try:
            found = _listed(json.loads(message.removeprefix(_NOT_VALID)))
        except (ValueError, RecursionError, TypeError):
            found = []
        told = [f"{plain_code(each.get('error'))}: {plain_text(each.get('message'))}" for each in found]
        return ("; ".join(told) or message)[:_REASON_LENGTH]
    return f"{category}: {message}"[:_REASON_LENGTH]


def _name(result: Json, external_id: str) -> str:
    """Whom a result is about: its trace id, or its external id where that is missing."""
    trace = result.get("objectWriteTraceId")
    return trace if isinstance(trace, str) else plain_text(result["properties"].get(external_id))


def _named(error: Json) -> list[str]:
    context = error.get("context")
    if not isinstance(context, dict):
        return []
    found = context.get("objectWriteTraceId") or context.get("ids") or []
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)]


def _listed(value: Any) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError("expected a list of objects")
    return value
