"""Slack's own levers for the page: what a person can do to the workspace itself."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sandbox.levers import Lever
from sandbox.slack.state import BOT_USER

if TYPE_CHECKING:
    from sandbox.slack.workspace import SlackWorkspace

GROUP = "Slack"


def slack_levers(slack: "SlackWorkspace") -> list[Lever]:
    """What can be broken now, and the way back from what was."""
    levers = [_down_or_up(slack), _revoke_or_restore(slack), _archive_or_not(slack)]
    levers.append(_lever("cut", "Cut the bot's connection", _cut(slack)))
    levers += _leaving(slack)
    levers.append(_lever("delete", "Delete the bot's latest message", _delete(slack)))
    return levers


def _lever(key: str, label: str, pull: Callable[[], Awaitable[str]]) -> Lever:
    return Lever(f"slack.{key}", label, pull, GROUP)


def _down_or_up(slack: "SlackWorkspace") -> Lever:
    async def down() -> str:
        slack.down()
        return "Slack answers 503 to the bot."

    async def up() -> str:
        slack.up()
        return "Slack answers again."

    if slack.mishaps.down_with:
        return _lever("up", "Bring Slack back", up)
    return _lever("down", "Take Slack down", down)


def _revoke_or_restore(slack: "SlackWorkspace") -> Lever:
    async def revoke() -> str:
        slack.revoke_token()
        return "The bot's Slack token is revoked."

    async def restore() -> str:
        slack.restore_tokens()
        return "The bot's Slack token works again."

    if slack.state.token_error:
        return _lever("restore", "Give the bot its token back", restore)
    return _lever("revoke", "Revoke the bot's token", revoke)


def _archive_or_not(slack: "SlackWorkspace") -> Lever:
    room = next(iter(slack.state.channels.values()))

    async def archive() -> str:
        slack.archive(room.id)
        return f"#{room.name} is archived: nothing can be posted there."

    async def unarchive() -> str:
        slack.unarchive(room.id)
        return f"#{room.name} takes messages again."

    if room.is_archived:
        return _lever("unarchive", f"Bring #{room.name} back", unarchive)
    return _lever("archive", f"Archive #{room.name}", archive)


def _cut(slack: "SlackWorkspace") -> Callable[[], Awaitable[str]]:
    async def cut() -> str:
        count = len(slack.sockets.sockets)
        slack.sockets.cut()
        return f"{count} connection{'' if count == 1 else 's'} cut without a word."

    return cut


def _delete(slack: "SlackWorkspace") -> Callable[[], Awaitable[str]]:
    async def delete() -> str:
        own = [m for c in slack.state.channels.values() for m in c.top_level if m.user == BOT_USER]
        if not own:
            return "The bot has not said anything yet."
        slack.state.delete(max(own, key=lambda m: m.ts))
        return "The bot's latest message is gone."

    return delete


def _leaving(slack: "SlackWorkspace") -> list[Lever]:
    """Whoever is still there can be made to leave."""
    user = next((u for u in slack.state.users.values() if not u.deleted), None)
    if user is None:
        return []

    async def leave() -> str:
        slack.deactivate(user.id)
        return f"{user.real_name}'s account is deactivated."

    return [_lever("leave", f"Deactivate {user.real_name}'s account", leave)]
