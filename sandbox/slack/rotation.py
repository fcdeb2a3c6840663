"""Token rotation, as an app has it whose owner switched it on; there is no way back.

https://docs.slack.dev/authentication/using-token-rotation
"""

import secrets
from datetime import timedelta

from sandbox.slack.arguments import Arguments
from sandbox.slack.model import Json
from sandbox.slack.openid import OpenId
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import APP_ID, BOT_USER, WorkspaceState

LIVES = timedelta(hours=12)
LIVING = 2  # bot tokens at a time: a third one ends the first


class Rotation:
    def __init__(self, state: WorkspaceState, openid: OpenId) -> None:
        self.state = state
        self._openid = openid
        self.lives = LIVES
        self._refresh = ""
        self.made: set[str] = set()  # every token there has been, for tests that look for leaks
        self.refreshed = 0
        self.refused = 0

    def install(self) -> str:
        """The app is installed with rotation on: the refresh token that its page then shows. Older tokens are over."""
        self.state.rotating = {}
        return self._issue()

    def holds(self, refresh_token: str) -> bool:
        return bool(self._refresh) and refresh_token == self._refresh

    def _issue(self) -> str:
        access = f"xoxe.xoxb-1-{secrets.token_hex(24)}"
        living = list(self.state.rotating.items())[-(LIVING - 1) :]
        self.state.rotating = {**dict(living), access: self.state.now() + self.lives}
        self.state.bot_token, self._refresh = access, f"xoxe-1-{secrets.token_hex(24)}"
        self.made |= {access, self._refresh}
        return self._refresh

    def access(self, _state: WorkspaceState, args: Arguments) -> Json:
        """oauth.v2.access, for a refresh. https://docs.slack.dev/reference/methods/oauth.v2.access"""
        if args.text("client_id") != self._openid.client_id:
            raise SlackRefusal("invalid_client_id")
        if args.text("client_secret") != self._openid.client_secret:
            raise SlackRefusal("bad_client_secret")
        if args.text("grant_type") != "refresh_token":
            raise SlackRefusal("invalid_grant_type")
        if not self._refresh or args.text("refresh_token") != self._refresh:
            self.refused += 1
            raise SlackRefusal("invalid_refresh_token")
        self.refreshed += 1
        refresh = self._issue()
        return {
            "access_token": self.state.bot_token,
            "expires_in": int(self.lives.total_seconds()),
            "refresh_token": refresh,
            "token_type": "bot",
            "scope": ",".join(self.state.scopes),
            "bot_user_id": BOT_USER,
            "app_id": APP_ID,
            "team": {"id": self.state.team["id"], "name": self.state.team["name"]},
            "enterprise": None,
            "is_enterprise_install": False,
        }
