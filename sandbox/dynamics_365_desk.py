"""The front desk of the sandbox Dataverse's Web API: who is calling, may they, and how errors are worded."""

import base64
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid5

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.dynamics_365_org import Org, User
from sandbox.dynamics_365_schema import DataError, Table
from sandbox.entra import Entra
from sandbox.oauth import Checked

LONGEST_URL = 32_768
VERSIONS = ("v9.0", "v9.1", "v9.2")
JSON = "application/json; odata.metadata=minimal"
LIMITS = {
    "0x80072321": "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time "
    "window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again "
    "later.",
    "0x80072322": "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
    "0x80072326": "Number of concurrent requests exceeded the limit of 52.",
}
Identify = Callable[[Checked, Org], User]


@dataclass(frozen=True)
class Call:
    """One admitted API call."""

    request: Request
    org: Org
    user: User

    @property
    def api(self) -> str:
        """The address of the API, as answers name it."""
        url, path = self.request.url, self.request.url.path
        return f"{url.scheme}://{url.netloc}{path[: path.index('/api/data/')]}/api/data/{self.version}"

    @property
    def version(self) -> str:
        return str(self.request.path_params["version"])

    def table(self, entity_set: str) -> Table:
        """The table, if it exists and the caller has rights on it."""
        found = self.org.tables.get(entity_set)
        if found is None:
            raise DataError("0x80060888", f"Resource not found for the segment '{entity_set}'.", 404)
        if self.user.login in self.org.shut_out:
            raise DataError("0x80040220", self._no_privilege(found), 403)
        return found

    def _no_privilege(self, table: Table) -> str:
        verb = "Read" if self.request.method == "GET" else "Create"
        who = f"Principal user (Id={self.user.id}, type=8, roleCount=1, privilegeCount=12, accessMode='0 Read-Write')"
        return f"{who} is missing prv{verb}{table.logical} privilege (Id={self.user.id}) on OTC=10112 for entity."

    async def json_object(self) -> dict[str, object]:
        kind = self.request.headers.get("content-type", "")
        if not kind.startswith("application/json"):
            words = f"A supported MIME type could not be found that matches the content type of the request: {kind!r}."
            raise DataError("0x80060888", words, 415)
        try:
            given = json.loads(await self.request.body())
        except (ValueError, RecursionError):
            raise DataError("0x80048d19", "An error occurred while reading the JSON of the request.") from None
        if not isinstance(given, dict):
            raise DataError("0x80048d19", "An unexpected node was found when reading; a 'StartObject' was expected.")
        return given


Verb = Callable[[Call], Awaitable[Response]]


class Desk:
    """Admits calls to one environment, in the order in which Dataverse looks: token, limits, user, version."""

    def __init__(self, org: Org, entra: Entra) -> None:
        self.org = org
        self._entra = entra
        self._numbers = itertools.count(1)

    def route(self, verb: Verb) -> Callable[[Request], Awaitable[Response]]:
        async def admitted(request: Request) -> Response:
            login = ""
            try:
                answer = _too_long(request) or self._challenge(request)
                if answer is None:
                    call = self._admit(request)
                    login = call.user.login
                    answer = await verb(call)
            except DataError as refused:
                answer = problem(refused)
                if refused.code in LIMITS and self.org.throttle is not None:
                    answer.headers["retry-after"] = self.org.throttle.retry_after
                    self._tire()
            return self._signed(request, login, answer)

        return admitted

    def _signed(self, request: Request, login: str, answer: Response) -> Response:
        answer.headers["odata-version"] = "4.0"
        answer.headers["x-ms-service-request-id"] = str(uuid5(UUID(self.org.id), f"call {next(self._numbers)}"))
        path = request.url.path.partition("/api/data/")[2].partition("/")[2]
        details = {"org": self.org.key, "login": login, "method": request.method, "path": path}
        self.org.ledger.record("api.call", **details, status=answer.status_code)
        return answer

    def _challenge(self, request: Request) -> Response | None:
        """The 401 for a token that is none, was not made for this environment, or lacks claims."""
        checked = self._entra.check_request(request)
        here = request.url.path[: request.url.path.index("/api/data/")]
        wanted = f"{request.url.scheme}://{request.url.netloc}{here}/user_impersonation"
        tenant = self._entra.tenants[0]
        told = f'authorization_uri="https://login.microsoftonline.com/{tenant.id}/oauth2/authorize"'
        if checked.reason == "missing":
            resource = wanted.rpartition("/")[0]
            return Response(b"", 401, {"www-authenticate": f"Bearer {told}, resource_id={resource}/"})
        if checked.ok and wanted in checked.scopes and not self._lacks_claims(checked):
            return None
        error = "invalid_token"
        if checked.reason == "revoked" or (checked.ok and self._lacks_claims(checked)):
            claims = {"access_token": {"nbf": {"essential": True, "value": str(int(self.org.now().timestamp()))}}}
            error = f'insufficient_claims", claims="{base64.b64encode(json.dumps(claims).encode()).decode()}'
        answer = problem(DataError("0x8005F101", "The requested resource requires authentication.", 401))
        answer.headers["www-authenticate"] = f'Bearer realm="", {told}, error="{error}"'
        return answer

    def _lacks_claims(self, checked: Checked) -> bool:
        before = self.org.challenged.get(checked.who.email, 0)
        return checked.grant is not None and self._entra.grants.all.index(checked.grant) < before

    def _admit(self, request: Request) -> Call:
        if self.org.throttle is not None:
            raise DataError(self.org.throttle.code, LIMITS[self.org.throttle.code], 429)
        person = self._entra.check_request(request).who
        if person.email in self.org.outsiders or self.org.id not in person.accounts:
            raise DataError("0x80072560", "The user is not a member of the organization.", 403)
        if person.email in self.org.disabled:
            words = f"The user with SystemUserId={person.sub} in OrganizationContext={self.org.id} is disabled."
            raise DataError("0x80040225", words, 403)
        if person.email in self.org.unlicensed:
            raise DataError("0x8004d24b", "The user has not been assigned any License.", 403)
        if request.path_params["version"] not in VERSIONS:
            raise DataError("0x80060888", "The version in the address is not supported.", 404)
        user = User(str(uuid5(UUID(self.org.id), person.email)), person.email, person.name)
        return Call(request, self.org, user)

    def _tire(self) -> None:
        throttle = self.org.throttle
        if throttle is not None and throttle.times is not None:
            throttle.times -= 1
            if throttle.times <= 0:
                self.org.throttle = None


def problem(refused: DataError) -> Response:
    body = {"error": {"code": refused.code, "message": refused.message}}
    return JSONResponse(body, refused.status, media_type=JSON)


def _too_long(request: Request) -> Response | None:
    """What the web server in front says to an address that is too long."""
    if len(str(request.url)) <= LONGEST_URL:
        return None
    return HTMLResponse("<h2>Bad Request - Request Too Long</h2><hr><p>HTTP Error 414.</p>", 414)
