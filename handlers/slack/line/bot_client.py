"""A client of the Web API whose token may rotate: asked for at each call, renewed when Slack says that it has expired."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError
from bot.words.oauth import AccessToken, Tokens
from handlers.slack.line.slack_answers import ROTATION_ENDED, NoToken, code_of

NOT_THE_BOTS = frozenset({"apps.connections.open"})  # Socket Mode's token is another one, and does not rotate
ASKED_FOR = "asked-for-at-each-call"  # Bolt wants to see some token before there is one

BotKey = str | Tokens


class BotClient(AsyncWebClient):
    """`key`: the token, or where to ask for it."""

    def __init__(self, key: BotKey, **given: Any) -> None:
        super().__init__(key if isinstance(key, str) else ASKED_FOR, **given)
        self._tokens = None if isinstance(key, str) else key

    async def api_call(self, api_method: str, **given: Any) -> AsyncSlackResponse:
        if self._tokens is None or api_method in NOT_THE_BOTS:
            return await super().api_call(api_method, **given)
        held = await self._asked(self._tokens, None, api_method)
        try:
            return await super().api_call(api_method, **given)
        except SlackApiError as error:
            if code_of(error) != "token_expired":
                raise
            # A definite no: nothing was done, so the same call may go out again with a newer token.
            await self._asked(self._tokens, held.generation, api_method)
            return await super().api_call(api_method, **given)

    async def _asked(self, tokens: Tokens, refused: int | None, method: str) -> AccessToken:
        """Trouble with the token is told as Slack's callers expect it: a refusal by Slack, or no connection."""
        try:
            held = await (tokens.current() if refused is None else tokens.renewed(refused))
        except (AuthorizationLost, Misconfigured) as error:
            said = self._refusal(method, error.cause.code)
            raise SlackApiError(error.cause.words, said) from None  # type: ignore[no-untyped-call]
        except RedkeyError as error:
            raise NoToken(str(error)) from None
        self.token = held.secret.reveal()
        return held

    def _refusal(self, method: str, code: str) -> AsyncSlackResponse:
        said = {"ok": False, "error": code if code in ROTATION_ENDED else "invalid_refresh_token"}
        return AsyncSlackResponse(
            client=self, http_verb="POST", api_url=method, req_args={}, data=said, headers={}, status_code=200
        )
