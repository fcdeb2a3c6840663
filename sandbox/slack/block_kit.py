"""Refuses what Slack refuses: blocks, attachments and views that break Block Kit's rules.

Sources: https://docs.slack.dev/reference/block-kit, and for the undocumented limit of a whole message
https://github.com/slackapi/bolt-js/issues/2509
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_shapes import IN_HOMES, IN_MESSAGES, IN_MODALS
from sandbox.slack.model import Json
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.shapes import Check, Findings, Shape, address, array, boolean, by_type, complain, kind, plain, string

LONGEST_BLOCKS = 13_000
LONGEST_MARKDOWN = 12_000
LARGEST_VIEW = 250_000
MOST_ATTACHMENTS = 100
MESSAGE_BLOCKS = array(by_type(IN_MESSAGES), 50, 0)
COLOR = re.compile(r"#?[0-9a-fA-F]{6}|#?[0-9a-fA-F]{3}|good|warning|danger")


def check_message_blocks(blocks: list[Any]) -> None:
    """Raises SlackRefusal: invalid_blocks with a pointer to every fault, or msg_blocks_too_long."""
    findings: Findings = []
    MESSAGE_BLOCKS(blocks, "/blocks", findings)
    only_one_of_each_id(blocks, "/blocks", findings)
    at_most_one_table(blocks, "/blocks", findings)
    if findings:
        raise SlackRefusal("invalid_blocks", findings, errors=findings)
    if size(blocks) > LONGEST_BLOCKS:
        raise SlackRefusal("msg_blocks_too_long")


def size(blocks: Any) -> int:
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def a_color(value: Any, at: str, findings: Findings) -> None:
    if not isinstance(value, str) or not COLOR.fullmatch(value):
        complain(findings, "must be a valid color", at)


FIELD = Shape({}, {"title": string(3000, 0), "value": string(8000, 0), "short": boolean})
WITH_BLOCKS = Shape({"blocks": MESSAGE_BLOCKS}, {"color": a_color, "fallback": string(40_000, 0)})
WORDS = dict.fromkeys(
    ("fallback", "pretext", "author_name", "title", "text", "footer", "callback_id"), string(40_000, 0)
)
LINKS = dict.fromkeys(("author_link", "author_icon", "title_link", "image_url", "thumb_url", "footer_icon"), address())


def whatever(value: Any, at: str, findings: Findings) -> None:
    """Legacy keys whose content is not looked at."""


OLD: dict[str, Check] = WORDS | LINKS
OLD |= {"color": a_color, "fields": array(FIELD, 100, 0), "ts": whatever, "mrkdwn_in": whatever, "actions": whatever}
WITHOUT_BLOCKS = Shape({}, OLD)


def check_attachments(attachments: list[Any], blocks: list[Any]) -> None:
    """Raises SlackRefusal: too_many_attachments, invalid_attachments or msg_blocks_too_long.

    `blocks` are the message's own; the size limit is for all of them together. Blocks and the legacy fields
    cannot stand in one attachment: https://github.com/slack-go/slack/pull/588
    """
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackRefusal("too_many_attachments")
    findings: Findings = []
    for index, attachment in enumerate(attachments):
        at = f"/attachments/{index}"
        has_blocks = isinstance(attachment, dict) and "blocks" in attachment
        (WITH_BLOCKS if has_blocks else WITHOUT_BLOCKS)(attachment, at, findings)
        if has_blocks:
            only_one_of_each_id(attachment["blocks"], f"{at}/blocks", findings)
            at_most_one_table(attachment["blocks"], f"{at}/blocks", findings)
    if findings:
        raise SlackRefusal("invalid_attachments", findings, errors=findings)
    held = [a["blocks"] for a in attachments if a.get("blocks")]
    if sum(size(b) for b in [blocks, *held] if b) > LONGEST_BLOCKS:
        raise SlackRefusal("msg_blocks_too_long")


def dicts(value: Any) -> Iterator[tuple[int, Json]]:
    for index, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, dict):
            yield index, item


def only_one_of_each_id(blocks: Any, at: str, findings: Findings) -> None:
    """No block_id twice in a payload, no action_id twice in a block."""
    seen: set[str] = set()
    for index, block in dicts(blocks):
        name = block.get("block_id")
        if isinstance(name, str) and name in seen:
            complain(findings, f'`block_id` "{name}" already exists', f"{at}/{index}/block_id")
        seen |= {name} if isinstance(name, str) else set()
        actions: set[str] = set()
        for place, element in dicts(block.get("elements")):
            action = element.get("action_id")
            if isinstance(action, str) and action in actions:
                spot = f"{at}/{index}/elements/{place}/action_id"
                complain(findings, f'`action_id` "{action}" already exists for this block', spot)
            actions |= {action} if isinstance(action, str) else set()


def at_most_one_table(blocks: Any, at: str, findings: Findings) -> None:
    found = [block for _, block in dicts(blocks)]
    if sum(block.get("type") == "table" for block in found) > 1:
        complain(findings, "only_one_table_allowed", at)
    markdown = [block.get("text") for block in found if block.get("type") == "markdown"]
    if sum(len(text) for text in markdown if isinstance(text, str)) > LONGEST_MARKDOWN:
        complain(findings, f"no more than {LONGEST_MARKDOWN} characters of markdown allowed", at)


VIEW: dict[str, Check] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
MODAL = Shape(
    kind("modal") | {"title": plain(24), "blocks": array(by_type(IN_MODALS), 100, 0)},
    VIEW
    | {"close": plain(24), "submit": plain(24)}
    | dict.fromkeys(("clear_on_close", "notify_on_close", "submit_disabled"), boolean),
)
HOME = Shape(
    kind("home") | {"blocks": array(by_type(IN_HOMES), 100, 0)},
    VIEW | {"clear_on_close": boolean, "notify_on_close": boolean, "title": plain(24), "close": plain(24)},
)


def check_view(view: Any, surface: str) -> Json:
    """The view, if it is a good "modal" or "home"; raises SlackRefusal invalid_arguments or view_too_large."""
    findings: Findings = []
    (MODAL if surface == "modal" else HOME)(view, "/view", findings)
    if isinstance(view, dict):
        blocks = view.get("blocks")
        only_one_of_each_id(blocks, "/view/blocks", findings)
        _inputs_need_a_way_out(view, surface, findings)
    if findings:
        raise SlackRefusal("invalid_arguments", findings)
    if size(view) > LARGEST_VIEW:
        raise SlackRefusal("view_too_large")
    checked: Json = view
    return checked


def _inputs_need_a_way_out(view: Json, surface: str, findings: Findings) -> None:
    blocks = [block for _, block in dicts(view.get("blocks"))]
    if surface == "modal" and not view.get("submit") and any(b.get("type") == "input" for b in blocks):
        complain(findings, "missing required field: submit", "/view")
    held = [e for b in blocks for e in (b.get("element"), b.get("accessory"), *(b.get("elements") or []))]
    if sum(isinstance(e, dict) and bool(e.get("focus_on_load")) for e in held) > 1:
        complain(findings, "only one element may have focus_on_load", "/view/blocks")
