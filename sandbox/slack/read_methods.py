"""What an app may look up: conversations, people, user groups, itself."""

from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.model import Channel, Json, Message
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import BOT_ID, BOT_USER, WorkspaceState
from sandbox.slack.web_api import Method
from sandbox.slack.wire import channel_body, message_body, user_body


def auth_test(state: WorkspaceState, args: Arguments) -> Json:  # noqa: ARG001
    return {
        "url": state.page_url,
        "team": state.team["name"],
        "user": state.bot.name,
        "team_id": state.team["id"],
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def api_test(state: WorkspaceState, args: Arguments) -> Json:  # noqa: ARG001
    if "error" in args:
        raise SlackRefusal(args.text("error"), args=args.given)
    return {"args": args.given}


def _readable(state: WorkspaceState, args: Arguments) -> Channel:
    channel = state.channels.get(args.needed("channel"))
    if channel is None or (channel.is_private and not channel.has_bot):
        raise SlackRefusal("channel_not_found")
    if not channel.has_bot:
        raise SlackRefusal("not_in_channel")
    return channel


def _page(found: list[Message], args: Arguments) -> Json:
    """The slice between oldest, latest and cursor. Times bound exclusively unless `inclusive`."""
    oldest, latest, edge = args.text("oldest", "0"), args.text("latest", "99999999999"), args.flag("inclusive")
    kept = [m for m in found if float(oldest) < float(m.ts) < float(latest) or (edge and m.ts in {oldest, latest})]
    start = args.number("cursor", 0)
    end = start + min(args.number("limit", 100), 999)
    more = end < len(kept)
    bodies = [message_body(m, with_metadata=args.flag("include_all_metadata")) for m in kept[start:end]]
    result: dict[str, Any] = {"messages": bodies, "has_more": more}
    if more:
        result["response_metadata"] = {"next_cursor": str(end)}
    return result


def history(state: WorkspaceState, args: Arguments) -> Json:
    channel = _readable(state, args)
    shown = [m for m in channel.messages.values() if m.thread_ts in {None, m.ts} or m.broadcast]
    return {**_page(shown[::-1], args), "pin_count": 0}


def replies(state: WorkspaceState, args: Arguments) -> Json:
    channel = _readable(state, args)
    asked = channel.messages.get(args.needed("ts"))
    parent = channel.messages.get(asked.thread_ts) if asked and asked.thread_ts else asked
    if parent is None:
        raise SlackRefusal("thread_not_found")
    return _page([parent, *parent.replies], args)


def info(state: WorkspaceState, args: Arguments) -> Json:
    channel = state.channels.get(args.needed("channel"))
    if channel is None or (channel.is_private and not channel.has_bot):
        raise SlackRefusal("channel_not_found")
    return {"channel": channel_body(channel)}


def conversations_list(state: WorkspaceState, args: Arguments) -> Json:
    hide = args.flag("exclude_archived")
    kept = [c for c in state.channels.values() if not c.im_user and not (hide and c.is_archived)]
    return {"channels": [channel_body(c) for c in kept], "response_metadata": {"next_cursor": ""}}


def join(state: WorkspaceState, args: Arguments) -> Json:
    channel = state.channel(args.needed("channel"))
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    channel.has_bot = True
    return {"channel": channel_body(channel)}


def open_dm(state: WorkspaceState, args: Arguments) -> Json:
    users = args.needed("users").split(",")
    if users == [BOT_USER]:
        raise SlackRefusal("cannot_dm_bot")
    return {"channel": channel_body(state.dm(users[0]))}


def users_info(state: WorkspaceState, args: Arguments) -> Json:
    user = state.user(args.needed("user"))
    team, told = str(state.team["id"]), state.tells_email
    return {"user": user_body(user, team=team, with_locale=args.flag("include_locale"), with_email=told)}


def users_list(state: WorkspaceState, args: Arguments) -> Json:
    found = [
        user_body(u, with_locale=args.flag("include_locale"), with_email=state.tells_email)
        for u in state.users.values()
    ]
    return {"members": found, "response_metadata": {"next_cursor": ""}}


def lookup_by_email(state: WorkspaceState, args: Arguments) -> Json:
    email = args.needed("email").lower()
    for user in state.users.values():
        if user.email == email and not user.deleted:
            return {"user": user_body(user)}
    raise SlackRefusal("users_not_found")


def usergroups_list(state: WorkspaceState, args: Arguments) -> Json:  # noqa: ARG001
    groups = [
        {
            "id": g.id,
            "team_id": state.team["id"],
            "handle": g.handle,
            "name": g.name,
            "is_usergroup": True,
            "date_delete": 0,
        }
        for g in state.usergroups.values()
    ]
    return {"usergroups": groups}


def add_reaction(state: WorkspaceState, args: Arguments) -> Json:
    message = state.message(args.needed("channel"), args.needed("timestamp"))
    people = message.reactions.setdefault(args.needed("name"), [])
    if BOT_USER in people:
        raise SlackRefusal("already_reacted")
    people.append(BOT_USER)
    state.changed()
    return {}


READ_HISTORY = ("channels:history", "groups:history", "im:history")
READ_CHANNELS = ("channels:read", "groups:read", "im:read")
METHODS = {
    "auth.test": Method(auth_test, per_minute=600),
    "api.test": Method(api_test, per_minute=600, token="none"),
    "conversations.history": Method(history, READ_HISTORY),
    "conversations.replies": Method(replies, READ_HISTORY),
    "conversations.info": Method(info, READ_CHANNELS),
    "conversations.list": Method(conversations_list, READ_CHANNELS, 20),
    "conversations.join": Method(join, ("channels:join",)),
    "conversations.open": Method(open_dm, ("im:write",)),
    "users.info": Method(users_info, ("users:read",), 100),
    "users.list": Method(users_list, ("users:read",), 20),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",)),
    "usergroups.list": Method(usergroups_list, ("usergroups:read",), 20),
    "reactions.add": Method(add_reaction, ("reactions:write",)),
}
