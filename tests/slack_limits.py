"""Our own reading of Slack's limits, apart from the sandbox's: what is wrong with a message or a view, in words.

https://docs.slack.dev/reference/block-kit and, for a whole message, https://github.com/slackapi/bolt-js/issues/2509
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.words.voice import Spoken

Json = dict[str, Any]
ACTION_IDS = {"reauthorize", "claim", "snooze", "details", "pause", "ask_someone", "take_back"}
ACTION_IDS |= {f"home_{deed}" for deed in ("show", "back", "on", "find", "connect", "more", "details")}
# What Slack would make a link of by itself. E-mail addresses count too.
BARE = re.compile(
    r"(?:https?|ftp|mailto|tel|slack|data|javascript):/{0,2}\w|://|\bwww\.\w"
    r"|[\w.-]+@[\w-]+\.\w|(?<![\w.@])[a-z0-9-]+\.(?:com|net|org|io|dev|app|co|ai|eu|fr|de|uk|example|xn--\w+)\b",
    re.IGNORECASE,
)
TOKEN = re.compile(r"<([^<>]*)>")
DATE = re.compile(r"!date\^\d+\^[^|<>^]*\|[^|<>]+")


def message_problems(spoken: Spoken) -> list[str]:
    found = [*_blocks(list(spoken.blocks), 50)]
    for attachment in spoken.attachments:
        found += _blocks(attachment["blocks"], 50)
        if not re.fullmatch(r"#[0-9A-F]{6}", attachment["color"]):
            found.append("colour")
    if len(spoken.attachments) > 1:
        found.append("more than one attachment")
    if not 1 <= len(spoken.text) <= 4000:
        found.append(f"text of {len(spoken.text)} characters")
    whole = len(json.dumps([*spoken.blocks, *spoken.attachments], ensure_ascii=False))
    if whole > 13_000:
        found.append(f"{whole} characters in all")
    return found


def view_problems(view: Json) -> list[str]:
    found = _blocks(view["blocks"], 100)
    found += _length("title", view.get("title"), 24) + _length("close", view.get("close"), 24)
    if len(json.dumps(view)) > 250_000:
        found.append("view too large")
    return found


def _blocks(blocks: list[Json], most: int) -> list[str]:
    found = [] if len(blocks) <= most else [f"{len(blocks)} blocks"]
    for block in blocks:
        found += _block(block)
    return found


def _block(block: Json) -> list[str]:
    kind = block["type"]
    if kind == "section":
        return _length("section", block["text"], 3000) + _element(block.get("accessory"))
    if kind == "input":
        return _length("label", block["label"], 2000)
    if kind == "header":
        return _length("header", block["text"], 150)
    if kind == "context":
        texts = [p for e in block["elements"] for p in _length("context", e, 2000)]
        return texts + ([] if 1 <= len(block["elements"]) <= 10 else ["context elements"])
    if kind == "actions":
        ids = [e["action_id"] for e in block["elements"]]
        found = [p for e in block["elements"] for p in _element(e)]
        found += [] if 1 <= len(ids) <= 25 else ["actions elements"]
        return found + ([] if len(set(ids)) == len(ids) else ["an action_id twice in one block"])
    return [f"unknown block {kind}"]


def _element(element: Json | None) -> list[str]:
    if element is None:
        return []
    found = [] if element["action_id"] in ACTION_IDS else [f"action_id {element['action_id']}"]
    if element["type"] == "button":
        found += _length("button", element["text"], 75)
        found += [k for k, most in (("url", 3000), ("value", 2000)) if len(element.get(k, "")) > most]
        found += ["accessibility_label"] if len(element.get("accessibility_label", "x")) not in range(1, 76) else []
    else:
        fewest, most = (2, 5) if element["type"] == "overflow" else (1, 100)
        found += [] if fewest <= len(element["options"]) <= most else ["options"]
        for option in element["options"]:
            found += _length("option", option["text"], 75)
            found += ["option value"] if not 1 <= len(option["value"]) <= 150 else []
    for part, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        found += _length(f"confirm {part}", element.get("confirm", {}).get(part), most)
    return found


def _length(what: str, text: Json | None, most: int) -> list[str]:
    if text is None or 1 <= len(text["text"]) <= most:
        return []
    return [f"{what} of {len(text['text'])} characters"]


def texts(found: Any) -> Iterator[tuple[str, Json]]:
    """Every text object in blocks, attachments or a view."""
    if isinstance(found, list | tuple):
        for item in found:
            yield from texts(item)
    elif isinstance(found, dict):
        if found.get("type") in {"mrkdwn", "plain_text"}:
            yield found["type"], found
        else:
            for value in found.values():
                yield from texts(value)


def foreign(text: str, links: set[str], mentions: set[str]) -> list[str]:
    """Links, mentions and bare addresses in mrkdwn that are not ours."""
    found = []
    for token in TOKEN.findall(text):
        ours = token.partition("|")[0] in links or token in mentions or DATE.fullmatch(token)
        found += [] if ours else [token]
    rest = TOKEN.sub(" ", text)
    found += [c for c in "<>" if c in rest]
    return found + BARE.findall(rest)
