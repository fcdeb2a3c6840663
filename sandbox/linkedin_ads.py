"""The practice world's LinkedIn: login, ad accounts, and the hands that break both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.ad_truth import disagreements
from sandbox.downtime import Downtime
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.levers import Lever, counted
from sandbox.linkedin_ads_api import LinkedinApi
from sandbox.linkedin_ads_data import AMERICAS, EMEA, TOKYO, UTC_DAYS, Account, Book, Campaign
from sandbox.linkedin_ads_entrance import Entrance, Quota
from sandbox.linkedin_ads_errors import not_found
from sandbox.linkedin_ads_login import CLIENT_ID, CLIENT_SECRET, Login
from sandbox.oauth import Person, Problem

__all__ = ["ADA", "AMERICAS", "BEN", "CLEO", "EMEA", "TOKYO", "LinkedinAdsSandbox"]

ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"
_DOWN = '{"status":503,"code":"SERVICE_UNAVAILABLE","message":"Service Unavailable"}'


class LinkedinAdsSandbox(Downtime):
    """Ada manages campaigns at Acme EMEA and Acme Américas; Ben may only look at the one in Tokyo; Cleo has no role.

    An ad, as far as tagging goes, is a campaign. Time is the ledger's clock.
    """

    key = "linkedin_ads"
    name = "LinkedIn Ads"
    demo_login = ADA
    down_body = _DOWN

    def __init__(self, ledger: Ledger | None = None, *, campaigns_per_account: int = 12) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.faults = Faults(self.ledger)
        people = [
            Person("782bbtaQ01", ADA, "Ada Marsh", [EMEA, AMERICAS]),
            Person("782bbtaQ02", BEN, "Ben Okoro", [TOKYO]),
            Person("782bbtaQ03", CLEO, "Cleo Vance"),
        ]
        self.oauth = Login(self.ledger, people)
        self.book = Book(self.ledger.now, campaigns_per_account)
        roles = {ADA: {EMEA: "CAMPAIGN_MANAGER", AMERICAS: "ACCOUNT_MANAGER"}, BEN: {TOKYO: "VIEWER"}}
        self.entrance = Entrance(self.book, self.oauth, roles)
        self.api = LinkedinApi(self.entrance)
        routes = [*self.oauth.routes(), *self.api.routes()]
        errors = {404: _no_such_page, 405: _no_such_page}
        self.app: ASGIApp = self.faults.wrap(Starlette(routes=routes, exception_handlers=errors))
        self.levers = self._levers()

    def settings(self, base_url: str) -> dict[str, object]:
        """What `[platforms.linkedin_ads]` needs; `base_url` is the world's own address."""
        here = f"{base_url.rstrip('/')}/{self.key}"
        paths = self.oauth.rules.paths
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": here + paths.authorize,
            "token_url": here + paths.token,
            "revoke_url": here + paths.revoke,
            "userinfo_url": here + paths.userinfo,
            "introspect_url": f"{here}/oauth/v2/introspectToken",
            "api_url": here,
        }

    @property
    def page_size(self) -> int:
        """At most so many rows a page, however many there are."""
        return self.api.page_size

    @page_size.setter
    def page_size(self, size: int) -> None:
        self.api.page_size = size

    # The truth, for assertions

    def account(self, number: str) -> Account:
        return self.book.accounts[number]

    def totals(self, number: str, since: date, until: date) -> dict[date, int]:
        """True cost in micros per day, both days included; days without cost are left out."""
        return dict(self.book.totals(self.account(number), since, until))

    def today(self, _account: str = EMEA) -> date:
        """Everywhere the same: LinkedIn's days are UTC days in every account."""
        return self.ledger.now().astimezone(UTC_DAYS).date()

    def untagged(
        self, number: str | None = None, *, parameter: str = "utm_source", everything: bool = False
    ) -> list[Campaign]:
        """Campaigns whose clicks do not carry the parameter; only those a tagger should touch, unless `everything`."""
        accounts = [self.account(number)] if number else list(self.book.accounts.values())
        return [
            campaign
            for account in accounts
            for campaign in account.campaigns.values()
            if not account.is_tagged(campaign, parameter) and (everything or account.is_taggable(campaign))
        ]

    def disagreements(self, costs: Sequence[Mapping[str, object]]) -> list[str]:
        """Where an export of Redkey's cost table differs from the truth, one sentence each."""
        return disagreements(self, costs, self.untagged)

    # What people do

    def add_ads(self, number: str = EMEA, count: int = 1) -> list[Campaign]:
        """New campaigns, each with a creative."""
        return self.book.add_campaigns(self.account(number), count)

    def restate(self, number: str = EMEA, units: int = 7) -> date:
        """The platform corrects yesterday: every ad cost so many of the currency's smallest amounts more. The day."""
        day = self.today() - timedelta(days=1)
        self.account(number).corrected[day.toordinal()] = units
        return day

    def touch(self, campaign: Campaign) -> None:
        """Somebody changed the campaign now."""
        campaign.modified_at = self.ledger.now()

    def set_role(self, role: str | None, number: str = EMEA, email: str = ADA) -> None:
        """Give a person another role in an account, or none."""
        roles = self.entrance.roles.setdefault(email, {})
        roles.pop(number, None)
        if role is not None:
            roles[number] = role

    def revoke(self, email: str = ADA) -> int:
        """The person removes the app under "Permitted services": every token dead at once. How many consents died."""
        return self.oauth.revoke_user(email)

    def change_password(self, email: str = ADA) -> int:
        """No refresh any more, and the access tokens are over."""
        died = self.oauth.end_refresh(email, Problem.PASSWORD_CHANGED)
        self.oauth.expire_access_tokens(email)
        return died

    def withdraw(self, number: str = AMERICAS, email: str = ADA) -> None:
        """The login lives on, but no longer has a role in this account."""
        self.entrance.withdrawn.add((email, number))

    def give_back(self, number: str = AMERICAS, email: str = ADA) -> None:
        self.entrance.withdrawn.discard((email, number))

    def limit_rate(self, times: int | None = 1, *, day: bool = True) -> None:
        """The next so many calls (None: all, until `lift_limit`) get 429; `day`: the quota until midnight UTC."""
        self.entrance.quota = Quota(times, day)

    def lift_limit(self) -> None:
        self.entrance.quota = None

    def _levers(self) -> list[Lever]:
        async def revoke() -> str:
            return counted(self.revoke(), "consent") + " of Ada Marsh revoked at LinkedIn."

        async def password() -> str:
            self.change_password()
            return "Ada Marsh changed her LinkedIn password: her refresh tokens are dead."

        async def withdraw() -> str:
            self.withdraw()
            return "Ada Marsh no longer has a role at Acme Américas."

        async def give_back() -> str:
            self.give_back()
            return "Ada Marsh has a role at Acme Américas again."

        async def viewer() -> str:
            editor = self.entrance.roles[ADA].get(EMEA) == "CAMPAIGN_MANAGER"
            self.set_role("VIEWER" if editor else "CAMPAIGN_MANAGER")
            return f"Ada Marsh may {'only look at' if editor else 'change'} the campaigns of Acme EMEA now."

        async def restated() -> str:
            return f"{self.restate()} at Acme EMEA has been restated: every ad cost a little more."

        async def ads() -> str:
            self.add_ads(EMEA, 20)
            return "20 new campaigns run at Acme EMEA."

        named: list[tuple[str, str, Callable[[], Awaitable[str]]]] = [
            ("revoke", "Revoke Ada's login", revoke),
            ("password", "Change Ada's password", password),
            ("withdraw", "Take Acme Américas away from Ada", withdraw),
            ("give_back", "Give Acme Américas back to Ada", give_back),
            ("viewer", "Let Ada only look at Acme EMEA / change it", viewer),
            ("new_ads", "Create 20 new campaigns at Acme EMEA", ads),
            ("restate", "Restate what yesterday cost", restated),
            *self._outage_levers(),
        ]
        return [Lever(f"{self.key}_{key}", label, pull, self.name) for key, label, pull in named]

    def _outage_levers(self) -> list[tuple[str, str, Callable[[], Awaitable[str]]]]:
        async def down() -> str:
            self.take_down()
            return "LinkedIn is down: everything answers 503."

        async def up() -> str:
            self.bring_up()
            return "LinkedIn is back up."

        async def limit() -> str:
            if self.entrance.quota is None:
                self.limit_rate(None)
                return "Today's calls of LinkedIn are used up, until midnight UTC."
            self.lift_limit()
            return "LinkedIn takes calls again."

        return [
            ("down", "Take LinkedIn down", down),
            ("up", "Bring LinkedIn back up", up),
            ("limit", "Use up today's calls / give them back", limit),
        ]


async def _no_such_page(_request: Request, _problem: Exception) -> Response:
    return not_found("No such resource").answer()
