"""The sandbox Salesforce: two orgs, three people, and everything that can be done to them.

Only instance URLs (`/org/{key}`, as token answers name them) take API calls; the root stands for login.salesforce.com.
"""

from collections.abc import Mapping
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.downtime import Downtime
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.salesforce_bulk import BulkApi
from sandbox.salesforce_desk import ApiError, Caller, Desk, not_found
from sandbox.salesforce_login import CLIENT_ID, CLIENT_SECRET, ROOT, Login
from sandbox.salesforce_mischief import Mischief
from sandbox.salesforce_org import Org, Writes, numbered_id
from sandbox.salesforce_rest import RestApi
from sandbox.salesforce_schema import TOUCHPOINT, UNIQUE_ID, Field, Kind, RecordError, Row
from sandbox.tokens import Person, Problem

ACME = "acme"
GLOBEX = "globex"
ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"

_DOWN = '[{"message":"The server is currently unavailable.","errorCode":"SERVER_UNAVAILABLE"}]'


class SalesforceSandbox(Downtime):
    """Ada and Ben work at Acme, Cleo at Globex. `records`, `writes` and `bulk` speak of Acme unless told otherwise."""

    key = "salesforce"
    name = "Salesforce"
    demo_login = ADA
    down_body = _DOWN

    def __init__(self, ledger: Ledger | None = None, *, rotation: bool = True, case_sensitive_ids: bool = True) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.faults = Faults(self.ledger)
        self.mischief = Mischief()
        self.orgs = {
            ACME: self._org(ACME, "Acme", 1, case_sensitive=case_sensitive_ids),
            GLOBEX: self._org(GLOBEX, "Globex", 2, case_sensitive=case_sensitive_ids),
        }
        self.oauth = Login(self.ledger, self.orgs, self._people(), rotation=rotation)
        desks = {key: Desk(org, self._identify, self.ledger) for key, org in self.orgs.items()}
        self.bulks = {key: BulkApi(desk, self.mischief) for key, desk in desks.items()}
        self.app: ASGIApp = self.faults.wrap(self._rooted(self._routes(desks)))
        self.levers = self._levers()

    # What happened

    @property
    def org(self) -> Org:
        return self.orgs[ACME]

    @property
    def page_size(self) -> int | None:
        """At most so many rows in one answer to a query, whatever was asked for."""
        return self.org.page

    @page_size.setter
    def page_size(self, size: int) -> None:
        for org in self.orgs.values():
            org.page = size

    @property
    def bulk(self) -> BulkApi:
        return self.bulks[ACME]

    @property
    def writes(self) -> Mapping[str, Writes]:
        """How often each external id was created and updated."""
        return self.org.writes

    def records(self, sobject: str = TOUCHPOINT, org: str = ACME) -> Mapping[str, Row]:
        """The rows of an object by external id."""
        return self.orgs[org].records(sobject)

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.salesforce]` needs; `base_url` is the world's own address."""
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "login_url": f"{base_url.rstrip('/')}/{self.key}",
            "object": TOUCHPOINT,
            "external_id": UNIQUE_ID,
        }

    # What people do

    def revoke(self, email: str = ADA) -> int:
        """The person (or an administrator) revokes the app: every token dead at once. How many consents died."""
        return self.oauth.revoke_user(email)

    def deactivate(self, email: str = ADA) -> None:
        """The user can no longer log in, and refreshing says `inactive_user`."""
        self.oauth.revoke_user(email, Problem.PERSON_LOCKED)
        if email in self.oauth.people:
            self._inactive[email] = self.oauth.people.pop(email)

    def reactivate(self, email: str = ADA) -> None:
        """The user's consents work again; the sessions are gone."""
        self.oauth.people[email] = self._inactive.pop(email)
        for grant in self.oauth.grants.all:
            if grant.person.email == email and grant.dead is Problem.PERSON_LOCKED:
                grant.dead = None
        self.expire_sessions(email)

    def expire_sessions(self, email: str | None = None) -> int:
        return self.oauth.expire_access_tokens(email)

    def withdraw_access(self, email: str = ADA) -> None:
        """The login lives on, but its rights on every object are gone."""
        for org in self.orgs.values():
            org.shut_out.add(email)

    def give_access_back(self, email: str = ADA) -> None:
        for org in self.orgs.values():
            org.shut_out.discard(email)

    def rotate_refresh_tokens(self, on: bool) -> None:
        self.oauth.rules = replace(self.oauth.rules, rotation=on)

    # What goes wrong with single records

    def refuse(self, external_id: str, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        """This record is refused from now on, as by a validation rule."""
        for org in self.orgs.values():
            org.refusals[external_id] = RecordError(code, message, fields)

    def accept(self, external_id: str) -> None:
        for org in self.orgs.values():
            org.refusals.pop(external_id, None)

    def lock(self, external_id: str, times: int = 1) -> None:
        """The next so many writes of this record end in UNABLE_TO_LOCK_ROW."""
        for org in self.orgs.values():
            org.locks[external_id] = times

    def add_field(
        self, sobject: str, name: str, kind: str = "string", length: int = 255, required: bool = False
    ) -> None:
        """`kind` as in a describe: string, textarea, url, email, datetime, date, double, boolean, reference."""
        for org in self.orgs.values():
            org.tables[sobject].sobject.add(Field(name, Kind(kind), length, required))

    # How it is put together

    def _org(self, key: str, name: str, number: int, *, case_sensitive: bool) -> Org:
        return Org(key, name, numbered_id("00D", number), self.ledger, case_sensitive=case_sensitive)

    def _people(self) -> list[Person]:
        self._inactive: dict[str, Person] = {}
        acme, globex = self.orgs[ACME].id, self.orgs[GLOBEX].id
        return [
            Person(numbered_id("005", 1), ADA, "Ada Marsh", [acme]),
            Person(numbered_id("005", 2), BEN, "Ben Okoro", [acme]),
            Person(numbered_id("005", 3), CLEO, "Cleo Vance", [globex]),
        ]

    def _identify(self, token: str) -> Caller | None:
        checked = self.oauth.check(token)
        if not checked.ok or not {"api", "full"} & set(checked.scopes):
            return None
        return Caller(self.oauth.org_of(checked.who), checked.who.sub, checked.who.email)

    def _routes(self, desks: dict[str, Desk]) -> list[BaseRoute]:
        login = self.oauth.routes()
        rests = {key: RestApi(desk, self.mischief) for key, desk in desks.items()}
        instances = [
            Mount(f"/org/{key}", routes=[*login, *rests[key].routes, *self.bulks[key].routes]) for key in desks
        ]
        return [*login, *instances, Route("/services/data/{rest:path}", _not_an_instance)]

    def _rooted(self, routes: list[BaseRoute]) -> ASGIApp:
        inner = Starlette(routes=routes, exception_handlers={404: _no_such_page, 405: _no_such_method})

        async def rooted(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, ROOT: scope.get("root_path", "")}, receive, send)

        return rooted

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "consent") + " of Ada Marsh revoked in Salesforce."

        async def deactivate() -> str:
            if ADA in self._inactive:
                self.reactivate()
                return "Ada Marsh is an active user of Salesforce again."
            self.deactivate()
            return "Ada Marsh was deactivated as a user of Salesforce."

        async def down() -> str:
            self.take_down()
            return "Salesforce is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "Salesforce is back up."

        async def use_up() -> str:
            if self.org.calls >= self.org.daily_limit:
                self.org.give_calls_back()
                return "A new day: all API calls are there again."
            self.org.use_up_calls()
            return f"Today's {self.org.daily_limit:,} API calls of Acme's Salesforce are used up."

        named = [
            ("revoke", "Revoke Ada's login", revoke),
            ("deactivate", "Deactivate Ada / activate her again", deactivate),
            ("down", "Take Salesforce down", down),
            ("up", "Bring Salesforce back up", up),
            ("limit", "Use up today's API calls / give them back", use_up),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]


async def _not_an_instance(_: Request) -> Response:
    """Sessions belong to an instance; at the login host they look expired."""
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid").answer()


async def _no_such_page(_request: Request, _problem: Exception) -> Response:
    return not_found().answer()


async def _no_such_method(request: Request, problem: Exception) -> Response:
    allowed = (problem.headers or {}).get("Allow", "") if isinstance(problem, HTTPException) else ""
    words = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
    return ApiError(405, "METHOD_NOT_ALLOWED", words).answer()
