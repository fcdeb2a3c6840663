"""What the app says back to one person's interaction: in the acknowledgement, or later by its response_url."""

import json
from copy import deepcopy

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.slack.arguments import Arguments
from sandbox.slack.chat_methods import change_message, read_content
from sandbox.slack.model import Json, Message
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import BOT_USER, WorkspaceState
from sandbox.slack.tickets import ResponseUrl


async def take_response(state: WorkspaceState, request: Request) -> Response:
    """POST to a response_url: 30 minutes, five times, JSON only."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return JSONResponse({"ok": False, "error": "invalid_payload"}, 400)
    try:
        ticket = state.response_urls.use(request.path_params["ticket"])
    except SlackRefusal as refusal:
        return JSONResponse(refusal.body, 404)
    try:
        apply_answer(state, ticket, body if isinstance(body, dict) else {})
    except SlackRefusal as refusal:
        return JSONResponse(refusal.body, 400)
    return JSONResponse({"ok": True})


def apply_answer(state: WorkspaceState, ticket: ResponseUrl, body: Json) -> None:
    """Delete or replace the message that was clicked, or say something new, to that person alone unless in_channel."""
    args = Arguments(deepcopy(body), None)
    target = ticket.origin or (ticket.answers[-1] if ticket.answers else None)
    if args.flag("delete_original") and target:
        state.delete(target)
    elif args.flag("replace_original") and target:
        change_message(state, target, args)
        ticket.answers.append(target)
    else:
        ticket.answers.append(say(state, ticket, args))
    state.changed()


def say(state: WorkspaceState, ticket: ResponseUrl, args: Arguments) -> Message:
    message = Message(ticket.channel, state.mint_ts(), BOT_USER, **read_content(args))
    if args.text("response_type", "ephemeral") != "in_channel":
        message.ephemeral_for = ticket.user
    if args.text("thread_ts") in state.channel(ticket.channel).messages:
        message.thread_ts = args.text("thread_ts")
    return state.post(message)
