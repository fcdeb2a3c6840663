"""Who may call the practice world's Graph API: versions, tokens sent either way, proofs, rate limits, rights."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from starlette.requests import Request

from sandbox.meta_ads_data import Account, Book
from sandbox.meta_ads_errors import GraphError, missing_token, not_granted, not_there, unknown_path
from sandbox.meta_ads_login import MetaLogin
from sandbox.meta_ads_params import Params
from sandbox.tokens import AccessToken, Person

NEWEST = "v26.0"
# https://developers.facebook.com/docs/graph-api/changelog/versions: when each version ends.
ENDS = {
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
    NEWEST: date.max,
}
READING = {"ads_read", "ads_management"}
WRITING = {"ads_management"}
NO_WRITING = "(#294) Managing advertisements requires an access token with the extended permission for ads_management"
DEAD_VERSION = (
    f"(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: {NEWEST}."
)


@dataclass
class Quota:
    """The next `times` calls (None: all) are over the limit."""

    times: int | None
    code: int
    subcode: int | None
    minutes: int


@dataclass(frozen=True)
class Caller:
    person: Person
    token: AccessToken
    scopes: frozenset[str]


class Entrance:
    """Checks a call in the order in which Meta looks."""

    def __init__(self, book: Book, login: MetaLogin, now: Callable[[], datetime]) -> None:
        self._book = book
        self._login = login
        self._now = now
        self.require_proof = False
        """The app's setting "Require App Secret". A wrong proof is refused either way."""
        self.quota: Quota | None = None
        self.withdrawn: set[tuple[str, str]] = set()

    def check_version(self, version: str, path: str, *, ads: bool) -> None:
        """Calls about ads end with their version; others are served by the next one. Raises GraphError."""
        number = re.fullmatch(r"v(\d+)\.0", version)
        if number is None or int(number[1]) > int(NEWEST[1:-2]):
            raise unknown_path(f"{version}/{path}")
        if ads and ENDS.get(version, date.min) <= self._now().date():
            raise GraphError(400, 2635, DEAD_VERSION)

    def admit(self, request: Request, params: Params) -> Caller:
        """Whose call this is. Raises GraphError."""
        text = bearer(request, params)
        if not text:
            raise missing_token()
        token = self._login.usable(text)
        self._check_proof(text, params.text("appsecret_proof"))
        return Caller(token.grant.person, token, frozenset(token.grant.scopes))

    def _check_proof(self, token: str, proof: str) -> None:
        if not proof:
            if self.require_proof:
                raise _proof_error("API calls from the server require an appsecret_proof argument")
            return
        right = hmac.new(self._login.client.secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, proof):
            raise _proof_error("Invalid appsecret_proof provided in the API argument")

    def spend(self, account: str) -> dict[str, str]:
        """The usage header of a call about an account. Raises GraphError over the limit."""
        quota = self.quota
        if quota is None:
            return usage(account, 28, 0)
        if quota.times is not None:
            quota.times -= 1
            if quota.times <= 0:
                self.quota = None
        words = "There have been too many calls to this ad-account. Wait a bit and try again."
        headers = usage(account, 100, quota.minutes)
        told = f"(#{quota.code}) {words}"
        raise GraphError(400, quota.code, told, quota.subcode, user_msg=words, headers=headers)

    def account(self, caller: Caller, number: str, *, edge: bool) -> Account:
        """An account this login reaches. Raises GraphError: nodes are not there, edges say what is missing."""
        account = self._book.accounts.get(number)
        if account is None:
            raise not_there(f"act_{number}")
        if number not in caller.person.accounts or (caller.person.email, number) in self.withdrawn:
            raise not_granted() if edge else not_there(f"act_{number}")
        if not caller.scopes & READING:
            raise not_granted()
        return account

    def check_writing(self, caller: Caller, account: Account) -> None:
        """Raises GraphError."""
        if not caller.scopes & WRITING:
            raise GraphError(403, 294, NO_WRITING)
        if account.account_status in {2, 3, 7, 101}:
            raise GraphError(400, 100, "Invalid parameter", 1359188, user_msg="The ad account is not active.")


def bearer(request: Request, params: Params) -> str:
    """The token: as a parameter, which wins, or in the Authorization header."""
    if named := params.text("access_token"):
        return named
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() in {"bearer", "oauth"} else ""


def usage(account: str, percent: int, minutes: int) -> dict[str, str]:
    """https://developers.facebook.com/docs/marketing-api/overview/rate-limiting."""
    told = {
        "type": "ads_insights",
        "call_count": percent,
        "total_cputime": percent // 2,
        "total_time": percent // 2,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "standard_access",
    }
    return {"x-business-use-case-usage": json.dumps({account: [told]})}


def _proof_error(message: str) -> GraphError:
    return GraphError(400, 100, message, kind="GraphMethodException")
