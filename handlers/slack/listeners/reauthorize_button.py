"""The Reauthorize button: a link, which Slack reports all the same and wants acknowledged within three seconds."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.connection import Json
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.looks.buttons import REAUTHORIZE


def register(app: AsyncApp, tab: HomeTab) -> None:
    @app.action(REAUTHORIZE)
    async def on_click(
        ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        await ack()
        view = body.get("view") or {}
        if view.get("type") == "home":
            place = str(view.get("private_metadata") or "")
            tab.follow(client, str(context.user_id), str(action["value"]), place)
