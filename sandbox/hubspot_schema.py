"""What the sandbox HubSpot knows about its objects: properties, and the words it refuses a value with."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeAlias

TOUCHPOINT = "p_touchpoint"
CONTACTS = "contacts"
TOUCHPOINT_ID = "touchpoint_id"

LONGEST = 65_536
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)+")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?")

Properties: TypeAlias = dict[str, str | None]
Invalid: TypeAlias = dict[str, object]
"""One entry of `Property values were not valid: [...]`."""


class Kind(StrEnum):
    """A property's `type`, as the properties API names it."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    BOOL = "bool"
    ENUMERATION = "enumeration"


@dataclass(frozen=True)
class Property:
    name: str
    kind: Kind = Kind.STRING
    unique: bool = False
    read_only: bool = False
    email: bool = False
    options: tuple[str, ...] = ()

    def problem(self, value: str) -> Invalid | None:
        """What is wrong with a value; an empty one clears the property and is always good."""
        if self.read_only:
            words = f'"{self.name}" is a read only property; its value cannot be set.'
            return invalid(self.name, "READ_ONLY_VALUE", words)
        if not value:
            return None
        # https://developers.hubspot.com/changelog/breaking-change-enhanced-validations-for-non-string-properties-in-hubspots-crmobject-apis
        if self.kind is not Kind.STRING and value != value.strip():
            return invalid(self.name, "INVALID_WHITESPACE", f"{value} has leading or trailing whitespace.")
        found = _CHECKS[self.kind](self, value)
        return invalid(self.name, *found) if found else None

    def stored(self, value: str) -> str | None:
        """As it reads back: text is trimmed, moments are UTC with milliseconds, emails are in small letters."""
        value = value.strip()
        if not value:
            return None
        if self.kind is Kind.DATETIME:
            return stamp(_moment(value))
        if self.kind is Kind.DATE and value.isdecimal():
            return datetime.fromtimestamp(int(value) / 1000, UTC).date().isoformat()
        return value.lower() if self.email else value

    def shown(self) -> dict[str, object]:
        """As the properties API describes it."""
        return {
            "name": self.name,
            "label": self.name.replace("_", " ").capitalize(),
            "type": self.kind.value,
            "fieldType": _FIELD_TYPES[self.kind],
            "description": "",
            "groupName": "touchpoint_information",
            "options": [
                {"label": each.capitalize(), "value": each, "displayOrder": at, "hidden": False}
                for at, each in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": self.name.startswith("hs_"),
            "formField": False,
            "archived": False,
            "modificationMetadata": {
                "archivable": not self.read_only,
                "readOnlyDefinition": self.read_only,
                "readOnlyValue": self.read_only,
            },
        }


@dataclass
class ObjectType:
    """One type of record in one portal. `family` is the part of the scopes' names: crm.objects.{family}.read."""

    type_id: str
    names: frozenset[str]
    family: str
    properties: dict[str, Property]
    case_sensitive: bool = True

    @property
    def label(self) -> str:
        """What a missing record is called in error messages."""
        return "CONTACT" if self.type_id == "0-1" else self.type_id

    def key(self, value: str) -> str:
        """What two unique values are compared by."""
        value = value.strip()
        return value if self.case_sensitive else value.casefold()

    def problems(self, given: Mapping[str, str]) -> list[Invalid]:
        found = []
        for name, value in given.items():
            known = self.properties.get(name)
            if known is None:
                found.append(invalid(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
            elif problem := known.problem(value):
                found.append(problem)
        return found


def invalid(name: str, error: str, message: str) -> Invalid:
    return {"isValid": False, "message": message, "error": error, "name": name, "localizedErrorMessage": message}


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_types(hub_id: int, *, case_sensitive: bool) -> list[ObjectType]:
    """What Redkey is set up to write to in every portal: a custom object for touchpoints, and the standard contacts."""
    short = TOUCHPOINT.removeprefix("p_")
    names = frozenset({TOUCHPOINT, f"p{hub_id}_{short}", "2-3500001"})
    contacts = frozenset({CONTACTS, "contact", "0-1"})
    return [
        ObjectType("2-3500001", names, "custom", _by_name(_touchpoint()), case_sensitive),
        ObjectType("0-1", contacts, "contacts", _by_name(_contact()), case_sensitive),
    ]


def _touchpoint() -> list[Property]:
    texts = ("medium", "touchpoint_source", "campaign", "landing_page", "note")
    return [
        Property(TOUCHPOINT_ID, unique=True),
        Property("occurred_at", Kind.DATETIME),
        Property("day", Kind.DATE),
        Property("email", email=True),
        *(Property(name) for name in texts),
        Property("revenue", Kind.NUMBER),
        Property("first_touch", Kind.BOOL, options=("true", "false")),
        Property("channel", Kind.ENUMERATION, options=("search", "social", "display")),
        *_system(),
    ]


def _contact() -> list[Property]:
    names = ("firstname", "lastname", "company", "phone")
    contact = Property("email", unique=True, email=True)
    return [contact, Property(TOUCHPOINT_ID, unique=True), *(Property(name) for name in names), *_system()]


def _system() -> list[Property]:
    return [
        Property("hs_object_id", Kind.NUMBER, read_only=True),
        Property("hs_createdate", Kind.DATETIME, read_only=True),
        Property("hs_lastmodifieddate", Kind.DATETIME, read_only=True),
    ]


def _by_name(properties: Iterable[Property]) -> dict[str, Property]:
    return {each.name: each for each in properties}


def _moment(value: str) -> datetime:
    """Milliseconds since 1970, or ISO 8601. Raises ValueError."""
    if value.removeprefix("-").isdecimal():
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    if not _DATETIME.fullmatch(value):
        raise ValueError(value)
    return datetime.fromisoformat(value)


Problem: TypeAlias = tuple[str, str] | None


def _text_problem(known: Property, value: str) -> Problem:
    if known.email and not _EMAIL.fullmatch(value.strip()):
        return "INVALID_EMAIL", f"Email address {value} is invalid"
    if len(value) > LONGEST:
        return "PROPERTY_VALUE_TOO_LONG", f"The value is longer than {LONGEST} characters"
    return None


def _number_problem(_: Property, value: str) -> Problem:
    return None if _NUMBER.fullmatch(value) else ("INVALID_NUMBER", f"{value} was not a valid number.")


def _datetime_problem(_: Property, value: str) -> Problem:
    try:
        _moment(value)
    except (ValueError, OverflowError, OSError):
        return "INVALID_LONG", f"{value} was not a valid long."
    return None


def _date_problem(_: Property, value: str) -> Problem:
    """A date is a day, or midnight UTC: https://developers.hubspot.com/docs/faq/how-should-timestamps-be-formatted-for-hubspots-apis"""
    try:
        if not value.isdecimal():
            date.fromisoformat(value)
            return None
        at = _moment(value)
    except (ValueError, OverflowError, OSError):
        return "INVALID_DATE", f"{value} was not a valid date."
    if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
        words = f"{value} is at {at.hour}:{at.minute}:{at.second}.{at.microsecond // 1000} UTC, not midnight!"
        return "INVALID_DATE", words
    return None


def _option_problem(known: Property, value: str) -> Problem:
    wrong = [each for each in value.split(";") if each not in known.options]
    if not wrong:
        return None
    allowed = ", ".join(known.options)
    return "INVALID_OPTION", f"{wrong[0]} was not one of the allowed options: [{allowed}]"


_CHECKS: dict[Kind, Callable[[Property, str], Problem]] = {
    Kind.STRING: _text_problem,
    Kind.NUMBER: _number_problem,
    Kind.DATETIME: _datetime_problem,
    Kind.DATE: _date_problem,
    Kind.BOOL: _option_problem,
    Kind.ENUMERATION: _option_problem,
}
_FIELD_TYPES = {
    Kind.STRING: "text",
    Kind.NUMBER: "number",
    Kind.DATETIME: "date",
    Kind.DATE: "date",
    Kind.BOOL: "booleancheckbox",
    Kind.ENUMERATION: "select",
}
