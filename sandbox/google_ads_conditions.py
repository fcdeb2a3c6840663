"""The WHERE of a query: which comparisons are allowed, and what they say about a row."""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.google_ads_errors import query_error
from sandbox.google_ads_fields import DAY, FIELDS, METRICS, Field, Row, Type
from sandbox.google_ads_query import Condition, Query

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
ORDERED = {Type.INT64, Type.DATE, Type.DATE_TIME}
INT64 = Field(Type.INT64, lambda _: 0)
DATE = Field(Type.DATE, lambda _: "")


def bounds(query: Query, name: str) -> tuple[str | None, str | None]:
    """The range that the conditions on a date field leave; None where it is open."""
    low: str | None = None
    high: str | None = None
    for condition in query.where:
        if condition.field != name:
            continue
        first, last = condition.values[0], condition.values[-1]
        if condition.operator in {"=", "BETWEEN", ">=", ">"}:
            start = _shift(first, 1) if condition.operator == ">" and name == DAY else first
            low = max(low or start, start)
        if condition.operator in {"=", "BETWEEN", "<=", "<"}:
            end = _shift(last, -1) if condition.operator == "<" and name == DAY else last
            high = min(high or end, end)
    return low, high


def _shift(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _field(name: str) -> Field:
    if name in METRICS:
        return INT64
    return DATE if name == DAY else FIELDS[name]


def check_condition(condition: Condition) -> None:
    field = _field(condition.field)
    ranged = condition.operator in {">", ">=", "<", "<=", "BETWEEN"}
    if field.type is Type.LIST or (ranged and field.type not in ORDERED):
        raise query_error(
            "OPERATOR_FIELD_MISMATCH",
            f"The operator {condition.operator} cannot be used with the field '{condition.field}'.",
        )
    if condition.field == DAY and condition.operator in {"!=", "NOT IN", "IN"}:
        raise query_error("BAD_OPERATOR", f"The operator {condition.operator} cannot be used with 'segments.date'.")
    for value in condition.values:
        _check_value(field, condition.field, value)


FORMS: Mapping[Type, re.Pattern[str]] = {
    Type.INT64: re.compile(r"-?\d+"),
    Type.DATE: re.compile(r"\d{4}-\d{2}-\d{2}"),
    Type.DATE_TIME: re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,6})?)?"),
    Type.BOOLEAN: re.compile(r"(?i)true|false"),
}
COMPLAINTS = {Type.INT64: "BAD_NUMBER", Type.DATE: "INVALID_DATE_FORMAT", Type.DATE_TIME: "INVALID_DATE_FORMAT"}


def _check_value(field: Field, name: str, value: str) -> None:
    if field.type is Type.ENUM and value not in field.values:
        raise query_error("BAD_ENUM_CONSTANT", f"Invalid enum value cannot be included in WHERE clause: '{value}'.")
    form = FORMS.get(field.type)
    good = form is None or form.fullmatch(value) is not None
    if good and field.type in {Type.DATE, Type.DATE_TIME}:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            good = False
    if not good:
        raise query_error(COMPLAINTS.get(field.type, "BAD_VALUE"), f"Bad value for the field '{name}': '{value}'.")


def test(field: Field, condition: Condition) -> Callable[[Row], bool]:
    return lambda row: test_value(field.get(row), condition, field)


def test_value(value: Any, condition: Condition, field: Field) -> bool:
    if value is None:
        return condition.operator in {"!=", "NOT IN"}
    wanted = [_typed(field, text) for text in condition.values]
    match condition.operator:
        case "IN":
            return value in wanted
        case "NOT IN":
            return value not in wanted
        case "BETWEEN":
            return bool(wanted[0] <= value <= wanted[1])
        case _:
            return COMPARE[condition.operator](value, wanted[0])


def _typed(field: Field, text: str) -> Any:
    if field.type is Type.INT64:
        return int(text)
    return text.lower() == "true" if field.type is Type.BOOLEAN else text
