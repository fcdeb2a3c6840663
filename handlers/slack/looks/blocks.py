"""The pieces of Block Kit we use. Every mrkdwn text is `verbatim`, so that Slack links nothing by itself.

https://docs.slack.dev/reference/block-kit
"""

from collections.abc import Sequence

from bot.words.connection import Json

SECTION_LIMIT = 2800  # Slack takes 3000; some room, as others keep it
LABEL_LIMIT = 75


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def words_only(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str, accessory: Json | None = None) -> Json:
    block: Json = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def sections(lines: Sequence[str]) -> list[Json]:
    """Lines in as many sections as they need; a line is never broken."""
    found: list[str] = []
    for line in lines:
        if found and len(found[-1]) + 1 + len(line) <= SECTION_LIMIT:
            found[-1] += "\n" + line
        else:
            found.append(line)
    return [section(text) for text in found]


def context(*texts: str) -> Json:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def header(text: str) -> Json:
    return {"type": "header", "text": words_only(text)}


def actions(elements: Sequence[Json]) -> Json:
    return {"type": "actions", "elements": list(elements)}


def bulleted(lines: Sequence[str]) -> list[str]:
    return [f"• {line}" for line in lines]
