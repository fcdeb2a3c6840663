"""The practice world's Google: login, Google Ads, and the hands that break both."""

import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.types import ASGIApp

from sandbox.ad_truth import KnownAccounts
from sandbox.downtime import Downtime
from sandbox.faults import Faults
from sandbox.google_ads_data import AMERICAS, EMEA, MANAGER, SHOES, Account, Ad, Book
from sandbox.google_ads_entrance import Quota
from sandbox.google_ads_errors import AdsError, error_body
from sandbox.google_ads_login import ADA, BEN, CLEO, CLIENT_ID, CLIENT_SECRET, login
from sandbox.google_ads_rest import GoogleAdsApi, not_found
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.oauth import Person, Problem

__all__ = ["ADA", "AMERICAS", "BEN", "CLEO", "EMEA", "MANAGER", "SHOES", "GoogleAdsSandbox"]


class GoogleAdsSandbox(KnownAccounts[Account, Ad], Downtime):
    """Ada reaches Acme EMEA and Acme Americas through their manager account, Ben a Tokyo shoe shop; Cleo has no Ads.

    Time is the ledger's clock.
    """

    key = "google_ads"
    name = "Google Ads"
    demo_login = ADA
    usual = EMEA
    book: Book
    down_body = json.dumps(error_body(503, []))

    def __init__(self, ledger: Ledger | None = None, *, ads_per_account: int = 24) -> None:
        self.ledger = ledger or Ledger()
        self.faults = Faults(self.ledger)
        self.oauth = login(self.ledger, self.ledger.now)
        self.book = Book(self.ledger.now, ads_per_account)
        self.api = GoogleAdsApi(self.book, self.oauth)
        routes = [*self.oauth.routes(), *self.api.routes()]
        self.app: ASGIApp = self.faults.wrap(
            Starlette(routes=routes, exception_handlers={404: not_found, 405: not_found})
        )
        self.levers = self._levers()

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.google_ads]` needs; `base_url` is the world's own address."""
        here = f"{base_url.rstrip('/')}/{self.key}"
        paths = self.oauth.rules.paths
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": here + paths.authorize,
            "token_url": here + paths.token,
            "revoke_url": here + paths.revoke,
            "userinfo_url": here + paths.userinfo,
            "api_url": here,
        }

    @property
    def page_size(self) -> int:
        """At most so many rows a page, however many there are."""
        return self.api.page_rows

    @page_size.setter
    def page_size(self, size: int) -> None:
        self.api.page_rows = size
        self.api.stream_rows = size

    # What people do

    def add_account(
        self,
        customer: str,
        name: str,
        email: str,
        *,
        under: str | None = None,
        ads: int = 24,
        currency: str = "EUR",
        time_zone: str = "Europe/Berlin",
        domain: str = "acme.example",
    ) -> Account:
        """One more account: under a manager, or reached directly by that person (made if unknown)."""
        account = Account(customer, name, currency, time_zone, domain)
        self.book.add_account(account, ads)
        person = self.oauth.people.setdefault(email, Person(f"1{len(self.oauth.people):020d}", email, email))
        holder = person.accounts if under is None else self.account(under).clients
        holder.append(customer)
        return account

    def remove_ad(self, customer: str, ad_id: str) -> None:
        ad = self.account(customer).ads[ad_id]
        ad.status = "REMOVED"
        self.book.touch(self.account(customer), ad)

    def refuse_ad(self, ad_id: str, code: str = "POLICY_FINDING", kind: str = "policyFindingError") -> None:
        """Every change of this ad is refused from now on."""
        message = (
            "The resource has been disapproved since the policy summary includes policy topics of type PROHIBITED."
        )
        self.api.refused_ads[ad_id] = AdsError(400, kind, code, message)

    def revoke(self, email: str = ADA) -> int:
        """The person removes the app from their Google account: every token dead at once. How many consents died."""
        return self.oauth.revoke_user(email)

    def change_password(self, email: str = ADA) -> int:
        """No refresh any more, and the access tokens are over."""
        died = self.oauth.change_password(email)
        self.oauth.expire_access_tokens(email)
        return died

    def end_session(self, email: str = ADA) -> int:
        """A Workspace administrator limits session length: refreshing says `invalid_rapt`."""
        died = self.oauth.end_refresh(email, Problem.SESSION_ENDED)
        self.oauth.expire_access_tokens(email)
        return died

    def withdraw(self, customer: str = AMERICAS, email: str = ADA) -> None:
        """The login lives on, but no longer reaches this account."""
        self.api.entrance.withdrawn.add((email, customer))

    def give_back(self, customer: str = AMERICAS, email: str = ADA) -> None:
        self.api.entrance.withdrawn.discard((email, customer))

    def close_account(self, customer: str, status: str = "CANCELED") -> None:
        self.account(customer).status = status

    def limit_rate(self, times: int | None = 1, retry_delay: str = "30s", code: str = "RESOURCE_EXHAUSTED") -> None:
        """The next so many API calls (None: all, until `lift_limit`) get 429."""
        self.api.entrance.quota = Quota(times, code, retry_delay)

    def lift_limit(self) -> None:
        self.api.entrance.quota = None

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "consent") + " of Ada Marsh revoked at Google."

        async def password() -> str:
            self.change_password()
            return "Ada Marsh changed her Google password: her refresh tokens are dead."

        async def session() -> str:
            self.end_session()
            return "Ada Marsh's Workspace session ended: Google wants her to log in again."

        async def withdraw() -> str:
            self.withdraw()
            return "Ada Marsh no longer reaches Acme Americas."

        async def give_back() -> str:
            self.give_back()
            return "Ada Marsh reaches Acme Americas again."

        async def ads() -> str:
            self.add_ads(EMEA, 20)
            return "20 new ads run at Acme EMEA."

        async def restated() -> str:
            return f"{self.restate()} at Acme EMEA has been restated: every ad cost a little more."

        named: list[tuple[str, str, Callable[[], Awaitable[str]]]] = [
            ("revoke", "Revoke Ada's login", revoke),
            ("password", "Change Ada's password", password),
            ("session", "End Ada's Workspace session", session),
            ("withdraw", "Take Acme Americas away from Ada", withdraw),
            ("give_back", "Give Acme Americas back to Ada", give_back),
            ("new_ads", "Create 20 new ads at Acme EMEA", ads),
            ("restate", "Restate what yesterday cost", restated),
            *self._outage_levers(),
        ]
        return [Lever(key, label, pull, self.name) for key, label, pull in named]

    def _outage_levers(self) -> list[tuple[str, str, Callable[[], Awaitable[str]]]]:
        async def down() -> str:
            self.take_down()
            return "Google is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "Google is back up."

        async def limit() -> str:
            self.limit_rate(10, "5s")
            return "The next 10 calls of Google Ads are over the limit."

        return [
            ("down", "Take Google down", down),
            ("up", "Bring Google back up", up),
            ("limit", "Refuse the next 10 calls (429)", limit),
        ]
