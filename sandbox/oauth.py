"""The OAuth 2 server of the practice world, as strict as RFC 6749, 7636 and 7009; each platform gives it its accent."""

import base64
import binascii
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.consent import ConsentPage
from sandbox.grants import Grants
from sandbox.ledger import Ledger, utc_now
from sandbox.tokens import AccessToken, Checked, Client, Grant, Lifetimes, Person, Problem, RefreshToken, Refusal

__all__ = [
    "Answer",
    "AuthorizationServer",
    "Checked",
    "Client",
    "Grant",
    "Lifetimes",
    "Paths",
    "Person",
    "Problem",
    "Refusal",
    "Rules",
]

Answer = tuple[int, dict[str, Any]]
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def rfc_answer(refusal: Refusal) -> Answer:
    """RFC 6749 §5.2: the answer of a vendor without habits of its own."""
    match refusal.problem:
        case Problem.UNKNOWN_CLIENT | Problem.WRONG_SECRET:
            return 401, {"error": "invalid_client"}
        case Problem.MISSING_PARAMETER:
            return 400, {"error": "invalid_request", "error_description": refusal.detail}
        case Problem.UNSUPPORTED_GRANT:
            return 400, {"error": "unsupported_grant_type"}
        case _:
            return 400, {"error": "invalid_grant", "error_description": refusal.problem.value}


@dataclass(frozen=True)
class Paths:
    authorize: str = "/authorize"
    token: str = "/token"
    revoke: str = "/revoke"
    userinfo: str = "/userinfo"


@dataclass(frozen=True)
class Rules:
    """How one vendor does OAuth. The hooks put refusals and extra fields in the vendor's own words."""

    vendor: str
    paths: Paths = Paths()
    issuer: str | None = None
    """When given, every redirect carries it as `iss` (RFC 9207)."""
    rotation: bool = False
    reuse_kills: bool = True
    """With rotation: a refresh token seen twice takes its whole grant down."""
    show_expires_in: bool = True
    pkce_required: bool = False
    granular: bool = False
    """The consent page has a checkbox per scope."""
    google_offline: bool = False
    """A refresh token only for access_type=offline, and again only with prompt=consent."""
    offline_scopes: tuple[str, ...] = ()
    """When given: a refresh token only if one of these was granted."""
    revoke_takes_all: bool = False
    """Revoking any token takes down all the person's grants for the client, as at Google."""
    unknown_revoke_fails: bool = False
    errors_to_client: bool = True
    """Wrong requests from a known client go back by redirect (RFC); False: an error page, as at Google."""
    token_prefixes: tuple[str, str] = ("at_", "rt_")
    refuse: Callable[[Refusal], Answer] = rfc_answer
    more_fields: Callable[[Grant, Request], dict[str, Any]] = lambda _grant, _request: {}
    about: Callable[[Person, tuple[str, ...]], dict[str, Any]] = field(
        default=lambda person, _scopes: {"sub": person.sub, "email": person.email, "name": person.name}
    )
    revoked: Callable[[], Response] = lambda: JSONResponse({})
    unauthorized: Callable[[Checked], Response] = lambda _checked: JSONResponse(
        {"error": "invalid_request", "error_description": "Invalid Credentials"}, status_code=401
    )


