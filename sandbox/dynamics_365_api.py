"""The sandbox Dataverse's Web API: who am I, descriptions of tables, queries, and upserts of one record or many.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/overview
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.dynamics_365_desk import JSON, Call, Desk
from sandbox.dynamics_365_filter import listed, read_address, read_filter, syntax_error
from sandbox.dynamics_365_metadata import attributes, definitions, keys
from sandbox.dynamics_365_org import Address
from sandbox.dynamics_365_schema import DataError, Row, Table, unreadable

_BULK = "Microsoft.Dynamics.CRM.UpsertMultiple"
_PAGE_SIZE = re.compile(r"odata\.maxpagesize=(\d+)")
_RECORD = re.compile(r"(?P<set>\w+)\((?P<inside>.*)\)", re.DOTALL)


class WebApi:
    """Routes of one environment, relative to its address."""

    def __init__(self, desk: Desk) -> None:
        self._pages: dict[str, tuple[str, list[Row]]] = {}
        self._numbers = itertools.count(1)
        at = "/api/data/{version}"
        self.routes = [
            Route(f"{at}/WhoAmI", desk.route(_who_am_i)),
            Route(f"{at}/WhoAmI()", desk.route(_who_am_i)),
            Route(f"{at}/EntityDefinitions", desk.route(definitions)),
            Route(f"{at}/EntityDefinitions({{which}})/Keys", desk.route(keys)),
            Route(f"{at}/EntityDefinitions({{which}})/Attributes", desk.route(attributes)),
            Route(f"{at}/EntityDefinitions({{which}})/Attributes/{{kind}}", desk.route(attributes)),
            Route(f"{at}/{{entity_set}}/{_BULK}", desk.route(_upsert_multiple), methods=["POST"]),
            Route(f"{at}/{{what:path}}", desk.route(self._records), methods=["GET", "PATCH", "POST"]),
        ]

    async def _records(self, call: Call) -> Response:
        """`accounts` and `accounts(...)`."""
        what = str(call.request.path_params["what"])
        found = _RECORD.fullmatch(what)
        match call.request.method, found:
            case "GET", None:
                return self._query(call, what)
            case "GET", found if found is not None:
                return _one(call, found["set"], found["inside"])
            case "PATCH", found if found is not None:
                return await _upsert(call, found["set"], found["inside"])
            case "POST", None:
                return await _create(call, what)
        raise DataError("0x80060888", "The requested resource does not support this http method.", 405)

    def _query(self, call: Call, entity_set: str) -> Response:
        query = call.request.query_params
        if "$skiptoken" in query:
            return self._page(call, entity_set, query["$skiptoken"])
        if entity_set == "organizations":
            return _answer(call, entity_set, {"value": [_organization(call)]})
        table = call.table(entity_set)
        rows = _selected(table, _matching(call, table, query.get("$filter", "")), query.get("$select", ""))
        if "$top" in query:
            rows = rows[: _whole(query["$top"])]
        token = f"pagingcookie-{next(self._numbers)}"
        self._pages[token] = (entity_set, rows)
        return self._page(call, entity_set, f"{token}-0")

    def _page(self, call: Call, entity_set: str, skip: str) -> Response:
        token, _, start = skip.rpartition("-")
        if self._pages.get(token, ("", []))[0] != entity_set or not start.isdecimal():
            raise syntax_error("Malformed XML in the Paging Cookie.")
        asked = _PAGE_SIZE.search(call.request.headers.get("prefer", ""))
        size = min(int(asked[1]), call.org.page) if asked else call.org.page
        rows, begin = self._pages[token][1], int(start)
        answer: dict[str, Any] = {"value": rows[begin : begin + size]}
        if begin + size < len(rows):
            answer["@odata.nextLink"] = f"{call.api}/{entity_set}?$skiptoken={token}-{begin + size}"
        else:
            self._pages.pop(token)
        return _answer(call, entity_set, answer)


async def _who_am_i(call: Call) -> Response:
    ids = {"BusinessUnitId": call.user.business_unit, "UserId": call.user.id, "OrganizationId": call.org.id}
    return _answer(call, "Microsoft.Dynamics.CRM.WhoAmIResponse", ids)


def _one(call: Call, entity_set: str, inside: str) -> Response:
    query = call.request.query_params
    if entity_set == "organizations" and inside == call.org.id:
        return _answer(call, f"{entity_set}/$entity", _organization(call))
    if entity_set == "systemusers" and inside == call.user.id:
        person = {"domainname": call.user.login, "fullname": call.user.name, "internalemailaddress": call.user.login}
        asked = query.get("$select", "").split(",")
        told = {name: value for name, value in person.items() if name in asked or asked == [""]}
        return _answer(call, f"{entity_set}/$entity", {**told, "systemuserid": call.user.id, "ownerid": call.user.id})
    table = call.table(entity_set)
    address = read_address(table, inside)
    row = call.org.find(table, address)
    if row is None and address.primary:
        raise DataError("0x80040217", f"{table.logical} With Id = {address.primary} Does Not Exist", 404)
    if row is None:
        raise DataError("0x80060891", "A record with the specified key values does not exist in entity", 404)
    return _answer(call, f"{entity_set}/$entity", _selected(table, [row], query.get("$select", ""))[0])


async def _upsert(call: Call, entity_set: str, inside: str) -> Response:
    table = call.table(entity_set)
    address = read_address(table, inside)
    exists = call.org.find(table, address) is not None
    if exists and call.request.headers.get("if-none-match") == "*":
        raise DataError("0x80040237", "A record with matching key values already exists.", 412)
    if not exists and call.request.headers.get("if-match") == "*":
        raise DataError("0x80040217", f"{table.logical} With these key values Does Not Exist", 404)
    done = call.org.upsert(table, [(address, table.read(await call.json_object()))])
    return _written(call, table, done[0][0])


async def _create(call: Call, entity_set: str) -> Response:
    table = call.table(entity_set)
    row = table.read(await call.json_object())
    done = call.org.upsert(table, [(Address(primary=str(row.get(table.primary) or "")), row)])
    return _written(call, table, done[0][0])


async def _upsert_multiple(call: Call) -> Response:
    """All or nothing, and no word about which record it was."""
    table = call.table(str(call.request.path_params["entity_set"]))
    given = await call.json_object()
    targets = given.get("Targets")
    if set(given) != {"Targets"}:
        name = min(set(given) - {"Targets"}, default="Targets")
        raise unreadable(
            "", f"The parameter '{name}' in the request payload is not a valid parameter for UpsertMultiple."
        )
    if not isinstance(targets, list) or not targets or not all(isinstance(each, dict) for each in targets):
        raise DataError("0x80040203", "Required field 'Targets' is missing or holds no entities.")
    call.org.upsert(table, _read_targets(call, table, targets))
    return Response(status_code=204)


def _read_targets(call: Call, table: Table, targets: Sequence[dict[str, Any]]) -> list[tuple[Address, Row]]:
    read = []
    seen: set[Address] = set()
    for each in targets:
        if str(each.get("@odata.type", "")).removeprefix("#") != f"Microsoft.Dynamics.CRM.{table.logical}":
            raise unreadable(
                "", "A type named in the payload could not be resolved: each entity in Targets needs its @odata.type."
            )
        address = _address(call, table, each)
        if address in seen:
            raise DataError("0x80060892", "The same record stands twice in Targets.", 412)
        seen.add(address)
        read.append((address, table.read(each)))
    return read


def _address(call: Call, table: Table, each: dict[str, Any]) -> Address:
    link = str(each.get("@odata.id", ""))
    if not link:
        return Address(primary=str(each.get(table.primary) or ""))
    found = _RECORD.fullmatch(link.removeprefix(call.api).removeprefix("/"))
    if not found or found["set"] != table.entity_set:
        raise syntax_error(f"Resource not found for the segment '{link[:80]}'.")
    return read_address(table, found["inside"])


def _written(call: Call, table: Table, primary: str) -> Response:
    return Response(status_code=204, headers={"odata-entityid": f"{call.api}/{table.entity_set}({primary})"})


def _matching(call: Call, table: Table, text: str) -> list[Row]:
    known = {table.primary, "createdon", "modifiedon", *table.columns}
    rows = call.org.rows[table.entity_set]
    if not text:
        return list(rows.values())
    quick = listed(text)
    if quick and table.key_on(quick[0]):
        found = [call.org.find(table, Address(column=quick[0], value=value)) for value in quick[1]]
        return list({str(row[table.primary]): row for row in found if row is not None}.values())
    test = read_filter(text, known, f"Microsoft.Dynamics.CRM.{table.logical}")
    return [row for row in rows.values() if test(row)]


def _selected(table: Table, rows: Sequence[Row], select: str) -> list[Row]:
    """The primary key comes along, asked for or not. Lookups are shown as `_name_value`."""
    shown = {f"_{name}_value" if column.leads else name: name for name, column in table.columns.items()}
    shown |= {"createdon": "createdon", "modifiedon": "modifiedon", table.primary: table.primary}
    asked = [name for name in select.split(",") if name] or list(shown)
    for name in asked:
        if name not in shown:
            entity = f"Microsoft.Dynamics.CRM.{table.logical}"
            raise syntax_error(f"Could not find a property named '{name}' on type '{entity}'.")
    names = dict.fromkeys((*asked, table.primary))
    return [{"@odata.etag": 'W/"1"', **{name: row.get(shown[name]) for name in names}} for row in rows]


def _organization(call: Call) -> Row:
    return {"@odata.etag": 'W/"1"', "name": call.org.name, "organizationid": call.org.id}


def _answer(call: Call, context: str, body: dict[str, Any]) -> Response:
    return JSONResponse({"@odata.context": f"{call.api}/$metadata#{context}", **body}, media_type=JSON)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise syntax_error(f"Invalid value '{text}' for $top query option found.")
    return int(text)
