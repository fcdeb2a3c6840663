"""Pause, under an alert: switch a connection off that nobody needs any more."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond

from bot.people.people import Desk
from bot.words.connection import Json
from handlers.slack.listeners.once import counts
from handlers.slack.listeners.power_window import paused_lines
from handlers.slack.listeners.private_answers import private
from handlers.slack.looks.buttons import PAUSE
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
