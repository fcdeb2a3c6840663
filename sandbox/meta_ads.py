"""The practice world's Meta: login, ad accounts, and the hands that break both."""

import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.ad_truth import KnownAccounts
from sandbox.downtime import Downtime
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.meta_ads_data import EMEA, GULF, SHOES, Account, Ad, Book
from sandbox.meta_ads_entrance import NEWEST, Quota
from sandbox.meta_ads_errors import GraphError, unknown_path
from sandbox.meta_ads_graph import GraphApi
from sandbox.meta_ads_login import CLIENT_ID, CLIENT_SECRET, MetaLogin
from sandbox.oauth import Person, Problem

__all__ = ["ADA", "BEN", "CLEO", "EMEA", "GULF", "SHOES", "MetaAdsSandbox"]

ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"
_DOWN = {
    "error": {"message": "Service temporarily unavailable", "type": "OAuthException", "code": 2, "is_transient": True}
}


class MetaAdsSandbox(KnownAccounts[Account, Ad], Downtime):
    """Ada has a role in Acme EMEA and Acme Gulf, Ben in a Tokyo shoe shop; Cleo has no ad accounts.

    Time is the ledger's clock.
    """

    key = "meta_ads"
    name = "Meta Ads"
    demo_login = ADA
    usual = EMEA
    book: Book
    down_body = json.dumps(_DOWN)

    def __init__(self, ledger: Ledger | None = None, *, ads_per_account: int = 16) -> None:
        self.ledger = ledger or Ledger()
        self.faults = Faults(self.ledger)
        people = [
            Person("3180000000000000001", ADA, "Ada Marsh", [EMEA, GULF]),
            Person("3180000000000000002", BEN, "Ben Okoro", [SHOES]),
            Person("3180000000000000003", CLEO, "Cleo Vance"),
        ]
        self.oauth = MetaLogin(self.ledger, people)
        self.book = Book(self.ledger.now, ads_per_account)
        self.api = GraphApi(self.book, self.oauth, self.ledger)
        routes = [*self.oauth.routes(), *self.api.routes()]
        errors = {404: _no_such_path, 405: _no_such_path}
        self.app: ASGIApp = self.faults.wrap(Starlette(routes=routes, exception_handlers=errors))
        self.levers = self._levers()

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.meta_ads]` needs; `base_url` is the world's own address."""
        here = f"{base_url.rstrip('/')}/{self.key}"
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": f"{here}/{NEWEST}/dialog/oauth",
            "api_url": here,
            "tag_by_recreating": True,
        }

    @property
    def page_size(self) -> int:
        """At most so many objects a page, however many are asked for."""
        return self.api.page_rows

    @page_size.setter
    def page_size(self, size: int) -> None:
        self.api.page_rows = size

    def price(self, account: str) -> tuple[int, int]:
        """What tagging has cost so far: reviews of ads, and ad sets sent back to learning."""
        held = self.account(account)
        return sum(ad.reviews for ad in held.ads.values()), sum(adset.learning for adset in held.adsets)

    # What people do

    def add_account(self, account: Account, email: str, *, ads: int = 16) -> Account:
        """One more ad account, in which that person (made if unknown) has a role."""
        self.book.add_account(account, ads)
        person = self.oauth.people.setdefault(email, Person(f"318{len(self.oauth.people):016d}", email, email))
        person.accounts.append(account.id)
        return account

    def end_ad(self, account: str, ad_id: str, status: str = "DELETED") -> None:
        """The ad is deleted or archived; what it has cost stays in the account's total."""
        self.book.end(self.account(account), self.account(account).ads[ad_id], status)

    def refuse_ad(self, ad_id: str, message: str = "The ad contains policy violations.") -> None:
        """No creative of this ad can be exchanged from now on."""
        self.api.ads.refused[ad_id] = GraphError(400, 100, "Invalid parameter", 1487390, user_msg=message)

    def finish_reviews(self) -> None:
        """Meta's reviewers pass everything that waits."""
        for account in self.book.accounts.values():
            for ad in account.ads.values():
                ad.in_review = False

    def revoke(self, email: str = ADA) -> int:
        """The person removes the app from their Facebook account: every token dead at once. How many consents died."""
        return self.oauth.end(email, Problem.REVOKED)

    def change_password(self, email: str = ADA) -> int:
        return self.oauth.end(email, Problem.PASSWORD_CHANGED)

    def checkpoint(self, email: str = ADA) -> int:
        """Facebook wants to check the person first."""
        return self.oauth.end(email, Problem.SESSION_ENDED)

    def withdraw(self, account: str = GULF, email: str = ADA) -> None:
        """The login lives on, but has no role in this ad account any more."""
        self.api.entrance.withdrawn.add((email, account))

    def give_back(self, account: str = GULF, email: str = ADA) -> None:
        self.api.entrance.withdrawn.discard((email, account))

    def set_status(self, account: str, account_status: int) -> None:
        """https://developers.facebook.com/docs/marketing-api/reference/ad-account: 1 active, 2 disabled, 101 closed."""
        self.account(account).account_status = account_status

    def limit_rate(
        self, times: int | None = 1, minutes: int = 5, code: int = 80004, subcode: int | None = 2446079
    ) -> None:
        """The next so many calls about accounts (None: all, until `lift_limit`) are over the limit."""
        self.api.entrance.quota = Quota(times, code, subcode, minutes)

    def lift_limit(self) -> None:
        self.api.entrance.quota = None

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return (
                counted(self.revoke(), "login") + " of Ada Marsh ended: she removed the app from her Facebook account."
            )

        async def password() -> str:
            self.change_password()
            return "Ada Marsh changed her Facebook password: her logins ended."

        async def withdraw() -> str:
            if (ADA, GULF) in self.api.entrance.withdrawn:
                self.give_back()
                return "Ada Marsh has a role in Acme Gulf's ad account again."
            self.withdraw()
            return "Ada Marsh has no role in Acme Gulf's ad account any more."

        async def restated() -> str:
            return f"{self.restate()} at Acme EMEA has been restated: every ad cost a little more."

        async def ads() -> str:
            self.add_ads(EMEA, 20)
            return "20 new ads run at Acme EMEA."

        async def limit() -> str:
            self.limit_rate(10, minutes=1)
            return "The next 10 calls about Meta's ad accounts are over the limit."

        async def down() -> str:
            self.take_down()
            return "Meta is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "Meta is back up."

        named: list[tuple[str, str, Callable[[], Awaitable[str]]]] = [
            ("revoke", "Remove the app from Ada's Facebook account", revoke),
            ("password", "Change Ada's password", password),
            ("withdraw", "Take Acme Gulf away from Ada / give it back", withdraw),
            ("new_ads", "Create 20 new ads at Acme EMEA", ads),
            ("restate", "Restate what yesterday cost", restated),
            ("limit", "Refuse the next 10 calls (rate limit)", limit),
            ("down", "Take Meta down", down),
            ("up", "Bring Meta back up", up),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]


async def _no_such_path(request: Request, _problem: Exception) -> Response:
    return unknown_path(request.url.path.strip("/")).answer()
