"""What a Web API request asks for, whether it came as a form, as JSON or in the query string."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sandbox.slack.model import Json
from sandbox.slack.refusal import SlackRefusal

TRUE = {"true", "1", "True", "TRUE"}


@dataclass(frozen=True)
class Arguments:
    """The arguments of one call; everything may be a string, since forms know nothing else."""

    given: Json
    token: str | None

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def needed(self, name: str) -> str:
        if not self.text(name):
            raise SlackRefusal("invalid_arguments", [f"missing required field: {name}"])
        return self.text(name)

    def flag(self, name: str) -> bool:
        value = self.given.get(name)
        return value is True or value == 1 or str(value) in TRUE

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackRefusal("invalid_arguments", [f"must be an integer [json-pointer:/{name}]"]) from None

    def structure(self, name: str, refusal: str) -> Any:
        """The parsed value of an argument that is JSON, or a string of JSON; None when it was not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefusal(refusal) from None


async def read_arguments(request: Request) -> Arguments:
    """Slack takes the token from the Authorization header or a form field: https://docs.slack.dev/apis/web-api/"""
    given: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST":
        if kind == "application/json":
            given |= await _json_body(request)
        elif kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            given |= {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        elif await request.body():
            raise SlackRefusal("invalid_post_type")
    in_body = given.pop("token", None)
    header = request.headers.get("authorization", "")
    bearer = header[7:].strip() if header.lower().startswith("bearer ") else None
    return Arguments(given, bearer or (in_body if isinstance(in_body, str) else None))


async def _json_body(request: Request) -> Json:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise SlackRefusal("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackRefusal("json_not_object")
    return body
