"""What the sandbox Dataverse knows about its tables: columns, alternate keys, and the words it refuses a value with."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

TOUCHPOINTS = "bizible2_bizible_touchpoints"
ATTRIBUTION_TOUCHPOINTS = "bizible2_bizible_attribution_touchpoints"
UNIQUE_ID = "bizible2_uniqueid"
BIND = "@odata.bind"

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)")
_HELP = (
    "For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293"
)

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Value]


class DataError(Exception):
    """Dataverse's refusal of one record, which in a call for many is its refusal of all."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def unreadable(entity_set: str, inner: str) -> DataError:
    """What is wrong with the JSON of a record comes wrapped in an OData exception."""
    words = f"Error identified in Payload provided by the user for Entity :'{entity_set}', {_HELP}"
    return DataError("0x80048d19", f"{words}  ---->  InnerException : Microsoft.OData.ODataException: {inner}")


class Kind(StrEnum):
    STRING = "String"
    MEMO = "Memo"
    INTEGER = "Integer"
    DECIMAL = "Decimal"
    BOOLEAN = "Boolean"
    MOMENT = "DateTime"
    LOOKUP = "Lookup"
    UNIQUE = "Uniqueidentifier"


_EDM = {Kind.INTEGER: "Edm.Int32", Kind.DECIMAL: "Edm.Decimal", Kind.MOMENT: "Edm.DateTimeOffset"}


