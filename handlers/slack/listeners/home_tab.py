"""Showing the Home tab, and showing it anew after what people did there."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Status
from bot.words.interfaces import Clock
from handlers.slack.listeners.following import Following
from handlers.slack.looks.home_view import closed_view, home_view
from handlers.words import Words

UNWELL = {Status.AUTHORIZATION_REQUIRED, Status.CATCHING_UP}
MANY = 10_000


@dataclass(frozen=True)
class HomeTab:
    desk: Desk
    words: Words
    now: Clock
    following: Following
    places: dict[str, str] = field(default_factory=dict)  # where each person was last

    async def show(self, client: AsyncWebClient, user: str, place: str = "") -> None:
        """`place`: the filter, the page and the search, as the view remembers them."""
        if user in self.places or len(self.places) < MANY:
            self.places[user] = place
        view = home_view(await self.desk.connections(), self.words, self.now(), place)
        await client.views_publish(user_id=user, view=view)

    async def close_to(self, client: AsyncWebClient, user: str) -> None:
        """People of other organizations can open the tab, too: they learn nothing of this workspace there."""
        await client.views_publish(user_id=user, view=closed_view(self.words))

    async def again(self, client: AsyncWebClient, user: str, place: str) -> None:
        """After a deed in a window: nothing where the window was not opened from the tab."""
        if place:
            await self.show(client, user, place)

    def follow(self, client: AsyncWebClient, user: str, connection_id: str, place: str) -> None:
        """They are on their way to a login: show what becomes of it, wherever on the tab they are by then."""

        async def look() -> tuple[Hashable, bool]:
            found = (await self.desk.connection(connection_id)).connection
            return (found.status, found.login, found.expires_at), found.status not in UNWELL

        async def show() -> None:
            await self.show(client, user, self.places.get(user, place))

        self.following.begin(user, look, show)
