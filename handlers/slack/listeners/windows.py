"""Windows (Slack's modals): how they are built, what they remember, and how they answer within Slack's three seconds.

https://docs.slack.dev/surfaces/modals
"""

import asyncio
import json
from collections.abc import Awaitable, Mapping

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.connection import Json
from handlers.slack.listeners.trouble import sentence_for
from handlers.slack.looks.blocks import sections, words_only
from handlers.slack.looks.markup import bare
from handlers.words import Words

TITLE_LIMIT = 24
ACK_WITHIN = 2.0  # seconds; Slack waits three


def window(
    title: str, blocks: list[Json], words: Words, *, then: str = "", submit: str = "", **remembered: str
) -> Json:
    """`then` is the callback that hears of `submit`; what is remembered comes back with it."""
    view: Json = {"type": "modal", "title": words_only(bare(title, TITLE_LIMIT)), "blocks": blocks[:100]}
    if not submit:
        return view | {"close": words_only(words.say("Close"))}
    asks = {"submit": words_only(bare(submit, TITLE_LIMIT)), "close": words_only(words.say("Cancel"))}
    return view | asks | {"callback_id": then, "private_metadata": json.dumps(remembered)}


def told(title: str, lines: list[str], words: Words) -> Json:
    """A window that only says something."""
    return window(title, sections(lines), words)


def remembered(view: Mapping[str, object]) -> dict[str, str]:
    """What `window` was given. It has been in the person's browser, so it is no more than a wish."""
    try:
        kept = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}


async def answer_in_time(
    ack: AsyncAck, client: AsyncWebClient, view: Json, title: str, words: Words, deed: Awaitable[Json]
) -> None:
    """`deed` makes the window that comes next. What takes longer than Slack waits has a waiting window first."""
    doing = asyncio.ensure_future(_safely(deed, title, words))
    await asyncio.wait({doing}, timeout=ACK_WITHIN)
    waits = not doing.done()
    await ack(response_action="update", view=told(title, [words.say("One moment…")], words) if waits else await doing)
    if waits:
        await client.views_update(view_id=str(view["id"]), view=await doing)


async def _safely(deed: Awaitable[Json], title: str, words: Words) -> Json:
    try:
        return await deed
    except Exception as error:  # noqa: BLE001 - a window has no other way to say what went wrong
        return told(title, [sentence_for(error, words)], words)
