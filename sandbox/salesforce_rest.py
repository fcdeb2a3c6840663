"""The sandbox Salesforce's REST API: versions, limits, queries, descriptions, and upserts of up to 200 records.

Collections: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
"""

import itertools
import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce_desk import VERSIONS, ApiError, Call, Desk, bad_request, not_found
from sandbox.salesforce_mischief import Mischief
from sandbox.salesforce_org import CHUNK, Outcome, Table
from sandbox.salesforce_schema import Field, RecordError, Row, SObject, Unreadable, read_only
from sandbox.salesforce_soql import BadQuery, Query, read_query, run

LONGEST_URL = 16_384
PAGE = 2_000


class RestApi:
    """Routes of one org, relative to its instance URL."""

    def __init__(self, desk: Desk, mischief: Mischief) -> None:
        self._mischief = mischief
        self._pages: dict[str, tuple[Query, list[Row]]] = {}
        self._numbers = itertools.count(1)
        at = "/services/data/v{version}"
        self.routes = [
            Route("/services/data", _versions),
            Route("/services/data/", _versions),
            Route(f"{at}/limits", desk.route(_limits)),
            Route(f"{at}/query", desk.route(self._query)),
            Route(f"{at}/query/{{locator}}", desk.route(self._more)),
            Route(f"{at}/sobjects", desk.route(_list_objects)),
            Route(f"{at}/sobjects/{{name}}/describe", desk.route(_describe)),
            Route(f"{at}/sobjects/{{name}}/{{field}}/{{value:path}}", desk.route(self._one), methods=["GET", "PATCH"]),
            Route(f"{at}/composite/sobjects/{{name}}/{{field}}", desk.route(self._many), methods=["PATCH"]),
        ]

    async def _query(self, call: Call) -> Response:
        if len(str(call.request.url)) > LONGEST_URL:
            raise ApiError(414, "URI_TOO_LONG", "The requested URI exceeds the maximum length.")
        try:
            query = read_query(call.request.query_params.get("q", ""), call.org)
        except BadQuery as refused:
            raise bad_request(refused.code, refused.message) from refused
        call.permit(query.table.sobject)
        rows = run(query)
        if not query.fields:
            return JSONResponse({"totalSize": len(rows), "done": True, "records": []})
        locator = f"0r8{next(self._numbers):012d}AAA"
        self._pages[locator] = (query, rows)
        return self._page(call, locator, 0)

    async def _more(self, call: Call) -> Response:
        locator, _, start = str(call.request.path_params["locator"]).rpartition("-")
        if locator not in self._pages or not start.isdecimal():
            raise bad_request("INVALID_QUERY_LOCATOR", "invalid query locator")
        call.permit(self._pages[locator][0].table.sobject)
        return self._page(call, locator, int(start))

    def _page(self, call: Call, locator: str, start: int) -> Response:
        query, rows = self._pages[locator]
        end = start + min(_page_size(call.request), call.org.page or PAGE)
        answer: dict[str, object] = {"totalSize": len(rows), "done": end >= len(rows)}
        if end < len(rows):
            answer["nextRecordsUrl"] = f"{call.path}/query/{locator}-{end}"
        answer["records"] = [_shown(call, query.table.sobject, query.fields, row) for row in rows[start:end]]
        return JSONResponse(answer)

    async def _one(self, call: Call) -> Response:
        params = call.request.path_params
        table = call.table(params["name"])
        key = _external_id(table, params["field"])
        if call.request.method == "GET":
            return _get(call, table, key, params["value"])
        given = await call.json_object()
        if key.name.lower() in {name.lower() for name in given}:
            words = f"The {key.name} field should not be specified in the sobject data."
            raise bad_request("INVALID_FIELD", words)
        row = _read_row(table.sobject, given, await call.request.body())
        if not isinstance(row, RecordError):
            row[key.name] = params["value"]
        outcome = call.org.write(table, key, [row])[0]
        if outcome.error:
            raise ApiError(400, outcome.error.code, outcome.error.message, outcome.error.fields)
        return JSONResponse(_result(outcome), 201 if outcome.created else 200)

    async def _many(self, call: Call) -> Response:
        params = call.request.path_params
        table = call.table(params["name"])
        key = _external_id(table, params["field"])
        given = await call.json_object()
        records = _records(given, table.sobject)
        body = await call.request.body()
        rows = [_read_row(table.sobject, record, body) for record in records]
        all_or_none = given.get("allOrNone", False)
        if not isinstance(all_or_none, bool):
            raise bad_request("JSON_PARSER_ERROR", "Cannot deserialize instance of boolean for allOrNone")
        outcomes = call.org.write(table, key, rows, all_or_none=all_or_none)
        return JSONResponse([_result(each) for each in self._mischief.spoil(outcomes)])


