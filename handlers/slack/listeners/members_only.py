"""Who may press: members of our own workspace. In a shared channel people of other organizations see our messages too."""

from collections.abc import Awaitable, Callable

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltContext

from bot.words.connection import Json
from handlers.slack.listeners.private_answers import private
from handlers.words import Words

log = structlog.get_logger()

Next = Callable[[], Awaitable[None]]


def register(app: AsyncApp, words: Words) -> None:
    @app.middleware
    async def let_in(body: Json, context: AsyncBoltContext, next_: Next) -> BoltResponse | None:
        if not _stranger(body, context):
            await next_()
            return None
        log.warning("someone of another organization pressed a button", team=_team_of(body))
        if context.respond is not None and context.response_url:
            await context.respond(private(words.say("Only members of the workspace that runs Redkey can do this.")))
        return BoltResponse(status=200, body="")


def _stranger(body: Json, context: AsyncBoltContext) -> bool:
    ours = context.authorize_result.team_id if context.authorize_result else None
    theirs = _team_of(body)
    return bool(ours and theirs and theirs != ours)


def _team_of(body: Json) -> str:
    """The team of the person: in interactive payloads it stands with the user, in commands it is the payload's own."""
    user = body.get("user")
    if isinstance(user, dict):
        return str(user.get("team_id") or "")
    return str(body.get("team_id") or "") if "command" in body else ""
