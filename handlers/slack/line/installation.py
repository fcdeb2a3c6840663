"""Adding the app to another workspace: Slack's page that asks for it, and the code that comes back traded for a token.

https://docs.slack.dev/authentication/installing-with-oauth

Bolt's own flow for it is not used: its cookie is no __Host- cookie, its pages carry styles that our policy refuses, and it
logs the code of an exchange that failed.
"""

from urllib.parse import urlencode

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.memory.installed import Installed
from bot.words.connection import Json, Secret
from bot.words.errors import Refused, TryLater
from bot.words.tenant import TEAM
from handlers.slack.line.manifest import scopes
from handlers.slack.line.slack_answers import code_of, maybe_done, rate_limited
from handlers.slack.line.tokens import NETWORK

log = structlog.get_logger()

HOOK = "incoming-webhook"  # makes Slack ask whoever installs for a channel; the webhook itself is thrown away
ORG_WIDE = "org_wide"


class SlackInstalls:
    """Implements bot.reauthorize.installing.Vendor."""

    def __init__(self, client_id: str, client_secret: Secret, *, api_url: str, callbacks: str, timeout: float) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._page = api_url.removesuffix("/").removesuffix("/api") + "/oauth/v2/authorize"
        self._redirect_uri = f"{callbacks}/slack/oauth_redirect"
        self._api_url = api_url
        self._timeout = int(timeout) or 1
        self._client = AsyncWebClient(base_url=api_url, timeout=self._timeout, retry_handlers=[])

    def consent_url(self, state: str) -> str:
        asked = {
            "client_id": self._client_id,
            "scope": ",".join([*scopes(), HOOK]),
            "redirect_uri": self._redirect_uri,
            "state": state,
        }
        return f"{self._page}?{urlencode(asked)}"

    async def trade(self, code: Secret) -> Installed:
        """Raises Refused for a no of Slack's and for an installation we do not take, TryLater when it does not answer."""
        asked = {
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
            "code": code.reveal(),
            "redirect_uri": self._redirect_uri,
        }
        try:
            answer = await self._client.api_call("oauth.v2.access", data=asked)
        except SlackApiError as error:
            if rate_limited(error) or maybe_done(error):
                raise TryLater("Slack did not answer properly") from None  # the code hangs on Slack's error
            raise Refused(f"Slack did not take the code ({code_of(error)})", code=code_of(error)) from None
        except (*NETWORK, ValueError) as error:
            raise TryLater(f"Slack did not answer ({type(error).__name__})") from None
        return await self._read(answer.data if isinstance(answer.data, dict) else {})

    async def _read(self, answer: Json) -> Installed:
        token = answer.get("access_token")
        if not isinstance(token, str) or not token or answer.get("token_type") != "bot":
            raise Refused("Slack's answer holds no bot token", code="no_token")
        if answer.get("is_enterprise_install"):
            await self.give_back(Secret(token))
            raise Refused("an installation for a whole organization", code=ORG_WIDE)
        team, person = _part(answer, "team"), _part(answer, "authed_user")
        channel, refresh = _part(answer, "incoming_webhook").get("channel_id"), answer.get("refresh_token")
        if not TEAM.fullmatch(str(team.get("id"))) or not isinstance(person.get("id"), str):
            raise Refused("Slack's answer names no workspace and nobody who installed", code="no_team")
        return Installed(
            str(team["id"]),
            str(team.get("name") or team["id"])[:120],
            channel if isinstance(channel, str) and channel else person["id"],
            person["id"],
            Secret(token),
            Secret(refresh) if isinstance(refresh, str) and refresh else None,
        )

    async def give_back(self, token: Secret) -> None:
        """Take the app out again where it may not stay."""
        client = AsyncWebClient(token.reveal(), base_url=self._api_url, timeout=self._timeout, retry_handlers=[])
        try:
            await client.auth_revoke()
        except (SlackApiError, *NETWORK) as error:
            log.warning("an installation that is not wanted could not be given back", why=type(error).__name__)


def _part(answer: Json, name: str) -> Json:
    found = answer.get(name)
    return found if isinstance(found, dict) else {}
