"""The page on which a person of the practice world logs in and says yes or no."""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.tokens import Grant, Person

if TYPE_CHECKING:
    from sandbox.oauth import AuthorizationServer

PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


@dataclass(frozen=True)
class Asked:
    """A well-formed authorization request."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None
    query: Mapping[str, str]


class BadRequest(Exception):
    """The request is refused. `redirect_uri` is set when the client may be told by redirect."""

    def __init__(
        self, error: str, description: str, *, redirect_uri: str | None = None, state: str | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.state = state


class ConsentPage:
    """GET shows it, POST to the same address decides; both check the request from scratch."""

    def __init__(self, server: "AuthorizationServer") -> None:
        self._server = server

    async def show(self, request: Request) -> Response:
        try:
            asked = self._read(request)
        except BadRequest as bad:
            return self._refuse(bad)
        hint = asked.query.get("login_hint", "")
        chosen = next((p.email for p in self._server.people.values() if hint and hint in {p.email, p.sub}), None)
        page = PAGES.get_template("consent.html").render(
            vendor=self._server.rules.vendor,
            client=asked.client_id,
            people=self._server.people.values(),
            scopes=asked.scopes,
            granular=self._server.rules.granular,
            chosen=chosen,
        )
        return HTMLResponse(page, headers=NO_STORE)

    async def decide(self, request: Request) -> Response:
        try:
            asked = self._read(request)
            form = await request.form()
            if form.get("decision") != "allow":
                self._server.ledger.record("consent", decision="denied")
                return self._send_back(asked.redirect_uri, {"error": "access_denied"}, asked.state)
            person = self._person(str(form.get("person", "")))
            ticked = {str(scope) for scope in form.getlist("scope")}
            return self._grant(asked, person, tuple(scope for scope in asked.scopes if scope in ticked))
        except BadRequest as bad:
            return self._refuse(bad)

    def _person(self, email: str) -> Person:
        if email not in self._server.people:
            raise BadRequest("invalid_request", "Choose who you are.")
        return self._server.people[email]

    def _grant(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> Response:
        server = self._server
        offline = self._gets_refresh_token(asked, person, scopes)
        grant: Grant = server.grants.open(person, asked.client_id, scopes)
        code = server.grants.issue_code(grant, asked.redirect_uri, asked.challenge, offline=offline)
        server.ledger.record("consent", decision="allowed", person=person.email, grant=grant.name, offline=offline)
        told = {"code": code.text}
        if server.rules.granular:
            told["scope"] = " ".join(scopes)
        return self._send_back(asked.redirect_uri, told, asked.state)

    def _gets_refresh_token(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> bool:
        rules = self._server.rules
        if rules.offline_scopes:
            return any(scope in rules.offline_scopes for scope in scopes)
        if not rules.google_offline:
            return True
        # https://developers.google.com/identity/protocols/oauth2/web-server: a refresh token comes only with
        # access_type=offline, and only on the first consent unless prompt=consent asks again.
        first = not any(self._server.grants.alive(person.email, asked.client_id))
        asks_again = "consent" in asked.query.get("prompt", "").split()
        return asked.query.get("access_type") == "offline" and (first or asks_again)

    def _read(self, request: Request) -> Asked:
        """Raises BadRequest.

        Until client and redirect URI are known good, nothing may be sent there (RFC 6749 §4.1.2.1).
        """
        query = request.query_params
        for name in set(query):
            if len(query.getlist(name)) > 1:
                raise BadRequest("invalid_request", f"Parameter given twice: {name}")
        client = self._server.clients.get(query.get("client_id", ""))
        if client is None:
            raise BadRequest("invalid_client", "The OAuth client was not found.")
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            raise BadRequest("redirect_uri_mismatch", f"This redirect URI is not registered: {redirect_uri!r}")
        try:
            challenge = self._well_formed(query)
        except BadRequest as bad:
            if self._server.rules.errors_to_client:
                bad.redirect_uri, bad.state = redirect_uri, query.get("state")
            raise
        scopes = tuple(dict.fromkeys(query["scope"].split()))
        return Asked(client.id, redirect_uri, scopes, query.get("state"), challenge, dict(query))

    def _well_formed(self, query: Mapping[str, str]) -> str | None:
        """The PKCE challenge, if there is one."""
        if not query.get("response_type"):
            raise BadRequest("invalid_request", "Required parameter is missing: response_type")
        if query["response_type"] != "code":
            raise BadRequest("unsupported_response_type", f"Not supported: {query['response_type']}")
        if not query.get("scope", "").split():
            raise BadRequest("invalid_request", "Missing required parameter: scope")
        challenge = query.get("code_challenge")
        if challenge is None:
            if self._server.rules.pkce_required or "code_challenge_method" in query:
                raise BadRequest("invalid_request", "Required parameter is missing: code_challenge")
            return None
        # Without a method RFC 7636 means "plain", which nobody should accept any more.
        if query.get("code_challenge_method", "plain") != "S256":
            raise BadRequest("invalid_request", "Only code_challenge_method S256 is supported.")
        if len(challenge) != 43:
            raise BadRequest("invalid_request", "code_challenge must be 43 characters of base64url.")
        return challenge

    def _refuse(self, bad: BadRequest) -> Response:
        self._server.ledger.record("authorize_refused", error=bad.error)
        if bad.redirect_uri is not None:
            told = {"error": bad.error, "error_description": bad.description}
            return self._send_back(bad.redirect_uri, told, bad.state)
        page = PAGES.get_template("oauth_error.html").render(
            vendor=self._server.rules.vendor, error=bad.error, description=bad.description
        )
        return HTMLResponse(page, status_code=400, headers=NO_STORE)

    def _send_back(self, redirect_uri: str, told: dict[str, str], state: str | None) -> Response:
        if state is not None:
            told["state"] = state
        if self._server.rules.issuer is not None:
            told["iss"] = self._server.rules.issuer
        joint = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(redirect_uri + joint + urllib.parse.urlencode(told), status_code=303, headers=NO_STORE)
