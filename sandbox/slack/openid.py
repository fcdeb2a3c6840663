"""Sign in with Slack, as the practice workspace does it: strict about client, redirect URI, scope, code and secret.

https://docs.slack.dev/authentication/sign-in-with-slack/ and https://slack.com/.well-known/openid-configuration
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.consent import NO_STORE, PAGES
from sandbox.slack.arguments import read_arguments
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import TEAM, WorkspaceState

SCOPES = {"openid", "profile", "email"}
CODE_LIVES = 600


@dataclass(frozen=True)
class Code:
    user: str
    nonce: str
    redirect_uri: str
    team: str
    at: float


class OpenId:
    def __init__(self, state: WorkspaceState, others: Callable[[], list[WorkspaceState]] = list) -> None:
        self.state = state
        self._others = others
        self.client_id = "1000000000000.2000000000000"
        self.client_secret = "sandbox-slack-client-secret"
        self.redirect_uris: set[str] = set()
        self.team = str(TEAM["id"])  # whose member the next person claims to be
        self.sign: Callable[[dict[str, object]], str] = self._signed  # replaced by whoever forges
        self._codes: dict[str, Code] = {}
        self._key: RSAKey | None = None
        self.routes = [
            Route("/openid/connect/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/openid/connect/keys", self._key_set),
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/api/openid.connect.token", self._token, methods=["GET", "POST"]),
        ]

    @property
    def key(self) -> RSAKey:
        """Made when first needed: it takes a while, and few need it."""
        if self._key is None:
            self._key = RSAKey.generate_key(2048, {"kid": "sandbox", "use": "sig", "alg": "RS256"})
        return self._key

    async def _configuration(self, _request: Request) -> Response:
        issuer = self.state.base_url
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/openid/connect/authorize",
                "token_endpoint": f"{issuer}/api/openid.connect.token",
                "jwks_uri": f"{issuer}/openid/connect/keys",
                "scopes_supported": sorted(SCOPES),
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _key_set(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        """GET asks who it is, POST decides; a request that is wrong is never sent back to its redirect URI."""
        query = request.query_params
        if wrong := self._wrong(query):
            return HTMLResponse(f"<h1>{wrong}</h1>", 400, NO_STORE)
        if request.method == "GET":
            page = PAGES.get_template("consent.html").render(
                vendor="Slack",
                client="Redkey",
                people=[user for state in self._everywhere() for user in state.users.values()],
                scopes=query["scope"].split(),
                granular=False,
                chosen=None,
            )
            return HTMLResponse(page, headers=NO_STORE)
        form, back = await request.form(), {"state": query.get("state", "")}
        found = (
            (state, user)
            for state in self._everywhere()
            for user in state.users.values()
            if user.email == form.get("person")
        )
        home, person = next(found, (self.state, None))
        if form.get("decision") != "allow" or person is None:
            return _sent(query["redirect_uri"], {"error": "access_denied", **back})
        code = secrets.token_hex(16)
        uri, nonce = query["redirect_uri"], query.get("nonce", "")
        team = self.team if home is self.state else str(home.team["id"])
        self._codes[code] = Code(person.id, nonce, uri, team, time.monotonic())
        return _sent(uri, {"code": code, **back})

    def _everywhere(self) -> list[WorkspaceState]:
        return [self.state, *self._others()]

    def _wrong(self, query: "object") -> str:
        asked = dict(query)  # type: ignore[call-overload]
        scopes = set(asked.get("scope", "").split())
        if asked.get("client_id") != self.client_id:
            return "invalid_client_id"
        if asked.get("redirect_uri") not in self.redirect_uris:
            return "bad_redirect_uri"
        if asked.get("response_type") != "code":
            return "invalid_response_type"
        return "" if "openid" in scopes and scopes <= SCOPES else "invalid_scope"

    async def _token(self, request: Request) -> Response:
        """As every Web API method it says no with a 200."""
        try:
            args = await read_arguments(request)
            if args.text("client_id") != self.client_id:
                raise SlackRefusal("invalid_client_id")
            if args.text("client_secret") != self.client_secret:
                raise SlackRefusal("bad_client_secret")
            if args.text("grant_type", "authorization_code") != "authorization_code":
                raise SlackRefusal("invalid_grant_type")
            code = self._codes.pop(args.text("code"), None)
            if code is None or time.monotonic() - code.at > CODE_LIVES:
                raise SlackRefusal("invalid_code")
            if args.text("redirect_uri") != code.redirect_uri:
                raise SlackRefusal("bad_redirect_uri")
        except SlackRefusal as refusal:
            return JSONResponse(refusal.body)
        token = {"ok": True, "access_token": f"xoxp-{secrets.token_hex(12)}", "token_type": "Bearer"}
        return JSONResponse({**token, "id_token": self._id_token(code)}, headers=NO_STORE)

    def _id_token(self, code: Code) -> str:
        user = next(state.users[code.user] for state in self._everywhere() if code.user in state.users)
        now = int(self.state.now().timestamp())
        claims: dict[str, object] = {
            "iss": self.state.base_url,
            "sub": user.id,
            "aud": self.client_id,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": code.nonce,
            "https://slack.com/team_id": code.team,
            "https://slack.com/user_id": user.id,
            "name": user.real_name,
            "email": user.email,
            "email_verified": True,
        }
        return self.sign(claims)

    def _signed(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "sandbox", "typ": "JWT"}, claims, self.key)


def _sent(uri: str, told: dict[str, str]) -> Response:
    return RedirectResponse(f"{uri}?{urlencode(told)}", 302, headers=NO_STORE)
