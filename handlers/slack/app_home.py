"""The Home tab: every connection with its key, those that need a person first; a filter, and pages."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.connection import Json
from bot.people import Desk
from handlers.slack.connection_lists import HOME_BACK, HOME_ON, HOME_SHOW, home_view
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    @app.event("app_home_opened")
    async def on_open(event: Json, client: AsyncWebClient) -> None:
        if event.get("tab") == "home":
            await client.views_publish(user_id=event["user"], view=home_view(await desk.connections(), words))

    async def publish(client: AsyncWebClient, context: AsyncBoltContext, show: str, page: int) -> None:
        view = home_view(await desk.connections(), words, show, page)
        await client.views_publish(user_id=str(context.user_id), view=view)

    @app.action(HOME_SHOW)
    async def on_filter(ack: AsyncAck, action: Json, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        await ack()
        await publish(client, context, str((action.get("selected_option") or {}).get("value") or ""), 0)

    async def on_turn(ack: AsyncAck, action: Json, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        await ack()
        show, _, page = str(action.get("value") or "").partition(":")
        await publish(client, context, show, int(page) if page.isdecimal() else 0)

    for turn in (HOME_BACK, HOME_ON):
        app.action(turn)(on_turn)
