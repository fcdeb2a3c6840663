"""How LinkedIn does OAuth: all permissions or none, no PKCE, a refresh token that lives a year and not a day longer.

https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.consent import Asked, BadRequest, ConsentPage
from sandbox.ledger import Ledger
from sandbox.linkedin_ads_errors import bad_token, denied
from sandbox.oauth import Answer, AuthorizationServer, Checked, Client, Grant, Lifetimes, Paths, Person, Rules
from sandbox.tokens import AccessToken, Problem, RefreshToken, Refusal

CLIENT_ID = "86sandboxredkey"
CLIENT_SECRET = "WPL_AP1.sandboxRedkey0000.c2FuZA=="
APPROVED = ("openid", "profile", "email", "r_ads", "r_ads_reporting", "rw_ads")
YEAR = timedelta(days=365)

_NO_CODE = (401, "invalid_request", "Unable to retrieve access token: authorization code not found")
_MISMATCHED = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. Or authorization "
    "code expired. Or external member binding exists"
)
_BAD_CODE = (400, "invalid_redirect_uri", _MISMATCHED)
_CLIENT = (401, "invalid_client", "Client authentication failed")
_OTHER_APP = (400, "refresh_token_client_mismatch", "The passed in client_id does not own the refresh token")
_DEAD = "The provided authorization grant or refresh token is invalid, expired or revoked"
_REFUSALS = {
    Problem.UNKNOWN_CLIENT: _CLIENT,
    Problem.WRONG_SECRET: _CLIENT,
    Problem.UNKNOWN_CODE: _NO_CODE,
    Problem.FOREIGN_CODE: _NO_CODE,
    Problem.USED_CODE: _BAD_CODE,
    Problem.EXPIRED_CODE: _BAD_CODE,
    Problem.WRONG_REDIRECT: _BAD_CODE,
    Problem.WRONG_VERIFIER: _BAD_CODE,
    Problem.FOREIGN_REFRESH: _OTHER_APP,
}


class MemberPage(ConsentPage):
    """LinkedIn's consent page. It knows nothing of PKCE, and of no permission the app is not approved for."""

    def __init__(self, server: "Login") -> None:
        super().__init__(server)
        self._login = server

    def _well_formed(self, query: Mapping[str, str]) -> str | None:
        super()._well_formed({name: value for name, value in query.items() if not name.startswith("code_challenge")})
        for scope in query["scope"].split():
            if scope not in self._login.approved:
                raise BadRequest("unauthorized_scope_error", f'Scope "{scope}" is not authorized for your application')
        return None

    def _gets_refresh_token(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> bool:
        return self._login.programmatic

    def _grant(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> Response:
        """All or nothing. Asking for other permissions than before ends the person's earlier logins to this app."""
        granted = tuple(scope for scope in asked.scopes if scope not in self._login.withheld)
        for earlier in list(self._login.grants.alive(person.email, asked.client_id)):
            if set(earlier.scopes) != set(granted):
                self._login.grants.kill(earlier, Problem.REVOKED)
        return super()._grant(asked, person, granted)

    def _send_back(self, redirect_uri: str, told: dict[str, str], state: str | None) -> Response:
        if told.get("error") == "access_denied":
            told = {"error": "user_cancelled_authorize", "error_description": "The user cancelled the authorization"}
        return super()._send_back(redirect_uri, told, state)


class Login(AuthorizationServer):
    """`programmatic`: LinkedIn gives refresh tokens to approved partners only. `dead_word`: it has two for a dead one."""

    def __init__(self, ledger: Ledger, people: Sequence[Person]) -> None:
        self.approved = set(APPROVED)
        self.withheld: set[str] = set()
        self.programmatic = True
        self.dead_word = "invalid_grant"
        rules = Rules(
            vendor="LinkedIn",
            paths=Paths("/oauth/v2/authorization", "/oauth/v2/accessToken", "/oauth/v2/revoke", "/v2/userinfo"),
            # It is not known whether LinkedIn ends more than the one token; the worse is assumed.
            revoke_takes_all=True,
            token_prefixes=("AQV", "AQX"),
            refuse=self.refuse,
            unauthorized=lambda checked: bad_token(checked.reason or "unknown").answer(),
        )
        lifetimes = Lifetimes(timedelta(days=60), timedelta(minutes=30))
        client = Client(CLIENT_ID, CLIENT_SECRET)
        super().__init__(rules, ledger, client=client, people=people, lifetimes=lifetimes, now=ledger.now)
        self.page = MemberPage(self)

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/oauth/v2/introspectToken", self.introspect, methods=["POST"])]

    def refuse(self, refusal: Refusal) -> Answer:
        match refusal.problem:
            case Problem.MISSING_PARAMETER:
                name = refusal.detail.rpartition(": ")[2]
                status, error, words = 400, "invalid_request", f'A required parameter "{name}" is missing'
            case Problem.UNSUPPORTED_GRANT:
                status, error, words = 400, "unsupported_grant_type", f"Unsupported grant type {refusal.detail}"
            case problem:
                status, error, words = _REFUSALS.get(problem, (400, self.dead_word, _DEAD))
        return status, {"error": error, "error_description": words}

    def ends(self, grant: Grant) -> datetime | None:
        """When the login is over for good: a year after it was made. None: it has no refresh token."""
        return grant.refresh[0].issued_at + YEAR if grant.refresh else None

    def _by_refresh(self, request: Request, form: FormData, client: Client) -> dict[str, Any]:
        grant, _ = self.grants.refresh.get(str(form.get("refresh_token", "")), (None, None))
        ends = self.ends(grant) if grant else None
        if grant is not None and ends is not None and self.now() >= ends:
            self.grants.kill_refresh(grant, Problem.IDLE)
        return super()._by_refresh(request, form, client)

    def _tokens(self, request: Request, access: AccessToken, refresh: RefreshToken | None) -> dict[str, Any]:
        """No token_type, and commas between the scopes. The refresh token stays, and its time runs out."""
        grant = access.grant
        kept, ends = refresh or grant.live_refresh, self.ends(grant)
        told: dict[str, Any] = {"access_token": access.text}
        if kept is not None and ends is not None:
            access.expires_at = min(access.expires_at, ends)
        told["expires_in"] = max(1, int((access.expires_at - self.now()).total_seconds()))
        if kept is not None and ends is not None:
            left = int((ends - self.now()).total_seconds())
            told |= {"refresh_token": kept.text, "refresh_token_expires_in": max(1, left)}
        return told | {"scope": ",".join(sorted(grant.scopes))}

    async def userinfo(self, request: Request) -> Response:
        checked = self.check_request(request)
        self.ledger.record("userinfo", outcome=checked.reason or "ok")
        if not checked.ok:
            return self.rules.unauthorized(checked)
        if "openid" not in checked.scopes:
            return denied("userinfo.GET.NO_VERSION").answer()
        return JSONResponse(_about(checked.who, checked.scopes))

    async def introspect(self, request: Request) -> Response:
        """https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection."""
        form = await request.form()
        try:
            self._authenticate(request, form)
        except Refusal as refusal:
            status, body = self.refuse(refusal)
            return JSONResponse(body, status)
        return JSONResponse(self._introspected(str(form.get("token", ""))))

    def _introspected(self, text: str) -> dict[str, object]:
        checked: Checked = self.check(text)
        if checked.grant is None:
            return {"active": False}
        access = self.grants.access[text]
        made = int((access.expires_at - self.grants.lifetimes.access).timestamp())
        return {
            "active": checked.ok,
            "client_id": checked.grant.client_id,
            "authorized_at": made,
            "created_at": made,
            "status": checked.reason or "active",
            "expires_at": int(access.expires_at.timestamp()),
            "scope": ",".join(sorted(checked.scopes)),
            "auth_type": "3L",
        }


def _about(person: Person, scopes: Sequence[str]) -> dict[str, object]:
    told: dict[str, object] = {"sub": person.sub}
    if "profile" in scopes:
        given, _, family = person.name.partition(" ")
        told |= {"name": person.name, "given_name": given, "family_name": family}
        told |= {"locale": {"country": "US", "language": "en"}}
    if "email" in scopes:
        told |= {"email": person.email, "email_verified": True}
    return told
