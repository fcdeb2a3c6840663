"""The sandbox Dataverse's descriptions of its tables: names, columns, alternate keys and whether they are active.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
"""

import re
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from starlette.responses import JSONResponse, Response

from sandbox.dynamics_365_desk import JSON, Call
from sandbox.dynamics_365_filter import read_filter, syntax_error
from sandbox.dynamics_365_schema import DataError, Kind, Table

Json = dict[str, Any]

_EXPAND = re.compile(r"Keys(?:\(\$select=([\w,]+)\))?")
_PICKLISTS = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"


async def definitions(call: Call) -> Response:
    query = call.request.query_params
    found = [_definition(table) for table in call.org.tables.values()]
    if text := query.get("$filter", ""):
        test = read_filter(text, set(found[0]), "Microsoft.Dynamics.CRM.EntityMetadata")
        found = [each for each in found if test(each)]
    told = [_cut(each, query.get("$select", "")) for each in found]
    if expand := query.get("$expand", ""):
        inner = _EXPAND.fullmatch(expand)
        if not inner:
            raise syntax_error(f"Could not find a property named '{expand[:80]}' on type 'EntityMetadata'.")
        by_name = {table.logical: table for table in call.org.tables.values()}
        for each, whole in zip(told, found, strict=True):
            each["Keys"] = [_cut(key, inner[1] or "") for key in _keys(by_name[str(whole["LogicalName"])])]
    return _listed(call, "EntityDefinitions", told)


async def keys(call: Call) -> Response:
    return _listed(call, "Keys", _keys(_which(call)))


async def attributes(call: Call) -> Response:
    table = _which(call)
    kind = call.request.path_params.get("kind")
    if kind == _PICKLISTS:
        return _listed(call, "Attributes", [])  # no table here has one
    if kind is not None:
        raise syntax_error(f"Resource not found for the segment '{kind}'.", 404)
    told = [{"LogicalName": table.primary, "AttributeType": Kind.UNIQUE.value}]
    told += [{"LogicalName": name, "AttributeType": "DateTime"} for name in ("createdon", "modifiedon")]
    told += [{"LogicalName": each.name, "AttributeType": each.kind.value} for each in table.columns.values()]
    for each in told:
        each["MetadataId"] = str(uuid5(NAMESPACE_DNS, f"{table.logical}.{each['LogicalName']}"))
    return _listed(call, "Attributes", [_cut(each, call.request.query_params.get("$select", "")) for each in told])


def _which(call: Call) -> Table:
    asked = str(call.request.path_params["which"])
    for table in call.org.tables.values():
        if asked in {f"LogicalName='{table.logical}'", _id_of(table)}:
            return table
    raise DataError("0x80060888", f"Could not find an entity with name {asked} in metadata.", 404)


def _definition(table: Table) -> Json:
    return {
        "LogicalName": table.logical,
        "SchemaName": table.logical,
        "EntitySetName": table.entity_set,
        "PrimaryIdAttribute": table.primary,
        "PrimaryNameAttribute": table.primary_name,
        "MetadataId": _id_of(table),
    }


def _keys(table: Table) -> list[Json]:
    return [
        {
            "SchemaName": key.name,
            "LogicalName": key.name.lower(),
            "EntityLogicalName": table.logical,
            "KeyAttributes": key.columns,
            "EntityKeyIndexStatus": key.status.value,
            "MetadataId": str(uuid5(NAMESPACE_DNS, f"{table.logical}.{key.name}")),
        }
        for key in table.keys
    ]


def _id_of(table: Table) -> str:
    return str(uuid5(NAMESPACE_DNS, table.logical))


def _cut(whole: Json, select: str) -> Json:
    """Only what was asked for, and the id, which always comes along."""
    names = [name for name in select.split(",") if name]
    for name in names:
        if name not in whole:
            raise syntax_error(f"Could not find a property named '{name}' in the metadata.")
    return {name: value for name, value in whole.items() if name in names or not names or name == "MetadataId"}


def _listed(call: Call, context: str, found: list[Json]) -> Response:
    body = {"@odata.context": f"{call.api}/$metadata#{context}", "value": found}
    return JSONResponse(body, media_type=JSON)
