"""The sandbox Dynamics 365: two environments, three people, and everything that can be done to them.

`/org/{key}` stands for an environment's address, `/login/{tenant}` for login.microsoftonline.com.
"""

from collections.abc import Mapping
from uuid import NAMESPACE_DNS, uuid5

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from sandbox.downtime import Downtime
from sandbox.dynamics_365_api import WebApi
from sandbox.dynamics_365_desk import Desk
from sandbox.dynamics_365_org import Org, Throttle, Writes
from sandbox.dynamics_365_schema import (
    TOUCHPOINTS,
    UNIQUE_ID,
    Column,
    DataError,
    KeyStatus,
    Kind,
    Row,
)
from sandbox.entra import Entra, Tenant
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.tokens import Client, Person

ADVENTURE = "adventure"
FABRIKAM = "fabrikam"
ADA = "ada.marsh@adventure.example"
BEN = "ben.okoro@adventure.example"
CLEO = "cleo.vance@fabrikam.example"
CLIENT_ID = "0f1e2d3c-4b5a-4687-9786-a5b4c3d2e1f0"
CLIENT_SECRET = "Zk8Q~sandbox.redkey.client.secret-value"

_DOWN = '{"error":{"code":"0x8005F103","message":"The service is temporarily unavailable."}}'


class Dynamics365Sandbox(Downtime):
    """Ada and Ben work at Adventure Works, Cleo at Fabrikam. `records` and `writes` speak of Adventure Works unless told
    otherwise.
    """

    key = "dynamics_365"
    name = "Dynamics 365"
    demo_login = ADA
    down_body = _DOWN

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.faults = Faults(self.ledger)
        self.orgs = {
            ADVENTURE: Org(ADVENTURE, "Adventure Works Zürich · 冒険工房", self.ledger),
            FABRIKAM: Org(FABRIKAM, "Фабрикам", self.ledger),
        }
        self.oauth = Entra(
            self.ledger,
            client=Client(CLIENT_ID, CLIENT_SECRET),
            tenants=[Tenant("adventure.example", "Adventure Works"), Tenant("fabrikam.example", "Fabrikam")],
            people=self._people(),
            offers=self._offers,
            at="/login",
        )
        apis = [Mount(f"/org/{key}", routes=WebApi(Desk(org, self.oauth)).routes) for key, org in self.orgs.items()]
        inner = Starlette(
            routes=[*self.oauth.routes(), *apis], exception_handlers={404: _no_such_page, 405: _no_such_method}
        )
        self.app: ASGIApp = self.faults.wrap(inner)
        self.levers = self._levers()

    # What happened

    @property
    def org(self) -> Org:
        return self.orgs[ADVENTURE]

    @property
    def writes(self) -> Mapping[str, Writes]:
        """How often each external id was created and updated."""
        return self.org.writes

    @property
    def page_size(self) -> int:
        """At most so many rows in one answer to a query, whatever was asked for."""
        return self.org.page

    @page_size.setter
    def page_size(self, size: int) -> None:
        for org in self.orgs.values():
            org.page = size

    def records(self, entity_set: str = TOUCHPOINTS, org: str = ADVENTURE) -> Mapping[str, Row]:
        """The rows of a table by external id."""
        return self.orgs[org].records(entity_set)

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.dynamics_365]` needs; `base_url` is the world's own address."""
        at = f"{base_url.rstrip('/')}/{self.key}"
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": f"{at}/login/organizations/oauth2/v2.0/authorize",
            "token_url": f"{at}/login/organizations/oauth2/v2.0/token",
            "org_url": f"{at}/org/{ADVENTURE}",
            "object": TOUCHPOINTS,
            "external_id": UNIQUE_ID,
            "fields": {
                "bizible2__Medium__c": "bizible2_medium",
                "bizible2__Touchpoint_Source__c": "bizible2_touchpoint_source",
            },
        }

    # What people do

    def revoke(self, email: str = ADA) -> int:
        """An administrator revokes the person's sessions; Dataverse hears of it at once (CAE). How many consents died."""
        return self.oauth.revoke_user(email)

    def challenge(self, email: str = ADA) -> None:
        """Dataverse wants claims that only a new sign-in brings; refreshing goes on and does not help."""
        for org in self.orgs.values():
            org.challenged[email] = len(self.oauth.grants.all)

    def withdraw_access(self, email: str = ADA) -> None:
        """The login lives on, but its rights on every table are gone."""
        for org in self.orgs.values():
            org.shut_out.add(email)

    def give_access_back(self, email: str = ADA) -> None:
        for org in self.orgs.values():
            for gone in (org.shut_out, org.outsiders, org.disabled, org.unlicensed):
                gone.discard(email)

    def remove_user(self, email: str = ADA) -> None:
        """The person is no longer a user of any environment."""
        for org in self.orgs.values():
            org.outsiders.add(email)

    # What goes wrong with single records, and with the table

    def refuse(self, external_id: str, code: str, message: str, status: int = 400) -> None:
        """This record is refused from now on, as by a plug-in."""
        for org in self.orgs.values():
            org.refusals[external_id] = DataError(code, message, status)

    def accept(self, external_id: str) -> None:
        for org in self.orgs.values():
            org.refusals.pop(external_id, None)

    def deadlock(self, external_id: str, times: int = 1) -> None:
        """The next so many writes of this record end in an SQL deadlock."""
        for org in self.orgs.values():
            org.stumbles[external_id] = times

    def set_key_status(self, status: KeyStatus, entity_set: str = TOUCHPOINTS) -> None:
        for org in self.orgs.values():
            org.tables[entity_set].keys[0].status = status

    def drop_key(self, entity_set: str = TOUCHPOINTS) -> None:
        for org in self.orgs.values():
            org.tables[entity_set].keys.clear()

    def add_column(self, entity_set: str, name: str, kind: str = "String", length: int = 100) -> None:
        """`kind` as in the metadata: String, Memo, Integer, Decimal, Boolean, DateTime."""
        for org in self.orgs.values():
            org.tables[entity_set].add(Column(name, Kind(kind), length))

    def throttle(self, code: str = "0x80072322", *, times: int | None = 1, retry_after: str = "30") -> None:
        for org in self.orgs.values():
            org.throttle = Throttle(code, times, retry_after)

    # How it is put together

    def _people(self) -> list[Person]:
        reached = {ADA: ADVENTURE, BEN: ADVENTURE, CLEO: FABRIKAM}
        names = {ADA: "Ada Marsh", BEN: "Ben Okoro", CLEO: "Cleo Vance"}
        return [
            Person(str(uuid5(NAMESPACE_DNS, email)), email, names[email], [self.orgs[org].id])
            for email, org in reached.items()
        ]

    def _offers(self, scope: str) -> bool:
        resource, _, permission = scope.rpartition("/")
        return permission == "user_impersonation" and any(resource.endswith(f"/org/{key}") for key in self.orgs)

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "sign-in") + " of Ada Marsh ended in Microsoft Entra."

        async def mfa() -> str:
            self.oauth.require_mfa(ADA)
            return "Ada Marsh must use multi-factor authentication from now on."

        async def remove() -> str:
            if ADA in self.org.outsiders:
                self.give_access_back()
                return "Ada Marsh is a user of the environment again."
            self.remove_user()
            return "Ada Marsh was removed from the Dynamics 365 environment."

        async def down() -> str:
            self.take_down()
            return "Dynamics 365 is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "Dynamics 365 is back up."

        async def secret() -> str:
            self.oauth.secret_expired = not self.oauth.secret_expired
            return f"The client secret has {'expired' if self.oauth.secret_expired else 'been renewed'}."

        named = [
            ("revoke", "Revoke Ada's login", revoke),
            ("mfa", "Require a second factor from Ada", mfa),
            ("remove", "Remove Ada from the environment / add her again", remove),
            ("secret", "Let the client secret expire / renew it", secret),
            ("down", "Take Dynamics 365 down", down),
            ("up", "Bring Dynamics 365 back up", up),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]


async def _no_such_page(_request: Request, _problem: Exception) -> Response:
    body = {"error": {"code": "0x80060888", "message": "Resource not found for the segment in the address."}}
    return JSONResponse(body, 404)


async def _no_such_method(_request: Request, problem: Exception) -> Response:
    allowed = (problem.headers or {}).get("Allow", "") if isinstance(problem, HTTPException) else ""
    body = {"Message": "The requested resource does not support this http method."}
    return JSONResponse(body, 405, {"allow": allowed})
