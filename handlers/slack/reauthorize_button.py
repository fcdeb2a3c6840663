"""The Reauthorize button: a link, which Slack reports all the same and wants acknowledged within three seconds."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers.slack.buttons import REAUTHORIZE


def register(app: AsyncApp) -> None:
    @app.action(REAUTHORIZE)
    async def on_click(ack: AsyncAck) -> None:
        await ack()
