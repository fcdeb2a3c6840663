"""The payloads the app gets: https://docs.slack.dev/reference/interaction-payloads"""

from copy import deepcopy
from typing import Any

from sandbox.slack.model import Json, Message, View
from sandbox.slack.state import APP_ID, WorkspaceState
from sandbox.slack.values import spoken, states
from sandbox.slack.wire import message_body, view_body


def _frame(state: WorkspaceState, kind: str, user: str) -> Json:
    person = state.user(user)
    return {
        "type": kind,
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": state.team["id"]},
        "api_app_id": APP_ID,
        "token": "sandbox",
        "trigger_id": state.triggers.issue(user),
        "team": {"id": state.team["id"], "domain": state.team["domain"]},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def action(state: WorkspaceState, block: Json, element: Json, value: Any) -> Json:
    """The one action of a click."""
    done: Json = {"action_id": element["action_id"], "block_id": block["block_id"], "action_ts": state.mint_ts()}
    if element["type"] != "button":
        return done | spoken(element, value)
    kept = {key: deepcopy(element[key]) for key in ("text", "value", "style", "url") if key in element}
    return done | {"type": "button"} | kept


def message_click(state: WorkspaceState, user: str, message: Message, number: int | None, done: Json) -> Json:
    """block_actions from a message; `number` is the attachment's, when the element stands in one."""
    channel = state.channel(message.channel)
    container: Json = {"message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": bool(message.ephemeral_for)}
    container["type"] = "message_attachment" if number else "message"
    if number:
        container |= {"attachment_id": number, "is_app_unfurl": False}
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _frame(state, "block_actions", user) | {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.im_user else channel.name},
        "state": {"values": {}},
        "response_url": response_url(state, user, channel.id, message),
        "actions": [done],
    }
    if not message.ephemeral_for:
        payload["message"] = message_body(message, with_metadata=True)
    return payload


def view_click(state: WorkspaceState, user: str, view: View, done: Json, given: Json) -> Json:
    body = view_body(view, states(view.blocks, given))
    container = {"type": "view", "view_id": view.id}
    frame = _frame(state, "block_actions", user)
    return frame | {"container": container, "view": body, "state": body["state"], "actions": [done]}


def submission(state: WorkspaceState, user: str, view: View, given: Json) -> Json:
    body = view_body(view, states(view.blocks, given))
    return _frame(state, "view_submission", user) | {"view": body, "response_urls": []}


def closed(state: WorkspaceState, user: str, view: View) -> Json:
    frame = _frame(state, "view_closed", user)
    del frame["trigger_id"]
    return frame | {"view": view_body(view), "is_cleared": False}


def command(state: WorkspaceState, name: str, text: str, user: str, channel: str) -> Json:
    where = state.channel(channel)
    return {
        "token": "sandbox",
        "team_id": state.team["id"],
        "team_domain": state.team["domain"],
        "channel_id": where.id,
        "channel_name": "directmessage" if where.im_user else where.name,
        "user_id": user,
        "user_name": state.user(user).name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url(state, user, where.id, None),
        "trigger_id": state.triggers.issue(user),
    }


def response_url(state: WorkspaceState, user: str, channel: str, origin: Message | None) -> str:
    return f"{state.base_url}/response/{state.response_urls.issue(user, channel, origin)}"
