"""The one place where an error in a listener becomes a sentence for the person. Never a traceback, never twice."""

import asyncio

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_bolt.error import BoltUnhandledRequestError

from bot.connection import Json
from bot.errors import TryLater
from bot.people import NotFound
from handlers.slack.private_answers import private
from handlers.words import Words

log = structlog.get_logger()
DONE = 200
# Bolt 1.30 looks every 10 ms whether a listener has acknowledged, and forgets an acknowledgement when the listener fails
# before it has looked (asyncio_runner.py). Waiting past its next look keeps it.
POLL = 0.03


def register(app: AsyncApp, words: Words) -> None:
    @app.error
    async def on_error(
        error: Exception, ack: AsyncAck, body: Json, context: AsyncBoltContext, respond: AsyncRespond
    ) -> BoltResponse | None:
        """Slack gets its acknowledgement in any case: repeating the request would not help."""
        if isinstance(error, BoltUnhandledRequestError):
            log.info("Slack sent something nobody listens to", what=_kind(body))
        else:
            await _tell(error, words, respond, context, body)
        if ack.response is None:
            return BoltResponse(status=DONE, body="")
        await asyncio.sleep(POLL)
        return None


async def _tell(error: Exception, words: Words, respond: AsyncRespond, context: AsyncBoltContext, body: Json) -> None:
    if isinstance(error, NotFound):
        sentence = words.say("That is not known any more. To see what there is: {command}", command="/redkey outages")
    elif isinstance(error, TryLater):
        sentence = words.say("That did not work just now. Please try again in a minute.")
    else:
        log.error("a Slack listener failed", what=_kind(body), user=context.user_id, exc_info=error)
        sentence = words.say("Something went wrong here. Whoever runs Redkey finds the reason in its log.")
    if context.response_url:
        try:
            await respond(private(sentence))
        except Exception as failed:  # noqa: BLE001 - there is nobody left to tell
            log.warning("an answer to a person could not be given", why=type(failed).__name__)


def _kind(body: Json) -> str:
    event = body.get("event")
    if isinstance(event, dict):
        return str(event.get("type"))
    action = (body.get("actions") or [{}])[0]
    return str(body.get("command") or action.get("action_id") or body.get("type") or "?")
