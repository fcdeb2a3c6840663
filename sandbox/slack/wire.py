"""How the workspace's things look in Web API answers and in payloads to the app."""

from copy import deepcopy

from sandbox.slack.model import Channel, Json, Message, User, View
from sandbox.slack.state import APP_ID, BOT_ID, BOT_USER, TEAM

BOT_PROFILE = {"id": BOT_ID, "app_id": APP_ID, "name": "Redkey", "team_id": TEAM["id"], "deleted": False}


def message_body(message: Message, *, with_metadata: bool = False) -> Json:
    body: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM["id"]}
    if message.user == BOT_USER:
        body |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": BOT_PROFILE}
    if message.blocks:
        body["blocks"] = deepcopy(message.blocks)
    if message.attachments:
        body["attachments"] = [attachment_body(n, a) for n, a in enumerate(message.attachments, start=1)]
    if message.files:
        body["files"] = deepcopy(message.files)
    if message.broadcast:
        body["subtype"] = "thread_broadcast"
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.replies:
        body |= _thread_summary(message)
    if message.edited_at:
        body["edited"] = {"user": message.user, "ts": message.edited_at}
    if message.reactions:
        body["reactions"] = [{"name": n, "users": u, "count": len(u)} for n, u in message.reactions.items()]
    if with_metadata and message.metadata:
        body["metadata"] = deepcopy(message.metadata)
    return body


def _thread_summary(message: Message) -> Json:
    users = list(dict.fromkeys(r.user for r in message.replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(message.replies),
        "reply_users_count": len(users),
        "reply_users": users,
        "latest_reply": message.replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def attachment_body(number: int, attachment: Json) -> Json:
    """Slack numbers attachments and gives their colour back without the "#"."""
    body = {"id": number, "fallback": "[no preview available]", **deepcopy(attachment)}
    if "color" in body:
        body["color"] = str(body["color"]).removeprefix("#")
    return body


def user_body(user: User, *, team: str = "", with_locale: bool = False, with_email: bool = True) -> Json:
    body: Json = {
        "id": user.id,
        "team_id": user.team or team or TEAM["id"],
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "is_bot": user.id == BOT_USER,
        "is_admin": user.is_admin,
        "is_stranger": bool(user.team),
        "tz": "Europe/Paris" if user.locale == "fr-FR" else "Etc/UTC",
        "profile": {"real_name": user.real_name, "display_name": user.name, "email": user.email},
    }
    if not with_email:
        del body["profile"]["email"]
    if with_locale:
        body["locale"] = user.locale
    return body


def channel_body(channel: Channel) -> Json:
    if channel.im_user:
        return {"id": channel.id, "is_im": True, "user": channel.im_user, "is_archived": channel.is_archived}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_member": channel.has_bot,
        "is_general": False,
        "is_shared": False,
        "context_team_id": TEAM["id"],
        "num_members": 3,
    }


def view_body(view: View, values: Json | None = None) -> Json:
    return {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        **deepcopy(view.body),
        "id": view.id,
        "team_id": TEAM["id"],
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "hash": view.hash,
        "root_view_id": view.root or view.id,
        "previous_view_id": None,
        "state": {"values": values or {}},
    }
