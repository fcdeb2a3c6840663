"""The "I'll take it" button under an alert."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond

from bot.people.people import Desk
from bot.words.connection import Json
from handlers.slack.line.names import Names
from handlers.slack.listeners.once import counts
from handlers.slack.listeners.private_answers import private
from handlers.slack.looks.buttons import CLAIM
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words, names: Names) -> None:
    @app.action(CLAIM)
    async def on_click(ack: AsyncAck, action: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        await ack()
        who = str(context.user_id)
        if not await counts(desk, action, f"claim:{action['value']}"):
            return
        await names.learn(who)
        facts = await desk.claim(str(action["value"]), who)
        if facts.outage.closed_at is not None:
            await respond(private(words.say("This is over already; nobody needs to take care of it.")))
