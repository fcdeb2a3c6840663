"""Who of the workspace has left: asked from Slack, remembered for a while, and told by its events."""

import asyncio
from collections.abc import Callable
from time import monotonic

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.looks.markup import USER

KNOWN_FOR = 3600.0  # seconds; replicas that did not get the event hear of it so late at most
PATIENCE = 2.0  # seconds: an alert never waits for this
MOST = 10_000


class SlackPresence:
    """Implements bot.outages.calling.Presence."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._gone: dict[str, tuple[bool, float]] = {}

    async def gone(self, who: str) -> bool:
        known, until = self._gone.get(who, (False, 0.0))
        if not USER.fullmatch(who) or self._clock() < until:
            return known
        try:
            answer = await asyncio.wait_for(self._client.users_info(user=who), PATIENCE)
            gone = bool((answer.get("user") or {}).get("deleted"))
        except SlackApiError as error:
            if error.response.get("error") != "user_not_found":
                return known
            gone = True
        except (aiohttp.ClientError, TimeoutError, OSError):
            return known  # what was known last is better than nothing
        self.heard(who, gone=gone)
        return gone

    def heard(self, who: str, *, gone: bool) -> None:
        if len(self._gone) < MOST or who in self._gone:
            self._gone[who] = (gone, self._clock() + KNOWN_FOR)
