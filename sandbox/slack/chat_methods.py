"""chat.*: posting, editing and deleting messages, as strict as Slack is."""

import re
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.block_kit import check_attachments, check_message_blocks
from sandbox.slack.model import Channel, Json, Message
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import BOT_USER, WorkspaceState
from sandbox.slack.web_api import Method
from sandbox.slack.wire import message_body

LONGEST_POST = 40_000  # longer texts are cut: https://docs.slack.dev/reference/methods/chat.postMessage
LONGEST_UPDATE = 4_000  # an edit that is longer is refused: https://docs.slack.dev/reference/methods/chat.update
LARGEST_METADATA = 8_000
NOT_SHOWN = "This content can't be displayed."


def post_message(state: WorkspaceState, args: Arguments) -> Json:
    channel = _channel_to_post_in(state, args.needed("channel"))
    content = read_content(args)
    thread_ts = _living_parent(channel, args.text("thread_ts"))
    message = Message(
        channel.id,
        state.mint_ts(),
        BOT_USER,
        **content,
        thread_ts=thread_ts,
        broadcast=bool(thread_ts) and args.flag("reply_broadcast"),
    )
    state.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": message_body(message, with_metadata=True)}


def _channel_to_post_in(state: WorkspaceState, name: str) -> Channel:
    if name in state.users:
        return state.dm(name)
    channel = state.channel(name)
    if not channel.has_bot and channel.is_private:
        raise SlackRefusal("channel_not_found")
    if not channel.has_bot and "chat:write.public" not in state.scopes:
        raise SlackRefusal("not_in_channel")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    return channel


def _living_parent(channel: Channel, thread_ts: str) -> str | None:
    """A reply to a message that is gone becomes a top-level message, and Slack says ok."""
    parent = channel.messages.get(thread_ts)
    return parent.ts if parent and parent.thread_ts in {None, parent.ts} else None


def read_content(args: Arguments) -> Json:
    """text, blocks, attachments and metadata of a new message, checked as Slack checks them."""
    text = args.text("text")
    blocks = read_blocks(args)
    attachments = read_attachments(args)
    if "markdown_text" in args:
        if text or blocks:
            raise SlackRefusal("markdown_text_conflict")
        text = args.text("markdown_text")
    if not text.strip() and not blocks and not attachments:
        raise SlackRefusal("no_text")
    return {
        "text": text[:LONGEST_POST],
        "blocks": blocks or [],
        "attachments": attachments or [],
        "metadata": read_metadata(args),
    }


def read_blocks(args: Arguments) -> list[Json] | None:
    blocks = args.structure("blocks", "invalid_blocks_format")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    check_message_blocks(blocks)
    return blocks


def read_attachments(args: Arguments) -> list[Json] | None:
    attachments = args.structure("attachments", "invalid_attachments")
    if attachments is None:
        return None
    if not isinstance(attachments, list):
        raise SlackRefusal("invalid_attachments")
    check_attachments(attachments, args.structure("blocks", "invalid_blocks_format") or [])
    return attachments


def read_metadata(args: Arguments) -> Json | None:
    """https://docs.slack.dev/messaging/message-metadata: an event_type and a flat-keyed event_payload."""
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackRefusal("invalid_metadata_format")
    kind: Any = metadata.get("event_type")
    if not isinstance(kind, str) or not re.fullmatch(r"[A-Za-z0-9_.:-]{1,255}", kind):
        raise SlackRefusal("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise SlackRefusal("invalid_metadata_format")
    if len(repr(metadata)) > LARGEST_METADATA:
        raise SlackRefusal("metadata_too_large")
    return metadata


def update_message(state: WorkspaceState, args: Arguments) -> Json:
    """https://docs.slack.dev/reference/methods/chat.update: what is left out stays, except that text alone
    takes the blocks away.
    """
    channel = state.channels.get(args.needed("channel"))
    if channel is None:
        raise SlackRefusal("channel_not_found")
    message = channel.messages.get(args.needed("ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if message.user != BOT_USER:
        raise SlackRefusal("cant_update_message")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if len(args.text("text")) > LONGEST_UPDATE:
        raise SlackRefusal("msg_too_long")
    change_message(state, message, args)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message_body(message)}


def change_message(state: WorkspaceState, message: Message, args: Arguments) -> None:
    blocks, attachments = read_blocks(args), read_attachments(args)
    if not args.text("text") and blocks is None and attachments is None and "metadata" not in args:
        raise SlackRefusal("no_text")
    metadata = read_metadata(args)
    after = message.attachments if attachments is None else attachments
    if "text" in args or blocks is not None:
        if not args.text("text") and not blocks and not after:
            raise SlackRefusal("no_text")
        message.text = args.text("text") or (NOT_SHOWN if blocks else "")
        message.blocks = blocks or []
    message.attachments = after
    if "metadata" in args:
        message.metadata = metadata
    if not blocks:
        message.edited_at = state.mint_ts()
    message.warnings.clear()
    state.remember(message)
    state.changed()


def delete_message(state: WorkspaceState, args: Arguments) -> Json:
    channel, ts = args.needed("channel"), args.needed("ts")
    message = state.channel(channel).messages.get(ts)
    if message is None:
        raise SlackRefusal("message_not_found")
    if message.user != BOT_USER:
        raise SlackRefusal("cant_delete_message")
    state.delete(message)
    return {"channel": channel, "ts": ts}


def post_ephemeral(state: WorkspaceState, args: Arguments) -> Json:
    channel = _channel_to_post_in(state, args.needed("channel"))
    if args.needed("user") not in state.users:
        raise SlackRefusal("user_not_in_channel")
    message = Message(channel.id, state.mint_ts(), BOT_USER, **read_content(args), ephemeral_for=args.text("user"))
    message.thread_ts = _living_parent(channel, args.text("thread_ts"))
    state.post(message)
    return {"message_ts": message.ts}


def permalink(state: WorkspaceState, args: Arguments) -> Json:
    channel, ts = state.channel(args.needed("channel")), args.needed("message_ts")
    if ts not in channel.messages:
        raise SlackRefusal("message_not_found")
    root = state.page_url.rstrip("/")
    return {"channel": channel.id, "permalink": f"{root}/archives/{channel.id}/p{ts.replace('.', '')}"}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.update": Method(update_message, ("chat:write",), 50),
    "chat.delete": Method(delete_message, ("chat:write",), 50),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",), 100),
    "chat.getPermalink": Method(permalink, (), 600),
}
