"""The API as OpenAPI 3.1, at /api/v1/openapi.json: what every call takes and gives. schemathesis tries to disprove it."""

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
MAYBE_TEXT: Json = {"type": ["string", "null"]}
FLAG: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
COUNT: Json = {"type": "integer", "minimum": 0}
MAYBE_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT},
}
CONNECTION: Json = {
    "type": "object",
    "required": ["id", "platform", "kind", "account", "name", "login", "status", "enabled", "authorized", "outage"],
    "properties": {
        **dict.fromkeys(("id", "platform", "account", "name", "login", "channel"), TEXT),
        "kind": {"enum": ["ads", "crm"]},
        "status": {"description": "In English, whatever the language of the pages.", **TEXT},
        **dict.fromkeys(("enabled", "authorized", "autotagging"), FLAG),
        **dict.fromkeys(("checked_at", "last_data_at", "expires_at"), MAYBE_TIME),
        "outage": {"type": ["string", "null"]},
    },
}
OUTAGE: Json = {
    "type": "object",
    "required": ["id", "platform", "connections", "cause", "cure", "opened_at", "closed_at", "timeline"],
    "properties": {
        **dict.fromkeys(("id", "platform", "cause", "cure"), TEXT),
        "connections": {"type": "array", "items": TEXT},
        "opened_at": {"type": "string", "format": "date-time"},
        **dict.fromkeys(("alerted_at", "reauthorized_at", "caught_up_at", "closed_at"), MAYBE_TIME),
        **dict.fromkeys(("claimed_by", "reauthorized_by"), MAYBE_TEXT),
        **dict.fromkeys(("recovered", "lost"), OBJECT),
        "timeline": {"type": "array", "items": {"type": "object", "required": ["at", "what", "who"]}},
    },
}
FRESHNESS: Json = {
    "type": "object",
    "required": ["connection", "fresh", "status", "last_data_at", "why"],
    "properties": {
        **dict.fromkeys(("connection", "status", "why"), TEXT),
        "fresh": {"type": "boolean"},
        "last_data_at": MAYBE_TIME,
    },
}
TAKEN: Json = {
    "type": "object",
    "required": ["accepted", "duplicates"],
    "properties": dict.fromkeys(("accepted", "duplicates", "waiting_for_crm"), COUNT),
}
TOUCHPOINT: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "occurred_at"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "occurred_at": {"type": "string", "format": "date-time"},
        "email": MAYBE_TEXT,
        "kind": {"enum": ["touchpoint", "attribution_touchpoint", None]},
        "crm": MAYBE_TEXT,
        "fields": {"type": ["object", "null"]},
    },
}
LIMIT: Json = {
    "name": "limit",
    "in": "query",
    "description": "How many at most; 500 unless said.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 1000},
}
CURSOR: Json = {
    "name": "cursor",
    "in": "query",
    "description": "Where the last page ended: take it from its Link header, rel=next.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"},
}
LINK: Json = {"Link": {"description": "rel=next: the next page, where there is one (RFC 8288).", "schema": TEXT}}


def document(version: str = "1") -> Json:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Redkey", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "./"}],
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "paths": {
            "/api/v1/connections": {"get": _list("connections", _array(CONNECTION), "Every connection.")},
            "/api/v1/outages": {"get": _list("outages", _array(OUTAGE), "Outages, newest first.")},
            "/api/v1/freshness/{connection}": {"get": _freshness()},
            "/api/v1/costs": {"get": _costs()},
            "/api/v1/touchpoints": {"post": _touchpoints()},
        },
    }


def _array(item: Json) -> Json:
    return {"type": "array", "items": item}


def _problems(*statuses: int) -> Json:
    told = {"application/problem+json": {"schema": PROBLEM}}
    return {str(status): {"description": f"Problem {status} (RFC 9457).", "content": told} for status in statuses}


def _list(scope: str, schema: Json, about: str) -> Json:
    given = {"description": about, "headers": LINK, "content": {"application/json": {"schema": schema}}}
    return {
        "operationId": scope,
        "summary": about,
        "description": f"Scope: {scope}, or read.",
        "parameters": [LIMIT, CURSOR],
        "responses": {"200": given, **_problems(401, 403, 422)},
    }


def _freshness() -> Json:
    here = {"name": "connection", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    body = {"content": {"application/json": {"schema": FRESHNESS}}}
    return {
        "operationId": "freshness",
        "summary": "Whether a connection's data is complete up to now: a gate for other jobs.",
        "description": "Scope: freshness, or read.",
        "parameters": [here],
        "responses": {
            "200": {"description": "Fresh.", **body},
            "409": {"description": "Stale: `why` says so in words.", **body},
            **_problems(401, 403, 404),
        },
    }


def _costs() -> Json:
    day = {"type": "string", "format": "date"}
    written = {"text/csv": {"schema": TEXT}, "application/x-ndjson": {"schema": TEXT}}
    return {
        "operationId": "costs",
        "summary": "Cost per ad and day.",
        "description": "Scope: costs, or read.",
        "parameters": [
            {"name": "from", "in": "query", "schema": day},
            {"name": "to", "in": "query", "schema": day},
            {"name": "format", "in": "query", "schema": {"enum": ["csv", "ndjson"]}},
        ],
        "responses": {"200": {"description": "The rows.", "content": written}, **_problems(401, 403, 422)},
    }


def _touchpoints() -> Json:
    taken = {"description": "Taken, durably.", "content": {"application/json": {"schema": TAKEN}}}
    body = {"application/json": {"schema": _array(TOUCHPOINT)}, "application/x-ndjson": {"schema": TEXT}}
    return {
        "operationId": "touchpoints",
        "summary": "Give touchpoints to be pushed to the CRMs. All or nothing; an id that was given before counts once.",
        "description": "Scope: touchpoints.",
        "requestBody": {"required": True, "content": body},
        "responses": {"202": taken, **_problems(400, 401, 403, 413, 415, 422)},
    }