async def _versions(_: Request) -> Response:
    """Open to everybody."""
    shown = [{"label": f"v{each}", "url": f"/services/data/v{each}.0", "version": f"{each}.0"} for each in VERSIONS]
    return JSONResponse(shown)


async def _limits(call: Call) -> Response:
    org = call.org
    daily = {"Max": org.daily_limit, "Remaining": org.daily_limit - org.calls}
    bulk = {"Max": 15_000, "Remaining": 15_000}
    return JSONResponse({"DailyApiRequests": daily, "DailyBulkApiBatches": bulk, "DailyBulkV2QueryJobs": bulk})


async def _list_objects(call: Call) -> Response:
    shown = [
        {
            "name": table.sobject.name,
            "label": table.sobject.label,
            "keyPrefix": table.sobject.prefix,
            "custom": table.sobject.name.endswith("__c"),
            "createable": True,
            "queryable": True,
            "updateable": True,
            "urls": {"describe": f"{call.path}/sobjects/{table.sobject.name}/describe"},
        }
        for table in call.org.tables.values()
        if call.caller.login not in call.org.shut_out
    ]
    return JSONResponse({"encoding": "UTF-8", "maxBatchSize": CHUNK, "sobjects": shown})


async def _describe(call: Call) -> Response:
    sobject = call.table(call.request.path_params["name"]).sobject
    fields = [each.describe() for each in sobject.fields.values()]
    shown = {"name": sobject.name, "label": sobject.label, "keyPrefix": sobject.prefix, "fields": fields}
    return JSONResponse({**shown, "createable": True, "queryable": True, "updateable": True})


def _get(call: Call, table: Table, key: Field, value: str) -> Response:
    row = table.find(key, value)
    if row is None:
        raise not_found()
    return JSONResponse(_shown(call, table.sobject, list(table.sobject.fields.values()), row))


def _shown(call: Call, sobject: SObject, fields: list[Field], row: Row) -> dict[str, object]:
    url = f"{call.path}/sobjects/{sobject.name}/{quote(str(row['Id']))}"
    return {"attributes": {"type": sobject.name, "url": url}, **{each.name: row.get(each.name) for each in fields}}


def _result(outcome: Outcome) -> dict[str, object]:
    if outcome.error:
        return {"success": False, "errors": [outcome.error.as_result()]}
    return {"id": outcome.id, "success": True, "errors": [], "created": outcome.created}


def _external_id(table: Table, name: str) -> Field:
    known = table.sobject.named(name)
    if known is None or not known.external_id:
        words = f"Provided external ID field does not exist or is not accessible: {name}"
        raise ApiError(404, "NOT_FOUND", words)
    return known


def _records(given: Mapping[str, object], sobject: SObject) -> list[dict[str, object]]:
    records = given.get("records")
    if set(given) - {"records", "allOrNone"}:
        unknown = min(set(given) - {"records", "allOrNone"})
        raise bad_request("JSON_PARSER_ERROR", f'Unrecognized field "{unknown}" at [line:1, column:2]')
    if not isinstance(records, list) or not records or not all(isinstance(each, dict) for each in records):
        raise bad_request("INVALID_INPUT", "The request must contain a list of records")
    if len(records) > CHUNK:
        words = f"record limit reached. cannot submit more than {CHUNK} records into this call"
        raise bad_request("EXCEEDED_ID_LIMIT", words)
    for each in records:
        attributes = each.get("attributes")
        named = attributes.get("type") if isinstance(attributes, dict) else None
        if not isinstance(named, str):
            raise bad_request("INVALID_TYPE", "Each record must have its sObject type in attributes.type")
        if named.lower() != sobject.name.lower():
            words = f"All records must be of the type given in the URI: expected {sobject.name}, found {named}"
            raise bad_request("INVALID_TYPE", words)
    return records


def _read_row(sobject: SObject, record: Mapping[str, object], body: bytes) -> Row | RecordError:
    """Read one JSON record. A name or a type that does not fit fails the whole call, as in the real one's parser."""
    row: Row = {}
    for name, value in record.items():
        if name == "attributes":
            continue
        known = sobject.named(name)
        if known is None:
            raise bad_request("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        if not known.writable:
            return read_only(known)
        try:
            row[known.name] = known.read_json(value)
        except Unreadable as problem:
            column = max(body.find(json.dumps(value).encode()), 0) + 1
            words = f"{problem} or request may be missing a required field at [line:1, column:{column}]"
            raise bad_request("JSON_PARSER_ERROR", words) from problem
    return row


def _page_size(request: Request) -> int:
    """`Sforce-Query-Options: batchSize=200`, between 200 and 2,000."""
    asked = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    return min(max(int(asked[1]), 200), PAGE) if asked else PAGE
