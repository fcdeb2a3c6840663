"""/redkey remove ID: a window asks first, and tells afterwards what became of the login."""

import asyncio

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.connection import Json
from bot.facts import ConnectionFacts
from bot.people import Desk, LoginEnd, NotFound, Removed
from handlers.slack.blocks import sections, words_only
from handlers.slack.connection_lists import title_of
from handlers.slack.markup import plain
from handlers.words import Words

REMOVE = "remove"
ACK_WITHIN = 2.0  # seconds


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    @app.view(REMOVE)
    async def on_yes(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """Slack waits three seconds, a refresh under way may take longer: then a waiting window comes first."""
        removing = asyncio.create_task(_remove(desk, str(view["private_metadata"]), str(context.user_id), words))
        await asyncio.wait({removing}, timeout=ACK_WITHIN)
        waits = not removing.done()
        lines = [words.say("One moment…")] if waits else await removing
        await ack(response_action="update", view=_window(sections(lines), words))
        if waits:
            await client.views_update(view_id=str(view["id"]), view=_window(sections(await removing), words))


async def _remove(desk: Desk, connection_id: str, who: str, words: Words) -> list[str]:
    try:
        return told(await desk.remove(connection_id, who), words)
    except NotFound:
        return [words.say("This connection is not there any more.")]


async def ask_first(client: AsyncWebClient, trigger_id: str, facts: ConnectionFacts, words: Words) -> None:
    lines = [
        words.say("Remove {connection}?", connection=f"*{title_of(facts)}*"),
        words.say("Nothing is checked, moved or reported for it any more, and an open alert about it ends."),
        words.say("Its login is revoked at {platform}, unless other connections use it.", platform=facts.platform_name),
        words.say("Its history stays. Connecting the account again brings it back."),
    ]
    window = _window(sections(lines), words) | {
        "callback_id": REMOVE,
        "private_metadata": facts.connection.id,
        "submit": words_only(words.say("Remove")),
        "close": words_only(words.say("Cancel")),
    }
    await client.views_open(trigger_id=trigger_id, view=window)


def told(gone: Removed, words: Words) -> list[str]:
    platform = plain(gone.facts.platform_name)
    ended = {
        LoginEnd.REVOKED: words.say("Its login is revoked at {platform}.", platform=platform),
        LoginEnd.SHARED: words.say("Its login stays, because other connections use it."),
        LoginEnd.FORGOTTEN: words.say(
            "Its login is forgotten here. {platform} takes none back: whoever gave it can end it there.",
            platform=platform,
        ),
        LoginEnd.DEAD: words.say("Its login had stopped working, and is forgotten."),
    }
    return [words.say("{connection} is removed.", connection=title_of(gone.facts)), ended[gone.login]]


def _window(blocks: list[Json], words: Words) -> Json:
    return {
        "type": "modal",
        "title": words_only(words.say("Remove")),
        "close": words_only(words.say("Close")),
        "blocks": blocks,
    }
