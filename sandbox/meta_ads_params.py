"""Reading a Graph request: parameters wherever they stand, field lists with nested fields, and answering in pages."""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from sandbox.meta_ads_errors import bad_parameter, too_much

MOST_PER_PAGE = 500
DEFAULT_PER_PAGE = 25
Fields = dict[str, "Fields"]


@dataclass
class Params:
    """What a request asks for: query, form and JSON body are one to Graph."""

    method: str
    query: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def parsed(self, name: str, default: Any = None) -> Any:
        """A parameter that is JSON. Raises GraphError."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return default if value is None else value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_parameter(f"param {name} must be valid JSON") from None

    def fields(self, known: set[str], node: str, default: Sequence[str]) -> Fields:
        """Raises GraphError for fields that the node does not have."""
        asked = self.values.get("fields", "")
        if isinstance(asked, str) and asked.startswith("["):
            asked = self.parsed("fields")
        found = read_fields(",".join(asked) if isinstance(asked, list) else str(asked)) or {
            name: {} for name in default
        }
        check_fields(found, known, node)
        return found


async def read_params(request: Request) -> Params:
    query = dict(request.query_params)
    values: dict[str, Any] = dict(query)
    if request.method != "GET":
        if request.headers.get("content-type", "").startswith("application/json"):
            try:
                body = json.loads(await request.body() or b"{}")
            except ValueError:
                raise bad_parameter("The request body is not valid JSON") from None
            values |= body if isinstance(body, dict) else {}
        else:
            values |= {name: str(value) for name, value in (await request.form()).items()}
    method = str(values.pop("method", "") or request.method).upper() if request.method == "POST" else request.method
    return Params(method, query, values)


def read_fields(text: str) -> Fields:
    """`id,creative{id,name}` as nested dictionaries."""
    found, _ = _fields(iter(text + "}"))
    return found


def _fields(letters: Iterator[str]) -> tuple[Fields, bool]:
    found: Fields = {}
    name = ""
    for letter in letters:
        if letter == "{":
            found[name.strip()], _ = _fields(letters)
            name = ""
        elif letter in ",}":
            if name.strip():
                found[name.strip()] = {}
            name = ""
            if letter == "}":
                return found, True
        else:
            name += letter
    raise bad_parameter("Syntax error: a closing brace is missing in fields")


def check_fields(fields: Fields, known: set[str], node: str) -> None:
    for name in fields:
        if name not in known:
            raise bad_parameter(f"Tried accessing nonexisting field ({name}) on node type ({node})")


def chosen(whole: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """The fields that were asked for and have a value, the id always."""
    told = {}
    for name, inner in fields.items():
        value = whole.get(name)
        if value in (None, "", [], {}):
            continue
        told[name] = chosen(value, inner) if inner and isinstance(value, dict) else value
    return told | ({"id": whole["id"]} if "id" in whole else {})


def paged(rows: Sequence[dict[str, Any]], params: Params, address: str, most: int, token: str) -> dict[str, Any]:
    """One page. `after` is there on the last page too; only `next` says that more follows.

    `next` holds the token, however it was sent: https://developers.facebook.com/docs/graph-api/results
    """
    limit = _limit(params)
    start, size = _read_cursor(params.text("after")), min(limit, most)
    part = list(rows[start : start + size])
    answer: dict[str, Any] = {"data": part}
    if part:
        cursors = {"before": _cursor(start), "after": _cursor(start + len(part))}
        answer["paging"] = {"cursors": cursors}
        if start + size < len(rows):
            again = {name: params.text(name) for name in params.values} | {"access_token": token}
            again |= {"limit": str(limit), "after": cursors["after"]}
            answer["paging"]["next"] = f"{address}?{urlencode(again)}"
    if params.values.get("summary") in ("true", "True", True):
        answer["summary"] = {"total_count": len(rows)}
    return answer


def _limit(params: Params) -> int:
    text = params.text("limit", str(DEFAULT_PER_PAGE))
    if not text.isdigit() or int(text) < 1:
        raise bad_parameter("Param limit must be a positive number")
    if int(text) > MOST_PER_PAGE:
        raise too_much()
    return int(text)


def _cursor(at: int) -> str:
    return base64.urlsafe_b64encode(f"at:{at}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    if not text:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        kind, number = "", ""
    if kind != "at" or not number.isdigit():
        raise bad_parameter("Invalid cursors values")
    return int(number)
