"""Pause, under an alert: switch a connection off that nobody needs any more."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond

from bot.connection import Json
from bot.people import Desk
from handlers.slack.buttons import PAUSE
from handlers.slack.connection_lists import title_of
from handlers.slack.markup import plain
from handlers.slack.once import counts
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
        command = f"/redkey resume {plain(facts.connection.id, 60)}"
        paused = words.say("{connection} is paused.", connection=title_of(facts))
        await respond(private(paused, words.say("To resume: {command}", command=command)))
