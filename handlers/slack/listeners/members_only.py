"""Who may press: members of our own workspace. In a shared channel people of other organizations see our messages too."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.connection import Json
from handlers.slack.line.slack_answers import code_of
from handlers.slack.listeners.private_answers import private
from handlers.words import Words

log = structlog.get_logger()

Next = Callable[[], Awaitable[None]]
UNKNOWN = {"user_not_found", "user_not_visible"}
PATIENCE = 1.0  # seconds: the click must be acknowledged within three


def register(app: AsyncApp, words: Words) -> None:
    @app.middleware
    async def let_in(body: Json, context: AsyncBoltContext, next_: Next) -> BoltResponse | None:
        if not _from_elsewhere(body, context) or await _is_ours_all_the_same(context):
            await next_()
            return None
        log.warning("someone of another organization pressed a button", team=_team_of(body))
        if context.respond is not None and context.response_url:
            await context.respond(private(words.say("Only members of the workspace that runs Redkey can do this.")))
        return BoltResponse(status=200, body="")


def our_team(context: AsyncBoltContext) -> str:
    return str((context.authorize_result.team_id if context.authorize_result else None) or "")


async def is_member(client: AsyncWebClient, user: str, ours: str) -> bool | None:
    """Events do not tell whose member somebody is, so Slack is asked. None: it does not say now.

    In Enterprise Grid somebody is a member of several: https://docs.slack.dev/reference/objects/user-object
    """
    try:
        found = (await client.users_info(user=user)).get("user") or {}
    except SlackApiError as error:
        return False if code_of(error) in UNKNOWN else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    teams = {found.get("team_id"), *((found.get("enterprise_user") or {}).get("teams") or [])}
    return ours in teams and not found.get("is_stranger")


def _from_elsewhere(body: Json, context: AsyncBoltContext) -> bool:
    ours, theirs = our_team(context), _team_of(body)
    return bool(ours and theirs and theirs != ours)


async def _is_ours_all_the_same(context: AsyncBoltContext) -> bool:
    """In Enterprise Grid a member may act from another workspace of the same company."""
    if not context.user_id or context.client is None:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            return bool(await is_member(context.client, context.user_id, our_team(context)))
    return False


def _team_of(body: Json) -> str:
    """The team of the person: in interactive payloads it stands with the user, in commands it is the payload's own."""
    user = body.get("user")
    if isinstance(user, dict):
        return str(user.get("team_id") or "")
    return str(body.get("team_id") or "") if "command" in body else ""
