"""Slack's token rotation: a refresh token is traded for a new bot token and a new refresh token, once.

https://docs.slack.dev/authentication/using-token-rotation

slack_sdk's AsyncTokenRotator is not used: it takes any answer for tokens, tells nothing of a refusal, and its client sends a
request again whose answer was lost, which uses up a refresh token that counts once.
"""

from datetime import timedelta

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.connection import Cause, Json, Secret, TokenSet
from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.words.interfaces import Clock
from handlers.slack.line.slack_answers import code_of, maybe_done, rate_limited, retry_after
from handlers.slack.line.tokens import NETWORK

CLIENT_WRONG = frozenset({"bad_client_secret", "invalid_client_id"})
TOKEN_WRONG = frozenset({"account_inactive", "invalid_auth", "invalid_refresh_token", "token_expired", "token_revoked"})
INSTALL = "Install the app anew at api.slack.com/apps, OAuth & Permissions, and set slack.refresh_token to the new one."


class SlackRotation:
    """Implements bot.logins.refresh.Renews."""

    rotates = True

    def __init__(self, client_id: str, client_secret: Secret, *, api_url: str, timeout: float, now: Clock) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._client = AsyncWebClient(base_url=api_url, timeout=int(timeout) or 1, retry_handlers=[])
        self._now = now

    async def refresh(self, refresh_token: Secret) -> TokenSet:
        asked = {
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.reveal(),
        }
        try:
            # The SDK's own method for it shows the client in a way that aiohttp 4 drops.
            answer = await self._client.api_call("oauth.v2.access", data=asked)
        except SlackApiError as error:
            raise _meaning(error) from None  # the request, token and all, hangs on Slack's error
        except (*NETWORK, ValueError) as error:
            raise TryLater(f"Slack did not answer ({type(error).__name__})", unclear=maybe_done(error)) from None
        return self._read(answer.data if isinstance(answer.data, dict) else {})

    def _read(self, answer: Json) -> TokenSet:
        """Anything but a checked token response is no reason to give up what we have."""
        access, refresh, seconds = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
        texts = isinstance(access, str) and access and isinstance(refresh, str) and refresh
        if not texts or not isinstance(seconds, int) or seconds <= 0 or answer.get("token_type") != "bot":
            raise TryLater("Slack's answer holds no bot token", unclear=True)
        return TokenSet(Secret(str(access)), Secret(str(refresh)), expires_at=self._now() + timedelta(seconds=seconds))


def _meaning(error: SlackApiError) -> RedkeyError:
    code = code_of(error)
    if rate_limited(error):
        return TryLater("Slack asks to wait", after=retry_after(error))
    if code in CLIENT_WRONG:
        cure = "Copy slack.client_id and slack.client_secret from the Slack app's Basic Information."
        return Misconfigured(Cause(code, f"Slack does not know the app by these ({code}).", cure))
    if code in TOKEN_WRONG:
        return AuthorizationLost(
            Cause(code, f"Slack does not take the bot's refresh token any more ({code}).", INSTALL)
        )
    return TryLater(f"Slack answered {code or 'nothing of use'}", unclear=maybe_done(error))
