"""Everything that older versions of us put under a message or into a window, and that has no listener any more. Last."""

import re

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from handlers.slack.listeners.private_answers import private
from handlers.slack.listeners.windows import told
from handlers.words import Words


def register(app: AsyncApp, words: Words) -> None:
    @app.action(re.compile(".*"))
    async def on_click(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        if respond.response_url:
            older = words.say("This alert was made by an older version of Redkey.")
            await respond(private(older, words.say("To see what is down: {command}", command="/redkey outages")))

    @app.view(re.compile(".*"))
    async def on_submit(ack: AsyncAck) -> None:
        older = words.say("This window was made by an older version of Redkey. Please open it again.")
        await ack(response_action="update", view=told("Redkey", [older], words))
