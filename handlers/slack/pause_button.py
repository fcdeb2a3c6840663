"""Pause, under an alert: switch a connection off that nobody needs any more."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond

from bot.connection import Json
from bot.people import Desk
from handlers.slack.buttons import PAUSE
from handlers.slack.once import counts
from handlers.slack.power_window import paused_lines
from handlers.slack.private_answers import private
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    @app.action(PAUSE)
    async def on_click(ack: AsyncAck, action: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        """A button for one connection, a menu for several."""
        await ack()
        chosen = (action.get("selected_option") or action)["value"]
        if not await counts(desk, action, f"power:{chosen}"):
            return
        facts = await desk.pause(str(chosen), str(context.user_id))
        await respond(private(*paused_lines(facts, words)))
