"""Somebody's Slack account was deactivated, or came back. https://docs.slack.dev/reference/events/user_change"""

from slack_bolt.async_app import AsyncApp

from bot.people.people import Desk
from bot.words.connection import Json
from handlers.slack.line.presence import SlackPresence

EVENT = "user_change"  # comes for every change of anybody's profile, and is no news then


def register(app: AsyncApp, desk: Desk, presence: SlackPresence) -> None:
    @app.event(EVENT)
    async def on_change(event: Json) -> None:
        user = event.get("user") or {}
        who, gone = str(user.get("id") or ""), bool(user.get("deleted"))
        presence.heard(who, gone=gone)
        if gone and who and not user.get("is_bot"):
            profile = user.get("profile") or {}
            name = user.get("real_name") or profile.get("real_name") or ""
            await desk.left(who, str(name), str(profile.get("email") or ""))