class KeyStatus(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    ACTIVE = "Active"
    FAILED = "Failed"


@dataclass(frozen=True)
class Column:
    """`bind`: the navigation property of a lookup, `leads`: the entity set it points into."""

    name: str
    kind: Kind = Kind.STRING
    length: int = 100
    least: int = -2_147_483_648
    most: int = 2_147_483_647
    bind: str = ""
    leads: str = ""

    def read(self, table: "Table", value: object) -> Value:
        """The value as it is kept. Raises DataError."""
        if value is None:
            return None
        match self.kind:
            case Kind.STRING | Kind.MEMO:
                return self._text(table, value)
            case Kind.INTEGER | Kind.DECIMAL:
                return self._number(table, value)
            case Kind.BOOLEAN if isinstance(value, bool):
                return value
            case Kind.MOMENT if isinstance(value, str) and _MOMENT.fullmatch(value):
                return stamp(datetime.fromisoformat(value))
        raise unreadable(table.entity_set, self._not_converted(value))

    def _text(self, table: "Table", value: object) -> str:
        if not isinstance(value, str):
            raise unreadable(table.entity_set, "Cannot convert a primitive value to the expected type 'Edm.String'.")
        if len(value) > self.length:
            raise DataError(
                "0x80044331",
                f"A validation error occurred. The length of the '{self.name}' attribute of the '{table.logical}' "
                f"entity exceeded the maximum allowed length of '{self.length}'.",
            )
        return value

    def _number(self, table: "Table", value: object) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise unreadable(table.entity_set, self._not_converted(value))
        if self.kind is Kind.INTEGER and not isinstance(value, int):
            raise unreadable(table.entity_set, self._not_converted(value))
        if not self.least <= value <= self.most:
            raise DataError(
                "0x8004432f" if self.kind is Kind.INTEGER else "0x80044330",
                f"A validation error occurred.  The value of '{self.name}' on record of type '{table.logical}' is "
                "outside the valid range.",
            )
        return value

    def _not_converted(self, value: object) -> str:
        return f"Cannot convert the literal '{value}' to the expected type '{_EDM.get(self.kind, 'Edm.Boolean')}'."


@dataclass
class AlternateKey:
    name: str
    columns: list[str]
    status: KeyStatus = KeyStatus.ACTIVE


@dataclass
class Table:
    """One table. `keys` are its alternate keys, of one text column each here."""

    logical: str
    entity_set: str
    primary_name: str
    columns: dict[str, Column] = field(default_factory=dict)
    keys: list[AlternateKey] = field(default_factory=list)

    @property
    def primary(self) -> str:
        return f"{self.logical}id"

    def add(self, column: Column) -> None:
        self.columns[column.name] = column

    def key_on(self, column: str) -> AlternateKey | None:
        return next((key for key in self.keys if key.columns == [column]), None)

    def read(self, given: dict[str, object]) -> Row:
        """The columns of a JSON record, lookups by their own column. Raises DataError."""
        row: Row = {}
        for name, value in given.items():
            if name.startswith("@odata."):
                continue
            if name.endswith(BIND):
                column = self._bound(name.removesuffix(BIND))
                row[column.name] = _target(self, column, value)
            elif name == self.primary:
                row[name] = _guid(self, value)
            elif name in self.columns and self.columns[name].kind is not Kind.LOOKUP:
                row[name] = self.columns[name].read(self, value)
            else:
                inner = f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{self.logical}'."
                raise unreadable(self.entity_set, inner)
        return row

    def _bound(self, navigation: str) -> Column:
        for column in self.columns.values():
            if column.bind == navigation:
                return column
        inner = (
            f"An undeclared property '{navigation}' which only has property annotations in the payload but no property "
            "value was found in the payload. In OData, only declared navigation properties and declared named streams "
            "can be represented as properties without values."
        )
        raise unreadable(self.entity_set, inner)


def _target(table: Table, column: Column, value: object) -> Value:
    if value is None:
        return None
    found = re.fullmatch(rf"/?{column.leads}\(([0-9a-fA-F-]{{36}})\)", value) if isinstance(value, str) else None
    if not found:
        raise unreadable(table.entity_set, f"Resource not found for the segment '{value!s:.80}'.")
    return found[1].lower()


def _guid(table: Table, value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise unreadable(table.entity_set, f"Cannot convert the literal '{value}' to 'Edm.Guid'.") from None


def stamp(moment: datetime) -> str:
    """A moment as Dataverse writes it: whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_STRINGS = """
    touchpoint_type touchpoint_source touchpoint_position medium marketing_channel marketing_channel_path
    ad_id ad_content ad_group_id ad_group_name ad_campaign_id ad_campaign_name keyword_id keyword_text keyword_matchtype
    placement_id placement_name site_id site_name search_phrase browser platform geo_city geo_region geo_country segment
""".split()  # noqa: SIM905 - a list of these would be a page long


def _touchpoint(logical: str, entity_set: str, counts: Iterable[str]) -> Table:
    made = Table(logical, entity_set, "bizible2_name")
    for column in (
        Column("bizible2_name"),
        Column(UNIQUE_ID, length=255),
        Column("bizible2_touchpoint_date", Kind.MOMENT),
        *(Column(f"bizible2_{each}", length=255) for each in _STRINGS),
        *(Column(f"bizible2_{each}_raw", Kind.MEMO, 32_768) for each in ("landing_page", "form_url", "referrer_page")),
        *(Column(f"bizible2_{each}", Kind.DECIMAL, least=0, most=1_000_000_000) for each in counts),
        Column("bizible2_visits", Kind.INTEGER, least=0, most=1_000),
        Column("bizible2_converted", Kind.BOOLEAN),
        Column("bizible2_contactid", Kind.LOOKUP, bind="bizible2_ContactId", leads="contacts"),
    ):
        made.add(column)
    made.keys.append(AlternateKey("bizible2_uniqueidkey", [UNIQUE_ID]))
    return made


def tables() -> dict[str, Table]:
    """The tables of a fresh environment with the Marketo Measure solution installed, by entity set name."""
    contact = Table("contact", "contacts", "fullname")
    for name in ("firstname", "lastname", "fullname", "emailaddress1"):
        contact.add(Column(name))
    made = (
        _touchpoint("bizible2_bizible_touchpoint", TOUCHPOINTS, ("count_first_touch", "count_u_shaped")),
        _touchpoint(
            "bizible2_bizible_attribution_touchpoint",
            ATTRIBUTION_TOUCHPOINTS,
            ("revenue_first_touch", "count_u_shaped"),
        ),
        contact,
    )
    return {table.entity_set: table for table in made}
