"""Private answers, windows and the Home tab in the language of whoever asked; a channel has the language that was set."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from gettext import NullTranslations
from time import monotonic

import aiohttp
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.words import Words, catalogue

LANGUAGES = ("en", "fr")
KNOWN_FOR = 3600.0  # seconds until someone's language is asked again: people change it
PATIENCE = 1.0  # seconds: the click must be acknowledged within three
MOST = 10_000
Next = Callable[[], Awaitable[None]]
_spoken: ContextVar[str] = ContextVar("spoken", default="")


class PersonalWords(Words):
    """Words in the language of the request that is being answered; outside of one, in the language that was set.

    The listeners get these like any other words: which language they speak is nobody else's business.
    """

    def __init__(self, language: str) -> None:
        self._set = language

    @property
    def language(self) -> str:
        return _spoken.get() or self._set

    @language.setter
    def language(self, language: str) -> None:
        self._set = language

    @property
    def _catalogue(self) -> NullTranslations:
        return catalogue(self.language)

    @_catalogue.setter
    def _catalogue(self, _: NullTranslations) -> None:
        """It always is the language's own."""


class Locales:
    """Which of our languages people read; asked from Slack once an hour at most. "" where we do not speak theirs."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    async def of(self, user: str) -> str:
        language, until = self._known.get(user, ("", 0.0))
        if self._clock() < until:
            return language
        try:
            answer = await asyncio.wait_for(self._client.users_info(user=user, include_locale=True), PATIENCE)
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError):
            return language  # what was known last is better than nothing
        locale = str((answer.get("user") or {}).get("locale") or "")
        language = next((known for known in LANGUAGES if locale.lower().split("-")[0] == known), "")
        if len(self._known) < MOST or user in self._known:
            self._known[user] = (language, self._clock() + KNOWN_FOR)
        return language


def register(app: AsyncApp, client: AsyncWebClient) -> None:
    locales = Locales(client)

    @app.middleware
    async def listen(context: AsyncBoltContext, next_: Next) -> None:
        _spoken.set(await locales.of(context.user_id) if context.user_id else "")
        await next_()
