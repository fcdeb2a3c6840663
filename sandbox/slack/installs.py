"""Adding the app to further workspaces, as strict as Slack is about client, redirect URI, scopes and code.

https://docs.slack.dev/authentication/installing-with-oauth
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.consent import NO_STORE
from sandbox.slack.arguments import Arguments
from sandbox.slack.model import Json
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import APP_ID, BOT_USER, WorkspaceState

if TYPE_CHECKING:
    from sandbox.slack.workspace import SlackWorkspace

CODE_LIVES = 600  # seconds
HOOK = "incoming-webhook"


@dataclass(frozen=True)
class InstallCode:
    team: str
    person: str
    channel: str
    scopes: tuple[str, ...]
    redirect_uri: str
    at: float


class Installs:
    """`org_wide`: whoever installs next does so for a whole organization of the Enterprise plan."""

    def __init__(self, home: "SlackWorkspace") -> None:
        self.home = home
        self.others: dict[str, SlackWorkspace] = {}
        self.redirect_uris: set[str] = set()
        self.org_wide = False
        self.rotating = False
        self.made: set[str] = set()  # every token and code there has been, for tests that look for leaks
        self._codes: dict[str, InstallCode] = {}
        self._used: set[str] = set()
        self.routes = [Route("/oauth/v2/authorize", self._authorize, methods=["GET", "POST"])]

    def everywhere(self) -> "list[SlackWorkspace]":
        return [self.home, *self.others.values()]

    def of_token(self, token: str | None) -> "SlackWorkspace":
        """Whose workspace a call with that token is about."""
        known = (w for w in self.others.values() if token in {w.state.bot_token, *w.state.rotating})
        return next(known, self.home)

    async def _authorize(self, request: Request) -> Response:
        """GET asks, POST decides: which workspace (`team`), who (`person`), and where its messages go (`channel`)."""
        query = request.query_params
        if wrong := self._wrong(query):
            return HTMLResponse(f"<h1>{wrong}</h1>", 400, NO_STORE)
        if request.method == "GET":
            return HTMLResponse(_page(query["scope"], self.everywhere()), headers=NO_STORE)
        form, back = await request.form(), {"state": query.get("state", "")}
        team = next((w for w in self.everywhere() if w.state.team["id"] == form.get("team")), None)
        if form.get("decision") != "allow" or team is None:
            return _sent(query["redirect_uri"], {"error": "access_denied", **back})
        person = str(form.get("person") or next(iter(team.state.users)))
        code = secrets.token_hex(20)
        scopes = tuple(query["scope"].split(","))
        channel = str(form.get("channel") or next(iter(team.state.channels))) if HOOK in scopes else ""
        made = InstallCode(team.state.team["id"], person, channel, scopes, query["redirect_uri"], time.monotonic())
        self._codes[code] = made
        return _sent(query["redirect_uri"], {"code": code, **back})

    def _wrong(self, query: Mapping[str, str]) -> str:
        if query.get("client_id") != self.home.openid.client_id:
            return "invalid_client_id"
        if query.get("redirect_uri") not in self.redirect_uris:
            return "bad_redirect_uri"
        known = {*self.home.state.scopes, HOOK}
        asked = set(query.get("scope", "").split(","))
        return "" if asked <= known and "chat:write" in asked else "invalid_scope"

    def access(self, state: WorkspaceState, args: Arguments) -> Json:
        """oauth.v2.access: for a code, or for a refresh. https://docs.slack.dev/reference/methods/oauth.v2.access"""
        if args.text("grant_type", "authorization_code") == "refresh_token":
            token = args.text("refresh_token")
            mine = next((w for w in self.others.values() if w.rotation.holds(token)), self.home)
            return mine.rotation.access(state, args)
        if args.text("client_id") != self.home.openid.client_id:
            raise SlackRefusal("invalid_client_id")
        if args.text("client_secret") != self.home.openid.client_secret:
            raise SlackRefusal("bad_client_secret")
        code = args.text("code")
        if code in self._used:
            raise SlackRefusal("code_already_used")
        made = self._codes.pop(code, None)
        if made is None or time.monotonic() - made.at > CODE_LIVES:
            raise SlackRefusal("invalid_code")
        self._used.add(code)
        if args.text("redirect_uri") != made.redirect_uri:
            raise SlackRefusal("bad_redirect_uri")
        return self._installed(made)

    def _installed(self, made: InstallCode) -> Json:
        workspace = next(w for w in self.everywhere() if w.state.team["id"] == made.team)
        state, rotation = workspace.state, {}
        if self.rotating:
            refresh = workspace.rotation.install()
            rotation = {"refresh_token": refresh, "expires_in": int(workspace.rotation.lives.total_seconds())}
        elif workspace is not self.home and (state.token_error or not workspace.installed):
            state.bot_token = f"xoxb-{secrets.token_hex(24)}"
        state.token_error, workspace.installed = None, True
        self.made |= {state.bot_token, *(str(each) for each in rotation.values() if isinstance(each, str))}
        hook = f"https://hooks.slack.com/services/{made.team}/B0/{secrets.token_hex(12)}"
        chosen = {"channel_id": made.channel, "channel": "#chosen", "configuration_url": "", "url": hook}
        return {
            "access_token": state.bot_token,
            "token_type": "bot",
            "scope": ",".join(made.scopes),
            "bot_user_id": BOT_USER,
            "app_id": APP_ID,
            "team": None if self.org_wide else {"id": made.team, "name": state.team["name"]},
            "enterprise": {"id": "E0PRACTICE", "name": "Practice organization"} if self.org_wide else None,
            "is_enterprise_install": self.org_wide,
            "authed_user": {"id": made.person},
            **({"incoming_webhook": chosen} if made.channel else {}),
            **rotation,
        }

    def revoke(self, state: WorkspaceState, args: Arguments) -> Json:
        """auth.revoke with the bot's token: the app is gone from there. https://docs.slack.dev/reference/methods/auth.revoke"""
        state.token_error = "account_inactive"
        return {"revoked": True}


def _page(scopes: str, everywhere: "list[SlackWorkspace]") -> str:
    teams = "".join(f'<option value="{w.state.team["id"]}">{w.state.team["name"]}</option>' for w in everywhere)
    asked = "".join(f"<li>{scope}</li>" for scope in scopes.split(",") if scope.isascii())
    buttons = "".join(f'<button name="decision" value="{each}">{each}</button>' for each in ("allow", "deny"))
    form = f'<form method="post"><select name="team">{teams}</select>{buttons}</form>'
    return f"<h1>Redkey asks for access</h1><ul>{asked}</ul>{form}"


def _sent(uri: str, told: dict[str, str]) -> Response:
    return RedirectResponse(f"{uri}?{urlencode(told)}", 302, headers=NO_STORE)
