"""The front desk of the sandbox Salesforce's APIs: who is calling, may they, and how errors are worded.

Error bodies are arrays: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.ledger import Ledger
from sandbox.salesforce_org import Org, Table
from sandbox.salesforce_schema import SObject

VERSIONS = range(31, 69)
"""Older ones were switched off: https://help.salesforce.com/s/articleView?id=000389618"""


@dataclass(frozen=True)
class Caller:
    """Whose session it is, in which org."""

    org: Org
    user_id: str
    login: str


Identify = Callable[[str], Caller | None]
"""The session behind a bearer token; None when it expired, was revoked or never was."""


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.entry: dict[str, object] = {"message": message, "errorCode": code}
        if fields is not None:
            self.entry["fields"] = list(fields)

    def answer(self) -> Response:
        return JSONResponse([self.entry], self.status)


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def bad_request(code: str, message: str) -> ApiError:
    return ApiError(400, code, message)


@dataclass(frozen=True)
class Call:
    """One admitted API call."""

    request: Request
    caller: Caller
    version: str

    @property
    def org(self) -> Org:
        return self.caller.org

    @property
    def path(self) -> str:
        """As Salesforce writes paths: from the instance's root."""
        return f"/services/data/v{self.version}"

    def table(self, name: str) -> Table:
        """The object, if it exists and the caller may use it."""
        found = self.org.table(name)
        if found is None:
            raise not_found()
        self.permit(found.sobject)
        return found

    def permit(self, sobject: SObject) -> None:
        if self.caller.login in self.org.shut_out:
            raise ApiError(403, "INSUFFICIENT_ACCESS", f"insufficient access rights on entity: {sobject.name}")

    async def json_object(self) -> dict[str, object]:
        body = await self.request.body()
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "Content is in an unsupported media type.")
        try:
            given = json.loads(body, parse_constant=_no_constant)
        except (ValueError, UnicodeDecodeError, RecursionError) as problem:
            raise bad_request("JSON_PARSER_ERROR", f"Unexpected input at [line:1, column:1]: {problem}") from problem
        if not isinstance(given, dict):
            raise bad_request("JSON_PARSER_ERROR", "Cannot deserialize instance of object at [line:1, column:1]")
        return given


Verb = Callable[[Call], Awaitable[Response]]


class Desk:
    """Admits calls: session, API switched on, calls left today, version."""

    def __init__(self, org: Org, identify: Identify, ledger: Ledger) -> None:
        self.org = org
        self._identify = identify
        self._ledger = ledger

    def route(self, verb: Verb) -> Callable[[Request], Awaitable[Response]]:
        async def admitted(request: Request) -> Response:
            try:
                caller = self._admit(request)
            except ApiError as refused:
                self._ledger.record("api.refused", org=self.org.key, path=request.url.path, **refused.entry)
                return refused.answer()
            call = Call(request, caller, _version(request))
            answer = await _answer(verb, call)
            answer.headers["Sforce-Limit-Info"] = f"api-usage={self.org.calls}/{self.org.daily_limit}"
            path = request.url.path.partition("/services/data")[2]
            self._ledger.record(
                "api.call",
                org=self.org.key,
                login=caller.login,
                method=request.method,
                path=path,
                status=answer.status_code,
            )
            return answer

        return admitted

    def _admit(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme and scheme not in {"Bearer", "OAuth"}:
            raise ApiError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        caller = self._identify(token.strip())
        # A token of another org looks just like one that expired.
        if caller is None or caller.org is not self.org:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if not self.org.api_enabled:
            raise ApiError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        if not self.org.count_call():
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return caller


def _version(request: Request) -> str:
    return str(request.path_params.get("version", ""))


async def _answer(verb: Verb, call: Call) -> Response:
    try:
        _check_version(call.version)
        return await verb(call)
    except ApiError as refused:
        return refused.answer()


def _no_constant(name: str) -> object:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(name)


def _check_version(version: str) -> None:
    number, _, minor = version.partition(".")
    if not number.isdecimal() or minor != "0" or int(number) > VERSIONS[-1]:
        raise not_found()
    if int(number) < VERSIONS[0]:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", f"API version {version} was retired")
