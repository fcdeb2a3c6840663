"""Showing the Home tab, and showing it anew after what people did there."""

from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.interfaces import Clock
from bot.people import Desk
from handlers.slack.home_view import home_view
from handlers.words import Words


@dataclass(frozen=True)
class HomeTab:
    desk: Desk
    words: Words
    now: Clock

    async def show(self, client: AsyncWebClient, user: str, place: str = "") -> None:
        """`place`: the filter, the page and the search, as the view remembers them."""
        view = home_view(await self.desk.connections(), self.words, self.now(), place)
        await client.views_publish(user_id=user, view=view)

    async def again(self, client: AsyncWebClient, user: str, place: str) -> None:
        """After a deed in a window: nothing where the window was not opened from the tab."""
        if place:
            await self.show(client, user, place)
