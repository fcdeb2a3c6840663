"""What the sandbox Salesforce knows about its objects: fields, lengths, and the words it refuses a value with."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

TOUCHPOINT = "bizible2__Bizible_Touchpoint__c"
ATTRIBUTION_TOUCHPOINT = "bizible2__Bizible_Attribution_Touchpoint__c"
UNIQUE_ID = "bizible2__UniqueId__c"

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)")
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)+")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")

Value: TypeAlias = str | float | bool | None
Row: TypeAlias = dict[str, Value]


class Kind(StrEnum):
    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    URL = "url"
    EMAIL = "email"
    DATETIME = "datetime"
    DATE = "date"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    REFERENCE = "reference"


TEXTS = frozenset({Kind.ID, Kind.STRING, Kind.TEXTAREA, Kind.URL, Kind.EMAIL, Kind.REFERENCE})
_XSD = {Kind.DATETIME: "xsd:dateTime", Kind.DATE: "xsd:date", Kind.DOUBLE: "xsd:double", Kind.BOOLEAN: "xsd:boolean"}


class Unreadable(Exception):
    """A value that does not even have the field's type. JSON fails the whole call with it, CSV only its row."""


@dataclass(frozen=True)
class RecordError:
    """Why one record was not written."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def as_result(self) -> dict[str, object]:
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def as_csv(self) -> str:
        """The text of `sf__Error`: `CODE:message:fields --`."""
        return f"{self.code}:{self.message}:{','.join(self.fields)} --"


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind = Kind.STRING
    length: int = 0
    required: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    writable: bool = True
    plain: bool = field(init=False, default=True)
    """Any text of the right length is good."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", self.kind in {Kind.STRING, Kind.TEXTAREA, Kind.URL})

    @property
    def label(self) -> str:
        return self.name.removeprefix("bizible2__").removesuffix("__c").replace("_", " ")

    def key(self, value: str) -> str:
        """What two values of this field are compared by."""
        return value if self.case_sensitive else value.casefold()

    def read_json(self, value: object) -> Value:
        """Raise Unreadable when the JSON value is not of this field's type."""
        if value is None or (isinstance(value, bool) and self.kind is Kind.BOOLEAN):
            return value
        if isinstance(value, str) and _encodable(value):
            return self.read_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and self.kind in {Kind.DOUBLE, *TEXTS}:
            return self.read_text(str(value))
        raise Unreadable(f"Cannot deserialize instance of {self.kind} from {_json_kind(value)} value {value!a:.80}")

    def read_text(self, text: str) -> Value:
        """Empty text is no value, and text is trimmed, as Salesforce does. Raise Unreadable on a wrong type."""
        text = text.strip()
        if not text:
            return None
        if self.kind in TEXTS:
            return text
        try:
            return _READ[self.kind](text)
        except (ValueError, KeyError, OverflowError) as problem:
            raise Unreadable(f"Cannot deserialize instance of {self.kind} from VALUE_STRING value {text}") from problem

    def unreadable_in_csv(self, text: str, column: int) -> RecordError:
        reason = f"'{text}' is not a valid value for the type {_XSD.get(self.kind, 'xsd:string')}"
        return RecordError("INVALID_FIELD", f"Failed to deserialize field at col {column}. Due to, {reason}")

    def problem(self, value: Value) -> RecordError | None:
        """What is wrong with a value that has the right type."""
        if value is None:
            if self.required:
                return RecordError(
                    "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{self.name}]", (self.name,)
                )
            return None
        return self._text_problem(value) if isinstance(value, str) else None

    def _text_problem(self, value: str) -> RecordError | None:
        if self.length and len(value) > self.length:
            words = f"{self.label}: data value too large: {value[:80]} (max length={self.length})"
            return RecordError("STRING_TOO_LONG", words, (self.name,))
        if self.kind is Kind.EMAIL and not _EMAIL.fullmatch(value):
            words = f"{self.label}: invalid email address: {value}"
            return RecordError("INVALID_EMAIL_ADDRESS", words, (self.name,))
        if self.kind is Kind.REFERENCE and not _ID.fullmatch(value):
            return RecordError("MALFORMED_ID", f"{self.label}: id value of incorrect type: {value}", (self.name,))
        return None

    def describe(self) -> dict[str, object]:
        return {
            "name": self.name,
            "label": self.label,
            "type": str(self.kind),
            "length": self.length,
            "externalId": self.external_id,
            "unique": self.external_id,
            "caseSensitive": self.case_sensitive,
            "idLookup": self.external_id or self.kind is Kind.ID,
            "nillable": not self.required,
            "createable": self.writable,
            "updateable": self.writable,
            "custom": self.name.endswith("__c"),
            "defaultedOnCreate": self.kind is Kind.BOOLEAN,
        }


@dataclass
class SObject:
    name: str
    prefix: str
    fields: dict[str, Field] = field(default_factory=dict)
    """By name in small letters."""
    exact: dict[str, Field] = field(default_factory=dict)
    external_ids: list[Field] = field(default_factory=list)
    required: list[Field] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.name.removeprefix("bizible2__").removesuffix("__c").replace("_", " ")

    def named(self, name: str) -> Field | None:
        """Field names are case-insensitive."""
        return self.fields.get(name.lower())

    def add(self, added: Field) -> None:
        """Add a field, or replace the one of that name."""
        self.fields[added.name.lower()] = added
        self.exact = {each.name: each for each in self.fields.values()}
        self.external_ids = [each for each in self.fields.values() if each.external_id]
        self.required = [each for each in self.fields.values() if each.required]


