"""What people are called: asked once from Slack, so that a reply can name who acted without pinging them."""

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

MOST = 10_000


class Names:
    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def of(self, user: str) -> str | None:
        return self._known.get(user)

    async def learn(self, user: str) -> None:
        """A name is a courtesy: whatever goes wrong, what the person asked for goes on."""
        if user in self._known or len(self._known) >= MOST:
            return
        try:
            found = (await self._client.users_info(user=user)).get("user") or {}
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError):
            return
        name = found.get("real_name") or (found.get("profile") or {}).get("display_name") or found.get("name")
        if isinstance(name, str) and name:
            self._known[user] = name
