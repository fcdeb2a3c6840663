"""The sandbox HubSpot: three portals, three people, and everything that can be done to them."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.applications import Starlette
from starlette.types import ASGIApp

from sandbox.downtime import Downtime
from sandbox.faults import Faults
from sandbox.hubspot_api import HubspotApi, no_such_page
from sandbox.hubspot_login import CLIENT_ID, CLIENT_SECRET, Login
from sandbox.hubspot_portal import Portal, Writes
from sandbox.hubspot_schema import TOUCHPOINT, TOUCHPOINT_ID, ObjectType, Properties, Property
from sandbox.hubspot_schema import Kind as ValueKind
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.tokens import Person, Problem

ACME = "24680001"
ACME_LABS = "24680002"
GLOBEX = "24680003"
ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"

WRITING = "crm.objects.custom.write"
_DOWN = '{"status":"error","message":"Service temporarily unavailable"}'


class HubspotSandbox(Downtime):
    """Ada may connect apps at Acme and at Acme's laboratory, Ben may not, Cleo works at Globex.

    `records` and `writes` speak of Acme unless told otherwise. Time is the ledger's clock.
    """

    key = "hubspot"
    name = "HubSpot"
    demo_login = ADA
    down_body = _DOWN

    def __init__(self, ledger: Ledger | None = None, *, case_sensitive_ids: bool = True) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.faults = Faults(self.ledger)
        self.portals = {
            hub: Portal(
                int(hub), name, domain, self.ledger, zone=zone, currency=money, case_sensitive=case_sensitive_ids
            )
            for hub, name, domain, zone, money in (
                (ACME, "Acme", "acme.example", "America/New_York", "USD"),
                (ACME_LABS, "アクメ研究所", "labs.acme.example", "Asia/Tokyo", "JPY"),
                (GLOBEX, "Глобэкс", "globex.example", "Europe/Paris", "EUR"),
            )
        }
        people = [
            Person("1001", ADA, "Ada Marsh", [ACME, ACME_LABS]),
            Person("1002", BEN, "Ben Okoro", [ACME]),
            Person("1003", CLEO, "Cleo Vance", [GLOBEX]),
        ]
        self.oauth = Login(self.ledger, self.portals, people)
        self.oauth.installers.discard(BEN)
        api = HubspotApi(self.oauth)
        errors = {404: no_such_page, 405: no_such_page}
        self.app: ASGIApp = self.faults.wrap(
            Starlette(routes=[*self.oauth.routes(), *api.routes], exception_handlers=errors)
        )
        self.levers = self._levers()

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.hubspot]` needs; `base_url` is the world's own address."""
        here = f"{base_url.rstrip('/')}/{self.key}"
        paths = self.oauth.rules.paths
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": here + paths.authorize,
            "token_url": here + paths.token,
            "revoke_url": here + paths.revoke,
            "api_url": here,
            "object": TOUCHPOINT,
            "external_id": TOUCHPOINT_ID,
            "fields": {"bizible2__Medium__c": "medium", "bizible2__Touchpoint_Source__c": "touchpoint_source"},
        }

    # What happened

    @property
    def portal(self) -> Portal:
        return self.portals[ACME]

    @property
    def writes(self) -> Mapping[str, Writes]:
        """How often each external id was created and updated."""
        return self.portal.writes

    def records(self, asked: str = TOUCHPOINT, hub: str = ACME) -> Mapping[str, Properties]:
        """The records of an object type by external id."""
        return self.portals[hub].records(asked)

    # What people do

    def revoke(self, email: str = ADA) -> int:
        """The person's logins end, in every portal: every token dead at once. How many consents died."""
        return self.oauth.revoke_user(email)

    def uninstall(self, hub: str = ACME) -> int:
        """Someone removes the app from the portal. How many consents died."""
        return self.oauth.uninstall(hub)

    def delete_portal(self, hub: str = ACME) -> None:
        """The whole account is closed."""
        self.portals[hub].deleted = True
        self.oauth.uninstall(hub, Problem.ACCOUNT_DELETED)

    def expire_access_tokens(self, email: str | None = None) -> int:
        return self.oauth.expire_access_tokens(email)

    def take_scopes(self, *scopes: str, hub: str = ACME, plan: bool = False) -> None:
        """Standing logins lose these scopes; a new consent gets them again, unless the plan has lost them too."""
        for grant in self.oauth.grants.alive():
            if grant.person.accounts[0] == hub:
                grant.scopes = tuple(each for each in grant.scopes if each not in scopes)
        if plan:
            self.portals[hub].plan -= set(scopes)

    # What goes wrong with single records

    def refuse(self, external_id: str, message: str, category: str = "VALIDATION_ERROR") -> None:
        """This record is refused from now on, as by a validation rule."""
        for portal in self.portals.values():
            portal.refusals[external_id] = (category, message)

    def accept(self, external_id: str) -> None:
        for portal in self.portals.values():
            portal.refusals.pop(external_id, None)

    def trip(self, external_id: str, times: int = 1) -> None:
        """The next so many writes of this record end in HubSpot's own trouble."""
        for portal in self.portals.values():
            portal.busy[external_id] = times

    def add_property(self, asked: str, name: str, kind: str = "string", *, unique: bool = False) -> None:
        """`kind` as in the properties API: string, number, date, datetime, bool, enumeration."""
        for portal in self.portals.values():
            portal.object_type(asked).properties[name] = Property(name, ValueKind(kind), unique=unique)

    def make_unique(self, asked: str, name: str, unique: bool) -> None:
        for kind in self._types(asked):
            kind.properties[name] = replace(kind.properties[name], unique=unique)

    def _types(self, asked: str) -> list[ObjectType]:
        return [portal.object_type(asked) for portal in self.portals.values()]

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "login") + " of Ada Marsh ended in HubSpot."

        async def uninstall() -> str:
            return f"Redkey was removed from Acme's HubSpot, and {counted(self.uninstall(), 'login')} with it."

        async def scopes() -> str:
            self.take_scopes(WRITING)
            return "Redkey may no longer write Acme's custom objects; logging in again gives that back."

        async def limit() -> str:
            if self.portal.limits.day_used_up is None:
                self.portal.use_up_the_day()
                return "Acme's HubSpot has used up its API calls until midnight in New York."
            self.portal.limits.day_used_up = None
            return "Acme's HubSpot has API calls again."

        async def down() -> str:
            self.take_down()
            return "HubSpot is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "HubSpot is back up."

        named = [
            ("revoke", "Revoke Ada's login", revoke),
            ("uninstall", "Uninstall the app at Acme", uninstall),
            ("scopes", "Take the right to write away", scopes),
            ("limit", "Use up today's API calls / give them back", limit),
            ("down", "Take HubSpot down", down),
            ("up", "Bring HubSpot back up", up),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]
