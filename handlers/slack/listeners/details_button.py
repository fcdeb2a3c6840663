"""The Details button, and "Ask for access": a window with everything we know."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Json
from handlers.slack.looks.buttons import DETAILS
from handlers.slack.looks.details_view import details_view, nothing_view, waiting_view
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    @app.action(DETAILS)
    async def on_click(ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient) -> None:
        await ack()
        opened = await client.views_open(trigger_id=body["trigger_id"], view=waiting_view(words))
        facts = await desk.outage(str(action["value"]))
        view = nothing_view(words) if facts is None else details_view(facts, words)
        await client.views_update(view_id=opened["view"]["id"], view=view)
