"""Sign in with Slack: OpenID Connect through Authlib, and an id token that is believed only when everything in it fits.

https://docs.slack.dev/authentication/sign-in-with-slack/
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bot.words.errors import TryLater
from handlers.web.rendering import tidy

SCOPES = "openid profile"
USER, TEAM = "https://slack.com/user_id", "https://slack.com/team_id"
LEEWAY = 60  # seconds our clock may be off


class NotAllowed(Exception):
    """Slack knows the person, but this is somebody else's workspace, or the answer is not for us."""


@dataclass(frozen=True)
class Known:
    """Who signed in."""

    user: str
    name: str


class SlackLogin:
    """`api_url` is Slack's Web API; the login pages and keys are on the same host."""

    def __init__(
        self,
        *,
        api_url: str,
        client_id: str,
        client_secret: str,
        own_team: Callable[[], Awaitable[str]],
        redirect_uri: str,
        timeout: float,
    ) -> None:
        self._api = api_url
        self._issuer = api_url.removesuffix("/").removesuffix("/api")
        self._client_id = client_id
        self._client_secret = client_secret
        self._ask_team = own_team
        self._redirect_uri = redirect_uri
        self._timeout = timeout
        self._team = ""
        self._keys: KeySet | None = None
        self._turn = asyncio.Lock()

    @property
    def authorize_url(self) -> str:
        return f"{self._issuer}/openid/connect/authorize"

    async def url(self, state: str, nonce: str) -> str:
        """Slack's own page. It offers our workspace first, where that is known by now."""
        asked = {
            "response_type": "code",
            "scope": SCOPES,
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "nonce": nonce,
            **({"team": self._team} if self._team else {}),
        }
        return f"{self.authorize_url}?{urlencode(asked)}"

    async def known(self, code: str, nonce: str, now: datetime) -> Known:
        """Raises NotAllowed, and TryLater when Slack does not answer properly."""
        try:
            async with AsyncOAuth2Client(
                self._client_id,
                self._client_secret,
                token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
                trust_env=False,
                timeout=self._timeout,
            ) as client:
                answer = await client.fetch_token(
                    f"{self._api}openid.connect.token",
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=self._redirect_uri,
                )
            if not answer.get("ok", True):  # Slack says no with a 200
                raise NotAllowed("Slack did not take the code")
            claims = await self._claims(str(answer.get("id_token", "")))
            team = await self._own_team()
        except OAuthError:
            raise NotAllowed("Slack did not take the code") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise TryLater(f"Slack did not answer properly ({type(error).__name__})") from None
        return self._read(claims, nonce, team, now.timestamp())

    def _read(self, claims: dict[str, Any], nonce: str, team: str, now: float) -> Known:
        expires, user = claims.get("exp"), claims.get(USER)
        fits = (
            claims.get("iss") == self._issuer
            and claims.get("aud") == self._client_id
            and claims.get("nonce") == nonce
            and isinstance(expires, int | float)
            and expires > now - LEEWAY
            and isinstance(user, str)
            and 0 < len(user) < 40
        )
        if not fits:
            raise NotAllowed("the id token is not for us")
        if claims.get(TEAM) != team:
            raise NotAllowed("another workspace")
        return Known(str(user), tidy(str(claims.get("name") or user), 80))

    async def _claims(self, token: str) -> dict[str, Any]:
        """Slack may have changed its keys since we fetched them: asked once more before a token is refused."""
        for fresh in (False, True):
            try:
                return dict(jwt.decode(token, await self._key_set(fresh=fresh), algorithms=["RS256"]).claims)
            except (JoseError, ValueError, TypeError):
                continue
        raise NotAllowed("the id token is not Slack's")

    async def _key_set(self, *, fresh: bool) -> KeySet:
        async with self._turn:
            if self._keys is None or fresh:
                self._keys = KeySet.import_key_set(await self._asked("GET", f"{self._issuer}/openid/connect/keys"))
            return self._keys

    async def _own_team(self) -> str:
        """The bot's own workspace is the only one whose members may come in."""
        self._team = self._team or await self._ask_team()
        return self._team

    async def _asked(self, method: str, url: str) -> Any:
        async with httpx2.AsyncClient(trust_env=False, timeout=self._timeout) as client:
            answer = await client.request(method, url)
        answer.raise_for_status()
        return answer.json()
