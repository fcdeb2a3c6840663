"""The one place where an error in a listener becomes a sentence for the person. Never a traceback, never twice."""

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_bolt.error import BoltUnhandledRequestError
from slack_sdk.errors import SlackApiError

from bot.words.connection import Json
from handlers.slack.listeners.private_answers import private
from handlers.slack.listeners.trouble import sentence_for
from handlers.slack.listeners.windows import told
from handlers.words import Words

log = structlog.get_logger()
DONE = 200


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
        return BoltResponse(status=DONE, body="") if ack.response is None else None


async def _tell(error: Exception, words: Words, respond: AsyncRespond, context: AsyncBoltContext, body: Json) -> None:
    sentence = sentence_for(error, words, what=_kind(body), user=context.user_id)
    try:
        if context.response_url:
            await respond(private(sentence))
        elif "view" in body and context.user_id:
            await _tell_in_a_window(sentence, words, context, body)
    except Exception as failed:  # noqa: BLE001 - there is nobody left to tell
        log.warning("an answer to a person could not be given", why=type(failed).__name__)


async def _tell_in_a_window(sentence: str, words: Words, context: AsyncBoltContext, body: Json) -> None:
    """Clicks on the Home tab and in windows have no response_url; once their trigger is used or old, a message is left."""
    client = context.client
    try:
        view = told("Redkey", [sentence], words)
        opened = client.views_open if body["view"].get("type") == "home" else client.views_push
        await opened(trigger_id=str(body.get("trigger_id")), view=view)
    except SlackApiError:
        await client.chat_postMessage(channel=str(context.user_id), text=sentence)


def _kind(body: Json) -> str:
    event = body.get("event")
    if isinstance(event, dict):
        return str(event.get("type"))
    action = (body.get("actions") or [{}])[0]
    return str(body.get("command") or action.get("action_id") or body.get("type") or "?")