class AuthorizationServer:
    """One vendor's OAuth endpoints, and the hands-on controls that tests and levers use."""

    def __init__(
        self,
        rules: Rules,
        ledger: Ledger,
        *,
        client: Client,
        people: Iterable[Person] = (),
        lifetimes: Lifetimes | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.rules = rules
        self.ledger = ledger
        self.now = now
        self.clients = {client.id: client}
        self.client = client
        self.people = {person.email: person for person in people}
        self.grants = Grants(ledger, now, lifetimes or Lifetimes(), rules.token_prefixes)
        self.page = ConsentPage(self)

    def routes(self) -> list[Route]:
        paths = self.rules.paths
        return [
            Route(paths.authorize, self.page.show, methods=["GET"]),
            Route(paths.authorize, self.page.decide, methods=["POST"]),
            Route(paths.token, self.token, methods=["POST"]),
            Route(paths.revoke, self.revoke, methods=["GET", "POST"]),
            Route(paths.userinfo, self.userinfo, methods=["GET", "POST"]),
        ]

    # What tests and levers do

    def register_redirect(self, uri: str) -> None:
        self.client.redirect_uris.add(uri)

    def change_secret(self, secret: str) -> None:
        """The operator's copy of the client secret is wrong from now on."""
        self.client.secret = secret

    def revoke_user(self, email: str, why: Problem = Problem.REVOKED) -> int:
        """The person withdraws every consent: all tokens dead at once. How many grants died."""
        grants = list(self.grants.alive(email))
        for grant in grants:
            self.grants.kill(grant, why)
        return len(grants)

    def end_refresh(self, email: str, why: Problem = Problem.PASSWORD_CHANGED) -> int:
        """No refresh token of this person works any more; access tokens live out their time."""
        grants = [grant for grant in self.grants.alive(email) if grant.live_refresh]
        for grant in grants:
            self.grants.kill_refresh(grant, why)
        return len(grants)

    def change_password(self, email: str) -> int:
        return self.end_refresh(email, Problem.PASSWORD_CHANGED)

    def expire_access_tokens(self, email: str | None = None) -> int:
        return self.grants.expire_access(email)

    def check(self, bearer: str | None) -> Checked:
        """Whose token this is, or why it is worth nothing. `bearer` is the bare token."""
        return self.grants.check(bearer)

    def check_request(self, request: Request) -> Checked:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self.check(token.strip() if kind.lower() == "bearer" else None)

    def secrets(self) -> set[str]:
        """Every code, token and client secret in use here, for tests that look for leaks."""
        return self.grants.secrets() | {client.secret for client in self.clients.values()}

    # The endpoints

    async def token(self, request: Request) -> Response:
        form = await request.form()
        grant_type = str(form.get("grant_type", ""))
        try:
            answer = self._exchange(request, form, grant_type)
        except Refusal as refusal:
            self.ledger.record("token_request", grant_type=grant_type, outcome=refusal.problem.value)
            status, body = self.rules.refuse(refusal)
            headers = dict(NO_STORE)
            if status == 401:
                headers["www-authenticate"] = f'Basic realm="{self.rules.vendor}"'
            return JSONResponse(body, status_code=status, headers=headers)
        self.ledger.record("token_request", grant_type=grant_type, outcome="ok")
        return JSONResponse(answer, headers=NO_STORE)

    def _exchange(self, request: Request, form: FormData, grant_type: str) -> dict[str, Any]:
        for name in set(form):
            if len(form.getlist(name)) > 1:
                raise Refusal(Problem.MISSING_PARAMETER, f"Parameter given twice: {name}")
        if not grant_type:
            raise Refusal(Problem.MISSING_PARAMETER, "Required parameter is missing: grant_type")
        client = self._authenticate(request, form)
        match grant_type:
            case "authorization_code":
                return self._by_code(request, form, client)
            case "refresh_token":
                return self._by_refresh(request, form, client)
            case _:
                raise Refusal(Problem.UNSUPPORTED_GRANT, grant_type)

    def _authenticate(self, request: Request, form: FormData) -> Client:
        client_id, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        if request.headers.get("authorization", "").startswith("Basic "):
            client_id, secret = _basic(request.headers["authorization"])
        client = self.clients.get(client_id)
        if client is None:
            raise Refusal(Problem.UNKNOWN_CLIENT)
        if client.secret != secret:
            raise Refusal(Problem.WRONG_SECRET)
        return client

    def _by_code(self, request: Request, form: FormData, client: Client) -> dict[str, Any]:
        text, redirect_uri = _needed(form, "code"), _needed(form, "redirect_uri")
        verifier = form.get("code_verifier")
        code = self.grants.redeem(text, client.id, redirect_uri, str(verifier) if verifier else None)
        access = self.grants.issue_access(code.grant)
        refresh = self.grants.issue_refresh(code.grant) if code.offline else None
        return self._tokens(request, access, refresh)

    def _by_refresh(self, request: Request, form: FormData, client: Client) -> dict[str, Any]:
        grant, used = self.grants.use_refresh(
            _needed(form, "refresh_token"), client.id, reuse_kills=self.rules.reuse_kills
        )
        new = self.grants.rotate(grant, used) if self.rules.rotation else None
        self.ledger.record("token.refreshed", token=used.name, grant=grant.name, person=grant.person.email)
        return self._tokens(request, self.grants.issue_access(grant), new)

    def _tokens(self, request: Request, access: AccessToken, refresh: RefreshToken | None) -> dict[str, Any]:
        answer: dict[str, Any] = {"access_token": access.text, "token_type": "Bearer"}
        if self.rules.show_expires_in:
            # Google answers 3599 for an hour: the second is gone by the time the answer is read.
            answer["expires_in"] = max(1, int(self.grants.lifetimes.access.total_seconds()) - 1)
        if refresh is not None:
            answer["refresh_token"] = refresh.text
        answer["scope"] = " ".join(access.grant.scopes)
        return answer | self.rules.more_fields(access.grant, request)

    async def revoke(self, request: Request) -> Response:
        form = await request.form()
        text = str(form.get("token") or request.query_params.get("token") or "")
        grant = self._grant_of(text)
        self.ledger.record("revoke_request", known=grant is not None)
        if grant is not None:
            doomed = [grant]
            if self.rules.revoke_takes_all:
                doomed = list(self.grants.alive(grant.person.email, grant.client_id))
            for each in doomed:
                self.grants.kill(each, Problem.REVOKED)
            return self.rules.revoked()
        if self.rules.unknown_revoke_fails or not text:
            status, body = self.rules.refuse(Refusal(Problem.UNKNOWN_TOKEN))
            return JSONResponse(body, status_code=status)
        return self.rules.revoked()

    def _grant_of(self, text: str) -> Grant | None:
        if text in self.grants.access:
            grant = self.grants.access[text].grant
        elif text in self.grants.refresh:
            grant = self.grants.refresh[text][0]
        else:
            return None
        return grant if grant.dead is None else None

    async def userinfo(self, request: Request) -> Response:
        checked = self.check_request(request)
        self.ledger.record("userinfo", outcome=checked.reason or "ok")
        if not checked.ok:
            return self.rules.unauthorized(checked)
        return JSONResponse(self.rules.about(checked.who, checked.scopes))


def _needed(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(Problem.MISSING_PARAMETER, f"Missing required parameter: {name}")
    return value


def _basic(header: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(Problem.UNKNOWN_CLIENT) from None
    client_id, _, secret = text.partition(":")
    return urllib.parse.unquote_plus(client_id), urllib.parse.unquote_plus(secret)
