"""Who may call the practice world's Google Ads: tokens, logins through a manager account, quotas.

https://developers.google.com/google-ads/api/docs/concepts/call-structure
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sandbox.google_ads_data import Account, Book
from sandbox.google_ads_errors import AdsError, BadPayload, MissingScope, MissingToken
from sandbox.google_ads_login import ADWORDS
from sandbox.oauth import AuthorizationServer, Person

LIVE = ("v23", "v24", "v25", "v26")
BAD_LOGINS = {
    "unknown": ("OAUTH_TOKEN_INVALID", "The OAuth token is invalid."),
    "expired": ("OAUTH_TOKEN_EXPIRED", "The OAuth token has expired."),
    "revoked": ("OAUTH_TOKEN_REVOKED", "The OAuth token has been revoked."),
}
DENIED = (
    "User doesn't have permission to access customer. Note: If you're accessing a client customer, the manager's "
    "customer id must be set in the 'login-customer-id' header. See "
    "https://developers.google.com/google-ads/api/docs/concepts/call-structure#cid"
)


@dataclass
class Quota:
    """The next `times` calls (None: all) are over some limit."""

    times: int | None = 1
    code: str = "RESOURCE_EXHAUSTED"
    retry_delay: str = "30s"
    rate_scope: str = "ACCOUNT"
    rate_name: str = "Number of operations for basic access"


@dataclass(frozen=True)
class Call:
    """One authorized call."""

    person: Person
    account: Account
    version: str
    request_id: str
    body: dict[str, Any]


class Entrance:
    """`withdrawn` holds (e-mail, customer) pairs that lost their access."""

    def __init__(self, book: Book, oauth: AuthorizationServer) -> None:
        self._book = book
        self._oauth = oauth
        self.quota: Quota | None = None
        self.withdrawn: set[tuple[str, str]] = set()

    def admit(self, request: Request, version: str) -> Person:
        """Raises what a caller without rights gets, in the order in which Google looks."""
        if version not in LIVE:
            raise AdsError(
                400, "requestError", "UNSUPPORTED_VERSION", "The version is not supported or has been sunset."
            )
        checked = self._oauth.check_request(request)
        if checked.reason == "missing":
            raise MissingToken
        if checked.reason is not None:
            raise AdsError(401, "authenticationError", *BAD_LOGINS[checked.reason])
        if ADWORDS not in checked.scopes:
            raise MissingScope
        if not checked.who.accounts:
            raise AdsError(
                401,
                "authenticationError",
                "NOT_ADS_USER",
                "User in the cookie is not a valid Ads user. The Google account is not associated with any Ads account.",
            )
        self._spend()
        return checked.who

    def _spend(self) -> None:
        quota = self.quota
        if quota is None:
            return
        if quota.times is not None:
            quota.times -= 1
            if quota.times <= 0:
                self.quota = None
        details = {"rateScope": quota.rate_scope, "rateName": quota.rate_name, "retryDelay": quota.retry_delay}
        words = f"Too many requests. Retry in {quota.retry_delay.removesuffix('s')} seconds."
        raise AdsError(429, "quotaError", quota.code, words, details={"quotaErrorDetails": details})

    async def authorized(self, request: Request, version: str, request_id: str, allowed: set[str]) -> Call:
        body = await _json(request, allowed)
        person = self.admit(request, version)
        customer = request.path_params["customer"]
        if not re.fullmatch(r"\d{10}", customer):
            raise AdsError(400, "requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{customer}'.")
        through = request.headers.get("login-customer-id", customer)
        if not re.fullmatch(r"\d{10}", through):
            raise AdsError(400, "headerError", "INVALID_LOGIN_CUSTOMER_ID", "The login customer ID is invalid.")
        if not self.may(person, customer, through):
            raise AdsError(403, "authorizationError", "USER_PERMISSION_DENIED", DENIED)
        account = self._book.accounts[customer]
        if account.status != "ENABLED":
            raise AdsError(
                403,
                "authorizationError",
                "CUSTOMER_NOT_ENABLED",
                "The customer account can't be accessed because it is not yet enabled or has been deactivated.",
            )
        return Call(person, account, version, request_id, body)

    def may(self, person: Person, customer: str, through: str) -> bool:
        """Whether the person reaches the customer when logging in at the account `through`."""
        if through not in person.accounts or (person.email, through) in self.withdrawn:
            return False
        return any(account.id == customer for account, _ in self.reached(person, through))

    def reached(self, person: Person, account_id: str) -> Iterator[tuple[Account, int]]:
        for account, level in self._book.under(account_id):
            if (person.email, account.id) not in self.withdrawn:
                yield account, level


async def _json(request: Request, allowed: set[str]) -> dict[str, Any]:
    """Raises BadPayload, as Google does for names it does not know."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise BadPayload("Invalid JSON payload received.") from None
    if not isinstance(body, dict):
        raise BadPayload("Invalid JSON payload received. Root element must be a message.")
    for name in body:
        if name not in allowed:
            raise BadPayload(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    return body
