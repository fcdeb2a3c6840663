"""The desk at the door of the sandbox HubSpot's API: whose token, which portal, which scopes, how many calls are left."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from sandbox.hubspot_errors import ApiError, expired, invalid_token, missing_scopes, no_credentials, not_found, not_json
from sandbox.hubspot_login import Login
from sandbox.hubspot_portal import Portal
from sandbox.hubspot_schema import ObjectType, stamp
from sandbox.tokens import Checked, Person

VERSIONS = frozenset({"v3", "2025-09", "2026-03", "2026-09"})


@dataclass(frozen=True)
class Call:
    """An admitted call."""

    request: Request
    portal: Portal
    person: Person
    scopes: frozenset[str]

    def object_type(self, right: str, *, or_schema: bool = False) -> ObjectType:
        """The type in the address. Raise ApiError for one that is not there, or that may not be read or written."""
        kind = self.portal.object_type(self.request.path_params["type"])
        needed = [f"crm.objects.{kind.family}.{right}"]
        if or_schema:
            needed.append(f"crm.schemas.{kind.family}.{right}")
        self.permit(needed)
        return kind

    def permit(self, needed: Sequence[str]) -> None:
        """One of these scopes is enough."""
        if not self.scopes.intersection(needed):
            raise missing_scopes(needed)

    async def json_object(self) -> dict[str, object]:
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            raise ApiError(415, "", "Unsupported Media Type")
        try:
            given = json.loads(await self.request.body(), parse_constant=_no_constant)
        except (ValueError, UnicodeDecodeError, RecursionError) as problem:
            raise not_json("Unexpected character") from problem
        if not isinstance(given, dict):
            raise not_json("Cannot deserialize value of type `BatchInput$Json` from Array value")
        return given


Verb = Callable[[Call], Awaitable[Response]]


class Desk:
    """Admits calls to the portal that their token belongs to."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def route(self, verb: Verb) -> Callable[[Request], Awaitable[Response]]:
        async def admitted(request: Request) -> Response:
            try:
                call = self._identify(request)
            except ApiError as refused:
                entry = {"path": request.url.path, "status": refused.status, "category": refused.category}
                self._login.ledger.record("api.refused", **entry)
                return refused.answer()
            answer = await _answer(verb, call)
            answer.headers.update(call.portal.limits.headers())
            path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
            self._login.ledger.record(
                "api.call",
                portal=call.portal.hub_id,
                login=call.person.email,
                method=request.method,
                path=path,
                status=answer.status_code,
            )
            return answer

        return admitted

    def _identify(self, request: Request) -> Call:
        checked = self._login.check_request(request)
        if not checked.ok:
            raise self._refusal(request, checked)
        portal = self._login.portal_of(checked.who)
        if portal.deleted:
            raise invalid_token()
        return Call(request, portal, checked.who, frozenset(checked.scopes))

    def _refusal(self, request: Request, checked: Checked) -> ApiError:
        if checked.reason == "missing":
            return no_credentials()
        if checked.reason != "expired":
            return invalid_token()
        text = request.headers["authorization"].partition(" ")[2].strip()
        at = self._login.grants.access[text].expires_at
        return expired(int((self._login.now() - at).total_seconds()), stamp(at))


async def _answer(verb: Verb, call: Call) -> Response:
    try:
        call.portal.admit()
        if call.request.path_params.get("version", "v3") not in VERSIONS:
            raise not_found()
        return await verb(call)
    except ApiError as refused:
        return refused.answer()


def _no_constant(name: str) -> object:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(name)
