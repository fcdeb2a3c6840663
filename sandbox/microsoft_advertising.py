"""The practice world's Microsoft Advertising: login with Entra, its four services, and the hands that break them.

`/login/{tenant}` stands for login.microsoftonline.com; each service has a path where Microsoft's has a host.
"""

from collections.abc import Awaitable, Callable
from uuid import NAMESPACE_DNS, uuid5

from starlette.applications import Starlette
from starlette.types import ASGIApp

from sandbox.ad_truth import KnownAccounts
from sandbox.downtime import Downtime
from sandbox.entra import Entra, Tenant
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.microsoft_advertising_bulk import BulkService
from sandbox.microsoft_advertising_campaigns import CampaignService
from sandbox.microsoft_advertising_customer import CustomerService
from sandbox.microsoft_advertising_data import ACME, AMERICAS, EMEA, SHOES, TOKYO, Account, Ad, Book
from sandbox.microsoft_advertising_entrance import SCOPE, Entrance, not_found
from sandbox.microsoft_advertising_files import Storage
from sandbox.microsoft_advertising_reports import ReportingService
from sandbox.tokens import Client, Person

__all__ = ["ACME", "ADA", "AMERICAS", "BEN", "CLEO", "EMEA", "SHOES", "TOKYO", "MicrosoftAdvertisingSandbox"]

ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@shoes.example"
CLEO = "cleo.vance@globex.example"
CLIENT_ID = "3f1e2d3c-4b5a-4687-9786-a5b4c3d2e1f1"
CLIENT_SECRET = "Kx8Q~sandbox.redkey.advertising-secret"

_DOWN = '{"TrackingId":"","Type":"ApiFaultDetail","OperationErrors":[{"Code":0,"ErrorCode":"InternalError"}]}'


class MicrosoftAdvertisingSandbox(KnownAccounts[Account, Ad], Downtime):
    """Ada reaches Acme's accounts in Zürich and America, Ben a Tokyo shoe shop; Cleo is no user of Microsoft Advertising.

    Time is the ledger's clock.
    """

    key = "microsoft_advertising"
    name = "Microsoft Advertising"
    demo_login = ADA
    usual = EMEA
    book: Book
    down_body = _DOWN

    def __init__(self, ledger: Ledger | None = None, *, ads_per_account: int = 24) -> None:
        self.ledger = ledger or Ledger()
        self.faults = Faults(self.ledger)
        self.oauth = Entra(
            self.ledger,
            client=Client(CLIENT_ID, CLIENT_SECRET),
            tenants=[Tenant("acme.example", "Acme"), Tenant("shoes.example", "靴"), Tenant("globex.example", "Globex")],
            people=[
                _person(ADA, "Ada Marsh", EMEA, AMERICAS),
                _person(BEN, "Ben Okoro", TOKYO),
                _person(CLEO, "Cleo Vance"),
            ],
            offers=lambda scope: scope == SCOPE,
            at="/login",
        )
        self.book = Book(self.ledger.now, ads_per_account)
        self.entrance = Entrance(self.book, self.oauth)
        self.entrance.users = {ADA: "201714801", BEN: "201714802"}
        self.storage = Storage(self.ledger)
        self.customers = CustomerService(self.entrance)
        self.campaigns = CampaignService(self.entrance)
        self.bulk = BulkService(self.entrance, self.storage)
        self.reports = ReportingService(self.entrance, self.storage)
        services = (self.customers, self.campaigns, self.bulk, self.reports, self.storage)
        routes = [*self.oauth.routes(), *(route for service in services for route in service.routes())]
        self.app: ASGIApp = self.faults.wrap(
            Starlette(routes=routes, exception_handlers={404: not_found, 405: not_found})
        )
        self.levers = self._levers()

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.microsoft_advertising]` needs; `base_url` is the world's own address."""
        here = f"{base_url.rstrip('/')}/{self.key}"
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "developer_token": self.entrance.developer_token,
            "authorize_url": f"{here}/login/common/oauth2/v2.0/authorize",
            "token_url": f"{here}/login/common/oauth2/v2.0/token",
            "customer_url": f"{here}/clientcenter",
            "campaign_url": f"{here}/campaign",
            "bulk_url": f"{here}/bulk",
            "reporting_url": f"{here}/reporting",
        }

    @property
    def page_size(self) -> int:
        """At most so many accounts a page, whatever was asked for; all else comes in files."""
        return self.customers.page_rows

    @page_size.setter
    def page_size(self, size: int) -> None:
        self.customers.page_rows = size

    # What people do

    def remove_ad(self, number: str, ad_id: str) -> None:
        ad = self.account(number).ads[ad_id]
        ad.status = "Deleted"
        self.book.touch(ad)

    def revoke(self, email: str = ADA) -> int:
        """An administrator revokes the person's sessions; the tokens are dead at once. How many consents died."""
        return self.oauth.revoke_user(email)

    def withdraw(self, number: str = AMERICAS, email: str = ADA) -> None:
        """The login lives on, but no longer reaches this account."""
        self.entrance.withdrawn.add((email, number))

    def give_back(self, number: str = AMERICAS, email: str = ADA) -> None:
        self.entrance.withdrawn.discard((email, number))

    def close_account(self, number: str, status: str = "Inactive") -> None:
        self.account(number).status = status

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "sign-in") + " of Ada Marsh ended in Microsoft Entra."

        async def mfa() -> str:
            self.oauth.require_mfa(ADA)
            self.oauth.expire_access_tokens(ADA)
            return "Ada Marsh must use multi-factor authentication from now on."

        async def withdraw() -> str:
            if (ADA, AMERICAS) in self.entrance.withdrawn:
                self.give_back()
                return "Ada Marsh reaches Acme Americas again."
            self.withdraw()
            return "Ada Marsh no longer reaches Acme Americas."

        async def restated() -> str:
            return f"{self.restate()} at {self.account(EMEA).name} has been restated: every ad cost a little more."

        async def ads() -> str:
            self.add_ads(EMEA, 20)
            return f"20 new ads run at {self.account(EMEA).name}."

        named: list[tuple[str, str, Callable[[], Awaitable[str]]]] = [
            ("revoke", "Revoke Ada's login", revoke),
            ("mfa", "Require a second factor from Ada", mfa),
            ("withdraw", "Take Acme Americas away from Ada / give it back", withdraw),
            ("new_ads", "Create 20 new ads in Zürich", ads),
            ("restate", "Restate what yesterday cost", restated),
            *self._outage_levers(),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]

    def _outage_levers(self) -> list[tuple[str, str, Callable[[], Awaitable[str]]]]:
        async def down() -> str:
            self.take_down()
            return "Microsoft Advertising is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "Microsoft Advertising is back up."

        async def limit() -> str:
            self.entrance.over_limit = 10
            return "The next 10 calls of Microsoft Advertising are over the limit."

        async def slow() -> str:
            self.reports.looks = 1 if self.reports.looks > 1 else 8
            return f"Reports are ready after {counted(self.reports.looks, 'look')}."

        return [
            ("down", "Take Microsoft Advertising down", down),
            ("up", "Bring Microsoft Advertising back up", up),
            ("limit", "Refuse the next 10 calls (117)", limit),
            ("slow", "Let reports take long / be quick again", slow),
        ]


def _person(email: str, name: str, *accounts: str) -> Person:
    return Person(str(uuid5(NAMESPACE_DNS, email)), email, name, list(accounts))