def read_only(known: Field) -> RecordError:
    words = f"Unable to create/update fields: {known.name}. Please check the security settings of this field."
    return RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", words, (known.name,))


def _json_kind(value: object) -> str:
    if isinstance(value, str):
        return "VALUE_STRING"
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    if isinstance(value, int | float):
        return "VALUE_NUMBER"
    return "START_ARRAY" if isinstance(value, list) else "START_OBJECT"


def stamp(moment: datetime) -> str:
    """A moment as Salesforce writes it: `2026-11-23T09:00:00.000+0000`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "+0000"


@lru_cache(4096)
def _read_datetime(text: str) -> str:
    if not _DATETIME.fullmatch(text):
        raise ValueError(text)
    return stamp(datetime.fromisoformat(text))


def _encodable(text: str) -> bool:
    """JSON escapes can spell half a surrogate pair, which is no text."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _read_double(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _read_boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


_READ: dict[Kind, Callable[[str], Value]] = {
    Kind.DATETIME: _read_datetime,
    Kind.DATE: lambda text: date.fromisoformat(text).isoformat(),
    Kind.DOUBLE: _read_double,
    Kind.BOOLEAN: _read_boolean,
}

_SYSTEM = (
    Field("Id", Kind.ID, 18, writable=False),
    Field("CreatedDate", Kind.DATETIME, writable=False),
    Field("LastModifiedDate", Kind.DATETIME, writable=False),
    Field("SystemModstamp", Kind.DATETIME, writable=False),
)
_STRINGS = """
    Touchpoint_Type Touchpoint_Source Touchpoint_Position Medium Marketing_Channel Marketing_Channel_Path
    Campaign_Name Ad_Id Ad_Content Ad_Group_Id Ad_Group_Name Ad_Campaign_Id Ad_Campaign_Name
    Keyword_Id Keyword_Text Keyword_MatchType Placement_Id Placement_Name Site_Id Site_Name Search_Phrase
    Browser Platform Geo_City Geo_Region Geo_Country Segment
"""
_PAGES = ("Landing_Page", "Form_URL", "Referrer_Page")


def _bizible(name: str, prefix: str, references: str, counts: str, *, case_sensitive: bool) -> SObject:
    made = SObject(name, prefix)
    key = Field(UNIQUE_ID, Kind.STRING, 255, external_id=True, case_sensitive=case_sensitive)
    text = [Field(f"bizible2__{each}__c", Kind.STRING, 255) for each in _STRINGS.split()]
    pages = [Field(f"bizible2__{each}__c", Kind.URL, 255) for each in (*_PAGES, "Ad_Destination_URL")]
    raw = [Field(f"bizible2__{each}_Raw__c", Kind.TEXTAREA, 32768) for each in _PAGES]
    ids = [Field(f"bizible2__{each}__c", Kind.REFERENCE, 18) for each in references.split()]
    numbers = [Field(f"bizible2__{each}__c", Kind.DOUBLE) for each in counts.split()]
    moments = [Field("bizible2__Touchpoint_Date__c", Kind.DATETIME)]
    email = [Field("bizible2__Email__c", Kind.EMAIL, 80)]
    name_field = Field("Name", Kind.STRING, 80, writable=False)
    for each in (*_SYSTEM, name_field, key, *moments, *email, *text, *pages, *raw, *ids, *numbers):
        made.add(each)
    return made


def _person(name: str, prefix: str, *more: Field) -> SObject:
    made = SObject(name, prefix)
    fields = (Field("FirstName", length=40), Field("LastName", length=80, required=True))
    for each in (*_SYSTEM, Field("Name", length=121, writable=False), *fields, Field("Email", Kind.EMAIL, 80), *more):
        made.add(each)
    return made


def _organization() -> SObject:
    """The org itself: one row, read-only. https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/"""
    made = SObject("Organization", "00D")
    for each in (*_SYSTEM, Field("Name", length=80, writable=False)):
        made.add(each)
    return made


def objects(*, case_sensitive: bool = True) -> dict[str, SObject]:
    """The objects of a fresh org with the Marketo Measure package installed."""
    counts = "Count_First_Touch Count_Lead_Creation_Touch Count_U_Shaped"
    revenue = "Attribution_First_Touch Attribution_U_Shaped Revenue_First_Touch Revenue_U_Shaped Revenue_W_Shaped"
    links = "Bizible_Person SF_Campaign Contact"
    made = (
        _bizible(TOUCHPOINT, "a0x", f"{links} Lead Case", counts, case_sensitive=case_sensitive),
        _bizible(
            ATTRIBUTION_TOUCHPOINT,
            "a0y",
            f"{links} Account Opportunity",
            f"{counts} {revenue}",
            case_sensitive=case_sensitive,
        ),
        _person("Contact", "003", Field("AccountId", Kind.REFERENCE, 18)),
        _person("Lead", "00Q", Field("Company", length=255, required=True)),
        _organization(),
    )
    return {each.name: each for each in made}
