"""The shape of an answer: rows as the REST API of Google Ads writes them, camelCase and with int64 as text."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.ad_costs import Figures
from sandbox.google_ads_fields import DAY, FIELDS, METRICS, RESOURCE_NAMES, Field, Row, Type
from sandbox.google_ads_query import Query


@dataclass(frozen=True)
class Hit:
    """One row with its figures; `day` is an ordinal, or None where the query does not split by day."""

    row: Row
    figures: Figures
    day: int | None


class Shape:
    """Turns hits into JSON rows; the paths are worked out once, not once a row."""

    def __init__(self, query: Query) -> None:
        self._day = DAY in query.select
        self._metrics = [(camel(name.split(".")[1]), METRICS[name]) for name in query.select if name in METRICS]
        self._parts: list[tuple[list[str], Callable[[Any], Any]]] = []
        named = {name.rpartition(".")[0] for name in query.select if name in FIELDS} | {query.resource}
        if "ad_group_ad.ad" in named:
            named.add("ad_group_ad")
        for prefix in sorted(named):
            self._parts.append(([*map(camel, prefix.split(".")), "resourceName"], RESOURCE_NAMES[prefix]))
        for name in query.select:
            if name in FIELDS:
                self._parts.append(([camel(part) for part in name.split(".")], _shown(FIELDS[name])))
        self._last: tuple[Row, dict[str, Any]] | None = None

    def of(self, hit: Hit) -> dict[str, Any]:
        if self._last is None or self._last[0] is not hit.row:
            self._last = (hit.row, self._still(hit.row))
        shaped = dict(self._last[1])
        if self._metrics:
            shaped["metrics"] = {name: str(hit.figures[place]) for name, place in self._metrics}
        if self._day and hit.day is not None:
            shaped["segments"] = {"date": date.fromordinal(hit.day).isoformat()}
        return shaped

    def _still(self, row: Row) -> dict[str, Any]:
        """What does not change from day to day."""
        shaped: dict[str, Any] = {}
        for path, get in self._parts:
            value = get(row)
            if value is None or value == []:
                continue
            inner = shaped
            for part in path[:-1]:
                inner = inner.setdefault(part, {})
            inner[path[-1]] = value
        return shaped


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def field_mask(query: Query) -> str:
    return ",".join(".".join(map(camel, name.split("."))) for name in query.select)


def _shown(field: Field) -> Callable[[Any], Any]:
    if field.type is not Type.INT64:
        return field.get
    return lambda row: str(field.get(row))
