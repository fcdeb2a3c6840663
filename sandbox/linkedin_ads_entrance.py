"""Who may call the practice world's LinkedIn: version, token, quota, permissions, roles in ad accounts."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from sandbox.linkedin_ads_data import Account, Book
from sandbox.linkedin_ads_errors import ApiError, bad_param, bad_token, bad_version, denied, throttled, too_long
from sandbox.linkedin_ads_login import Login
from sandbox.linkedin_ads_restli import BadSyntax, is_plain, read_query
from sandbox.tokens import Person

LONGEST_QUERY = 4096
LONGEST_ADDRESS = 8192
EDITORS = {"ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER"}
# As of November 2026, whatever the clock says: each lives for a year, and 202511 was switched off on the 16th.
LIVE = ("202512", *(f"2026{month:02}" for month in range(1, 12)))
FORM = "application/x-www-form-urlencoded"


@dataclass
class Quota:
    """The next `times` calls (None: all) are over the limit."""

    times: int | None = 1
    day: bool = True


@dataclass(frozen=True)
class Call:
    """One admitted call. `path` is what follows /rest, in its segments, still encoded."""

    person: Person
    scopes: Sequence[str]
    method: str
    path: tuple[str, ...]
    query: dict[str, Any]
    body: Any
    version: str

    def only(self, *names: str) -> None:
        """Raises ApiError for a parameter the call does not have."""
        for name in self.query:
            if name not in names or not is_plain(name):
                raise bad_param(name, known=False)

    def texts(self, name: str) -> list[str]:
        """A list of texts; none where the parameter is missing."""
        found = self.query.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise bad_param(name)
        return found

    def number(self, name: str, default: int, most: int) -> int:
        found = self.query.get(name, str(default))
        if not isinstance(found, str) or not re.fullmatch(r"\d{1,10}", found) or int(found) > most:
            raise bad_param(name)
        return int(found)


@dataclass
class Entrance:
    """`roles` by login and ad account; `sunset`: versions switched off ahead of time."""

    book: Book
    oauth: Login
    roles: dict[str, dict[str, str]]
    withdrawn: set[tuple[str, str]] = field(default_factory=set)
    sunset: set[str] = field(default_factory=set)
    quota: Quota | None = None

    async def admit(self, request: Request) -> Call:
        """Raises ApiError, in the order in which LinkedIn's gateway looks."""
        version = request.headers.get("linkedin-version", "")
        if not self.is_live(version):
            raise bad_version(version)
        checked = self.oauth.check_request(request)
        if not checked.ok:
            raise bad_token(checked.reason or "unknown")
        self._spend()
        method, query = await self._asked(request)
        if request.headers.get("x-restli-protocol-version") != "2.0.0" and ("(" in query or "%28" in query):
            raise ApiError(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request", number=0)
        tunnelled = method != request.method
        raw = request.scope["raw_path"].decode("ascii").partition("?")[0].partition("/rest/")[2]
        body = None if tunnelled or method in {"GET", "DELETE"} else await _json(request)
        path = tuple(raw.split("/"))
        return Call(checked.who, checked.scopes, method, path, _parsed(query), body, version)

    def is_live(self, version: str) -> bool:
        return version in LIVE and version not in self.sunset

    def _spend(self) -> None:
        quota = self.quota
        if quota is None:
            return
        if quota.times is not None:
            quota.times -= 1
            if quota.times <= 0:
                self.quota = None
        raise throttled(day=quota.day)

    async def _asked(self, request: Request) -> tuple[str, str]:
        """Method and query; a long GET comes as a POST with the query in its body."""
        query = request.scope["query_string"].decode("ascii", "replace")
        if len(query) > LONGEST_QUERY or len(request.scope["raw_path"]) + len(query) > LONGEST_ADDRESS:
            raise too_long()
        override = request.headers.get("x-http-method-override", "").upper()
        if request.method != "POST" or not override:
            return request.method, query
        if override != "GET" or not request.headers.get("content-type", "").startswith(FORM):
            raise ApiError(400, "ILLEGAL_ARGUMENT", "Invalid query tunneling")
        return override, (await request.body()).decode("ascii", "replace")

    def role(self, person: Person, account: str) -> str | None:
        if (person.email, account) in self.withdrawn:
            return None
        return self.roles.get(person.email, {}).get(account)

    def reach(self, call: Call, account: str, resource: str, *scopes: str, edit: bool = False) -> Account:
        """The account, if the permission and the role are there. Raises ApiError."""
        self.permit(call, resource, *scopes)
        role = self.role(call.person, account)
        if role is None or account not in self.book.accounts or (edit and role not in EDITORS):
            raise denied(f"{resource}.{call.version}01")
        return self.book.accounts[account]

    def permit(self, call: Call, resource: str, *scopes: str) -> None:
        if not any(scope in call.scopes for scope in scopes):
            raise denied(f"{resource}.{call.version}01")


def _parsed(query: str) -> dict[str, Any]:
    try:
        return read_query(query)
    except BadSyntax as bad:
        name = str(bad)
        raise bad_param(name, known=is_plain(name)) from None


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        raise ApiError(400, "", "Could not parse the request body as JSON") from None
