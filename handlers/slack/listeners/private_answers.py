"""An answer that only the person who asked can see."""

from collections.abc import Sequence

from bot.words.connection import Json
from handlers.slack.looks.blocks import sections

TEXT_LIMIT = 3000


def private(*lines: str) -> Json:
    """For `respond`. The message that was clicked stays as it is."""
    return {
        "text": "\n".join(lines)[:TEXT_LIMIT],
        "blocks": _few(sections(lines)),
        "response_type": "ephemeral",
        "replace_original": False,
    }


def _few(blocks: Sequence[Json]) -> list[Json]:
    """Slack takes about 13,000 characters of blocks in one message."""
    kept, length = [], 0
    for block in blocks:
        length += len(block["text"]["text"]) + 100
        if length > 12_000:
            break
        kept.append(block)
    return kept
