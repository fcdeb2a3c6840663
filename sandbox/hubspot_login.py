"""How HubSpot does OAuth: a person installs the app in one of their accounts; its token answers and its refusals.

https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.consent import NO_STORE, PAGES, Asked, BadRequest, ConsentPage
from sandbox.hubspot_errors import ApiError, correlation_id
from sandbox.hubspot_portal import ALL_SCOPES, Portal
from sandbox.ledger import Ledger
from sandbox.oauth import Answer, AuthorizationServer, Client, Grant, Lifetimes, Paths, Person, Rules
from sandbox.tokens import AccessToken, Problem, RefreshToken, Refusal

CLIENT_ID = "7fff1e36-2d40-4ae1-bbb1-5266d59564fb"
CLIENT_SECRET = "0a1b2c3d-sandbox-redkey-hubspot-secret"
APP_ID = 1_160_452
VERSION = "2026-03"

_BAD_CODE = ("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
_REFUSALS = {
    Problem.UNKNOWN_CLIENT: ("invalid_client", "BAD_CLIENT_ID", "missing or invalid client id"),
    Problem.WRONG_SECRET: ("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret"),
    Problem.UNSUPPORTED_GRANT: ("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type"),
    Problem.MISSING_PARAMETER: ("invalid_request", "BAD_GRANT_TYPE", "a parameter is missing"),
    Problem.WRONG_REDIRECT: ("invalid_request", "BAD_REDIRECT_URI", "missing or unknown redirect uri"),
    Problem.ACCOUNT_DELETED: ("access_denied", "BAD_HUB", "missing or unknown hub id"),
    **dict.fromkeys(
        (
            Problem.UNKNOWN_CODE,
            Problem.FOREIGN_CODE,
            Problem.EXPIRED_CODE,
            Problem.USED_CODE,
            Problem.MISSING_VERIFIER,
            Problem.WRONG_VERIFIER,
        ),
        _BAD_CODE,
    ),
}
_BAD_REFRESH = ("invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")


class InstallPage(ConsentPage):
    """A person chooses an account on the way. `email/hub_id` names both; the email alone means their first account."""

    def __init__(self, server: "Login") -> None:
        super().__init__(server)
        self._login = server

    async def show(self, request: Request) -> Response:
        try:
            asked = self._read(request)
        except BadRequest as bad:
            return self._refuse(bad)
        page = PAGES.get_template("consent.html").render(
            vendor=self._login.rules.vendor,
            client=asked.client_id,
            people=self._login.choices(),
            scopes=(*asked.scopes, *(f"{each} (if there)" for each in _optional(asked))),
            granular=False,
            chosen=None,
        )
        return HTMLResponse(page, headers=NO_STORE)

    def _person(self, email: str) -> Person:
        login, _, hub = email.partition("/")
        person = super()._person(login)
        reached = [each for each in person.accounts if hub in {"", each}]
        if not reached:
            raise BadRequest("invalid_request", "Choose an account that you have access to.")
        return replace(person, accounts=reached[:1])

    def _grant(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> Response:
        """There are no check boxes: all or nothing of what is required, and of the rest what the account has."""
        portal = self._login.portal_of(person)
        if unknown := [each for each in (*asked.scopes, *_optional(asked)) if each not in ALL_SCOPES]:
            raise BadRequest("invalid_scope", f"The app may not ask for these scopes: [{', '.join(unknown)}]")
        if person.email not in self._login.installers:
            raise BadRequest("access_denied", "You don't have permission to connect apps to this account.")
        if lacking := [each for each in asked.scopes if each not in portal.plan]:
            words = "Authorization failed because your account lacks access to the required scopes"
            raise BadRequest("invalid_scope", f"{words} [{', '.join(lacking)}]")
        granted = (*asked.scopes, *(each for each in _optional(asked) if each in portal.plan))
        return super()._grant(asked, person, tuple(dict.fromkeys(granted)))


def _optional(asked: Asked) -> list[str]:
    return asked.query.get("optional_scope", "").split()


class Login(AuthorizationServer):
    """The authorization server of all portals. A grant belongs to one person in one portal."""

    def __init__(self, ledger: Ledger, portals: Mapping[str, Portal], people: Sequence[Person]) -> None:
        self.portals = portals
        self.installers = {person.email for person in people}
        self.rfc_errors = True
        """Whether refusals carry `error` beside HubSpot's own `status`, as they do since 2026."""
        at = f"/oauth/{VERSION}/token"
        rules = Rules(
            vendor="HubSpot",
            paths=Paths("/oauth/authorize", at, f"{at}/revoke", f"{at}/introspect"),
            errors_to_client=False,
            token_prefixes=("CNiz4ai3MxIHAAEAUAAAARiO1ooBIOP0sgEo", "na1-"),
            refuse=self.refuse,
            revoked=lambda: Response(status_code=204),
        )
        lifetimes = Lifetimes(timedelta(minutes=30), timedelta(minutes=1))
        client = Client(CLIENT_ID, CLIENT_SECRET)
        super().__init__(rules, ledger, client=client, people=people, lifetimes=lifetimes, now=ledger.now)
        self.page = InstallPage(self)

    def routes(self) -> list[Route]:
        paths = self.rules.paths
        return [
            Route(paths.authorize, self.page.show, methods=["GET"]),
            Route(paths.authorize, self.page.decide, methods=["POST"]),
            Route(paths.token, self.token, methods=["POST"]),
            Route(paths.revoke, self.revoke, methods=["POST"]),
            Route(paths.userinfo, self.introspect, methods=["POST"]),
        ]

    def choices(self) -> list[Person]:
        """One line per person and account; `email` is what the form sends."""
        return [
            Person(person.sub, f"{person.email}/{hub}", f"{person.name}, {self.portals[hub].name} ({hub})")
            for person in self.people.values()
            for hub in person.accounts
        ]

    def portal_of(self, person: Person) -> Portal:
        return self.portals[person.accounts[0]]

    def uninstall(self, hub: str, why: Problem = Problem.REVOKED) -> int:
        """Someone removes the app from the account: every login there is dead. How many died."""
        doomed = [grant for grant in self.grants.alive() if grant.person.accounts[0] == hub]
        for grant in doomed:
            self.grants.kill(grant, why)
        return len(doomed)

    def refuse(self, refusal: Refusal) -> Answer:
        """All refusals are 400: https://developers.hubspot.com/changelog/new-oauth-v3-api-endpoints-and-standardized-error-responses"""
        error, status, message = _REFUSALS.get(refusal.problem, _BAD_REFRESH)
        body: dict[str, Any] = {"status": status, "message": message, "correlationId": correlation_id()}
        return 400, body | ({"error": error, "error_description": message} if self.rfc_errors else {})

    async def token(self, request: Request) -> Response:
        return await super().token(request) if _is_form(request) else _not_a_form()

    def _tokens(self, request: Request, access: AccessToken, refresh: RefreshToken | None) -> dict[str, Any]:
        """The same refresh token comes back every time."""
        grant = access.grant
        kept = refresh or grant.live_refresh
        assert kept is not None  # without one the request was refused
        return {
            "token_type": "bearer",
            "token_use": "access_token",
            "access_token": access.text,
            "refresh_token": kept.text,
            "expires_in": max(1, int(self.grants.lifetimes.access.total_seconds())),
            "hub_id": int(grant.person.accounts[0]),
            "user_id": int(grant.person.sub),
            "scopes": list(grant.scopes),
        }

    async def revoke(self, request: Request) -> Response:
        """The refresh token alone: access tokens live out their time, and the app stays installed."""
        form = await request.form()
        try:
            self._authenticate(request, form)
            grant, token = self.grants.refresh.get(str(form.get("token", "")), (None, None))
            self.ledger.record("revoke_request", known=grant is not None)
            if grant is None or token is None or grant.dead or token.dead:
                raise Refusal(Problem.UNKNOWN_REFRESH)
        except Refusal as refusal:
            return self._refused(refusal)
        self.grants.kill_refresh(grant, Problem.REVOKED)
        return self.rules.revoked()

    async def introspect(self, request: Request) -> Response:
        if not _is_form(request):
            return _not_a_form()
        form = await request.form()
        try:
            client = self._authenticate(request, form)
        except Refusal as refusal:
            return self._refused(refusal)
        return JSONResponse(self._introspected(form, client))

    def _refused(self, refusal: Refusal) -> Response:
        status, body = self.refuse(refusal)
        return JSONResponse(body, status)

    def _introspected(self, form: FormData, client: Client) -> dict[str, object]:
        text = str(form.get("token", ""))
        if self.check(text).ok:
            access = self.grants.access[text]
            left = int((access.expires_at - self.now()).total_seconds())
            about = self._about(access.grant, client, text)
            more = {"signed_access_token": self._signed(access), "is_private_distribution": True}
            return about | {"token_use": "access_token", "expires_in": left, **more}
        grant, token = self.grants.refresh.get(text, (None, None))
        if grant is None or token is None or grant.dead or token.dead:
            return {"active": False}
        return self._about(grant, client, text) | {"token_use": "refresh_token"}

    def _about(self, grant: Grant, client: Client, text: str) -> dict[str, object]:
        portal = self.portal_of(grant.person)
        return {
            "active": True,
            "token": text,
            "token_type": "bearer",
            "client_id": client.id,
            "app_id": APP_ID,
            "hub_id": portal.hub_id,
            "hub_domain": portal.domain,
            "user_id": int(grant.person.sub),
            "user": grant.person.email,
            "scopes": list(grant.scopes),
        }

    def _signed(self, access: AccessToken) -> dict[str, object]:
        user, hub = int(access.grant.person.sub), int(access.grant.person.accounts[0])
        texts = (
            "signature",
            "newSignature",
            "scopes",
            "scopeToScopeGroupPks",
            "trialScopes",
            "trialScopeToScopeGroupPks",
        )
        return {
            "appId": APP_ID,
            "appInstallId": access.grant.name,
            "audience": "",
            "expiresAt": int(access.expires_at.timestamp() * 1000),
            "hubId": hub,
            "hublet": "na1",
            "installingUserId": user,
            "isPrivateDistribution": True,
            "isServiceAccount": False,
            "isUserLevel": False,
            "userId": user,
            **dict.fromkeys(texts, "AAAA"),
        }


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _not_a_form() -> Response:
    return ApiError(415, "", "Unsupported Media Type").answer()
