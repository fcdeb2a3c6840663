"""The Home tab: every connection with its key, those that need a person first."""

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.connection import Json
from bot.people import Desk
from handlers.slack.connection_lists import home_view
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    @app.event("app_home_opened")
    async def on_open(event: Json, client: AsyncWebClient) -> None:
        if event.get("tab") == "home":
            await client.views_publish(user_id=event["user"], view=home_view(await desk.connections(), words))
