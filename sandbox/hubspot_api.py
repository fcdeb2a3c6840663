"""The sandbox HubSpot's API, as far as Redkey uses it: records in batches, properties, the account, its people.

Paths: https://developers.hubspot.com/docs/api-reference/latest/crm/objects/custom-objects/batch/upsert-custom-objects
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot_desk import Call, Desk
from sandbox.hubspot_errors import not_found, not_json, not_unique, unset, wrong
from sandbox.hubspot_login import Login
from sandbox.hubspot_portal import Failed, Input, Row, Saved
from sandbox.hubspot_schema import ObjectType, stamp

MOST = 100
"""Records per batch."""


class HubspotApi:
    """Routes of all portals: the token says which one is meant."""

    def __init__(self, login: Login) -> None:
        self._login = login
        desk = Desk(login)
        reads = (("/crm/objects/{version}/{type}", _list), ("/crm/v3/objects/{type}", _list))
        self.routes = [
            *(Route(path, desk.route(verb), methods=["GET"]) for path, verb in reads),
            *_twice("batch/upsert", desk, _upsert),
            *_twice("batch/read", desk, _read),
            Route("/crm/properties/{version}/{type}", desk.route(_properties), methods=["GET"]),
            Route("/crm/properties/{version}/{type}/{name}", desk.route(_property), methods=["GET"]),
            Route("/account-info/{version}/details", desk.route(_details), methods=["GET"]),
            Route("/crm/owners/{version}/{id}", desk.route(self._owner), methods=["GET"]),
        ]

    async def _owner(self, call: Call) -> Response:
        call.permit(["crm.objects.owners.read"])
        by_user = call.request.query_params.get("idProperty", "id") == "userId"
        asked = call.request.path_params["id"]
        for person in self._login.people.values():
            known = person.sub if by_user else str(int(person.sub) + 500_000)
            if asked == known and str(call.portal.hub_id) in person.accounts:
                return JSONResponse(_shown_owner(person.sub, person.email, person.name))
        raise not_found()


def _twice(what: str, desk: Desk, verb: object) -> list[Route]:
    """Under its dated path, and under the one that clients from before 2026 use."""
    paths = (f"/crm/objects/{{version}}/{{type}}/{what}", f"/crm/v3/objects/{{type}}/{what}")
    return [Route(path, desk.route(verb), methods=["POST"]) for path in paths]  # type: ignore[arg-type]


def _shown_owner(user: str, email: str, name: str) -> dict[str, object]:
    given, _, family = name.partition(" ")
    return {
        "id": str(int(user) + 500_000),
        "email": email,
        "type": "PERSON",
        "firstName": given,
        "lastName": family,
        "userId": int(user),
        "userIdIncludingInactive": int(user),
        "createdAt": "2024-01-08T08:00:00.000Z",
        "updatedAt": "2024-01-08T08:00:00.000Z",
        "archived": False,
    }


async def _details(call: Call) -> Response:
    portal = call.portal
    offset = portal.ledger.now().astimezone(ZoneInfo(portal.zone)).utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset else 0
    sign = "-" if minutes < 0 else "+"
    return JSONResponse(
        {
            "portalId": portal.hub_id,
            "accountType": "STANDARD",
            "timeZone": portal.zone,
            "companyCurrency": portal.currency,
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": portal.ui_domain,
            "dataHostingLocation": "eu1" if "eu1" in portal.ui_domain else "na1",
        }
    )


async def _properties(call: Call) -> Response:
    kind = call.object_type("read", or_schema=True)
    return JSONResponse({"results": [each.shown() for each in kind.properties.values()]})


async def _property(call: Call) -> Response:
    kind = call.object_type("read", or_schema=True)
    name = call.request.path_params["name"]
    if name not in kind.properties:
        more = {
            "subCategory": "PROPERTY_DOESNT_EXIST",
            "context": {"propertyName": [name], "objectType": [kind.type_id]},
        }
        raise not_found(f"Property {name} does not exist", **more)
    return JSONResponse(kind.properties[name].shown())


async def _list(call: Call) -> Response:
    kind = call.object_type("read")
    limit = call.request.query_params.get("limit", "10")
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
        raise wrong("limit must be between 1 and 100")
    rows = [row for row in call.portal.rows[kind.type_id] if not row.archived]
    return JSONResponse({"results": [_shown(row, ["hs_object_id"]) for row in rows[: int(limit)]]})


async def _upsert(call: Call) -> Response:
    kind = call.object_type("write")
    began = call.portal.ledger.now()
    key, inputs = _inputs(call, kind, await call.json_object())
    call.portal.admit_write()
    outcomes = call.portal.shuffled(call.portal.upsert(kind, key, inputs))
    mischief = call.portal.mischief
    results = [_saved(each) for each in outcomes if isinstance(each, Saved)]
    if mischief.lose:
        results, mischief.lose = results[: -mischief.lose], 0
    errors = [_failed(each, nameless=mischief.nameless > 0) for each in outcomes if isinstance(each, Failed)]
    mischief.nameless = max(0, mischief.nameless - 1)
    return _batch(call, began, results, errors)


async def _read(call: Call) -> Response:
    kind = call.object_type("read")
    began = call.portal.ledger.now()
    given = await call.json_object()
    if missing := [name for name in ("inputs", "properties", "propertiesWithHistory") if name not in given]:
        raise unset(*missing)
    key = given.get("idProperty")
    ids = _ids(_list_of_objects(given))
    if key is not None:
        _check_unique(call, kind, str(key))
    rows = {each: _row(call, kind, key, each) for each in ids}
    wanted = [str(each) for each in _texts(given["properties"])]
    found = {row.id: row for row in rows.values() if row is not None}
    results = [_shown(row, wanted) for row in call.portal.shuffled(found.values())]
    gone = [each for each, row in rows.items() if row is None]
    words = f"Could not get some {kind.label} objects, they may be deleted or not exist. Check that ids are valid."
    errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": words, "context": {"ids": gone}}]
    return _batch(call, began, results, errors if gone else [])


def _batch(call: Call, began: datetime, results: Sequence[object], errors: Sequence[object]) -> Response:
    body: dict[str, object] = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    body |= {"startedAt": stamp(began), "completedAt": stamp(call.portal.ledger.now())}
    return JSONResponse(body, 207 if errors else 200)


def _row(call: Call, kind: ObjectType, key: object, value: str) -> Row | None:
    if key is not None:
        return call.portal.find(kind, str(key), value)
    return next((row for row in call.portal.rows[kind.type_id] if row.id == value and not row.archived), None)


def _inputs(call: Call, kind: ObjectType, given: dict[str, object]) -> tuple[str, list[Input]]:
    """Read an upsert. Raise ApiError for what fails the whole call."""
    if "inputs" not in given:
        raise unset("inputs")
    records = _list_of_objects(given)
    _ids(records)
    keys = {str(each.get("idProperty") or "hs_object_id") for each in records}
    if len(keys) > 1:
        raise wrong("All inputs must have the same idProperty")
    key = keys.pop() if keys else "hs_object_id"
    _check_unique(call, kind, key)
    inputs = [_input(each) for each in records]
    traces = [each.trace for each in inputs if each.trace]
    if len(set(traces)) < len(traces):
        raise wrong("objectWriteTraceIds must be unique in a batch")
    return key, inputs


def _input(record: dict[str, object]) -> Input:
    properties = record.get("properties")
    if properties is None:
        raise unset("properties")
    if not isinstance(properties, dict):
        raise not_json("Cannot deserialize value of type `java.util.LinkedHashMap` from Array value")
    trace = record.get("objectWriteTraceId")
    return Input(str(record["id"]), {name: _text(value) for name, value in properties.items()}, _or_none(trace))


def _or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _text(value: object) -> str:
    """Values are texts; the parser lets numbers and booleans through, as texts."""
    if isinstance(value, dict | list):
        raise not_json("Cannot deserialize value of type `java.lang.String` from Object value")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _list_of_objects(given: dict[str, object]) -> list[dict[str, object]]:
    records = given.get("inputs")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise not_json("Cannot deserialize value of type `java.util.ArrayList` from Object value")
    if len(records) > MOST:
        raise wrong(f"The maximum number of inputs supported in a batch request is {MOST}")
    return records


def _texts(value: object) -> list[object]:
    if not isinstance(value, list):
        raise not_json("Cannot deserialize value of type `java.util.ArrayList` from Object value")
    return value


def _ids(records: Sequence[dict[str, object]]) -> list[str]:
    if any(each.get("id") in {None, ""} for each in records):
        raise unset("id")
    ids = [str(each["id"]) for each in records]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise wrong(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique", context={"ids": twice}
        )
    return ids


def _check_unique(call: Call, kind: ObjectType, key: str) -> None:
    known = kind.properties.get(key)
    if known is None or not known.unique:
        raise not_unique(kind.type_id, key, call.portal.hub_id)


def _saved(saved: Saved) -> dict[str, object]:
    shown = _shown(saved.row, [*saved.row.properties]) | {"new": saved.new}
    return shown | ({"objectWriteTraceId": saved.trace} if saved.trace else {})


def _failed(failed: Failed, *, nameless: bool) -> dict[str, object]:
    """The specification demands `errors` and `links` too, but HubSpot leaves them out."""
    context = {} if nameless else {"objectWriteTraceId": [failed.input.trace]}
    return {"status": "error", "category": failed.category, "message": failed.message, "context": context}


def _shown(row: Row, wanted: Sequence[str]) -> dict[str, object]:
    names = [*dict.fromkeys([*wanted, "hs_object_id", "hs_createdate", "hs_lastmodifieddate"])]
    return {
        "id": row.id,
        "properties": {name: row.properties.get(name) for name in names},
        "createdAt": stamp(row.created_at),
        "updatedAt": stamp(row.updated_at),
        "archived": row.archived,
    }


async def no_such_page(_request: Request, _problem: Exception) -> Response:
    return not_found().answer()
