"""What each kind of block looks like, with Slack's limits: https://docs.slack.dev/reference/block-kit/blocks"""

from typing import Any

from sandbox.slack.block_elements import (
    AS_ACCESSORY,
    AS_INPUT,
    BUTTON,
    IMAGE,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    OVERFLOW,
    SLACK_FILE,
)
from sandbox.slack.shapes import (
    Check,
    Findings,
    Shape,
    address,
    any_text,
    anything,
    array,
    boolean,
    by_type,
    complain,
    either,
    exactly_one,
    kind,
    number,
    one_of,
    plain,
    string,
)

ID = {"block_id": string(255)}
TEXT = string(3000)
LONGEST_TABLE = 10_000
STYLE = Shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight"), boolean))
STYLED: dict[str, Check] = {"style": STYLE}
INLINE = by_type(
    {
        "text": Shape(kind("text") | {"text": string(12_000)}, STYLED),
        "link": Shape(kind("link") | {"url": address()}, STYLED | {"text": string(3000), "unsafe": boolean}),
        "user": Shape(kind("user") | {"user_id": string(255)}, STYLED),
        "usergroup": Shape(kind("usergroup") | {"usergroup_id": string(255)}, STYLED),
        "channel": Shape(kind("channel") | {"channel_id": string(255)}, STYLED),
        "broadcast": Shape(kind("broadcast") | {"range": one_of("here", "channel", "everyone")}, STYLED),
        "emoji": Shape(kind("emoji") | {"name": string(255)}, STYLED | {"unicode": string(255)}),
        "color": Shape(kind("color") | {"value": string(7)}, STYLED),
        "date": Shape(
            kind("date") | {"timestamp": number, "format": string(255)},
            STYLED | {"url": address(), "fallback": string(255)},
        ),
    }
)
RUN = array(INLINE, 1000, 0)
BORDER: dict[str, Check] = {"border": number}
RICH_SECTION = Shape(kind("rich_text_section") | {"elements": RUN})
RICH_PARTS = by_type(
    {
        "rich_text_section": RICH_SECTION,
        "rich_text_preformatted": Shape(
            kind("rich_text_preformatted") | {"elements": RUN}, BORDER | {"language": string(50)}
        ),
        "rich_text_quote": Shape(kind("rich_text_quote") | {"elements": RUN}, BORDER),
        "rich_text_list": Shape(
            kind("rich_text_list") | {"elements": array(RICH_SECTION, 1000), "style": one_of("bullet", "ordered")},
            BORDER | {"indent": number, "offset": number},
        ),
    }
)
RICH_TEXT = Shape(kind("rich_text") | {"elements": array(RICH_PARTS, 1000)}, ID)

CELL = by_type(
    {
        "raw_text": Shape(kind("raw_text") | {"text": string(10_000)}),
        "raw_number": Shape(kind("raw_number") | {"value": number}, {"text": string(10_000)}),
        "rich_text": RICH_TEXT,
    }
)
COLUMN = Shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})


def letters(value: Any) -> int:
    """All characters of text in a piece of rich text or a cell."""
    if isinstance(value, dict):
        own = value.get("text")
        return (len(own) if isinstance(own, str) else 0) + sum(letters(v) for k, v in value.items() if k != "text")
    return sum(letters(v) for v in value) if isinstance(value, list) else 0


def short_table(table: dict[str, Any], at: str, findings: Findings) -> None:
    if letters(table.get("rows")) > LONGEST_TABLE:
        complain(findings, f"no more than {LONGEST_TABLE} characters allowed in a table", f"{at}/rows")


CARD_IMAGE = Shape(
    kind("image") | {"alt_text": string(2000, 0)},
    {"image_url": address(), "slack_file": SLACK_FILE},
    (exactly_one("image_url", "slack_file"),),
)
CARD = Shape(
    kind("card"),
    ID
    | {
        "hero_image": CARD_IMAGE,
        "icon": CARD_IMAGE,
        "title": any_text(150),
        "subtitle": any_text(150),
        "body": any_text(200),
        "actions": array(by_type({"button": BUTTON}), 3),
    },
    (either("hero_image", "title", "actions", "body"),),
)
TASK = Shape(
    kind("task_card")
    | {
        "task_id": string(255),
        "title": string(3000),
        "status": one_of("pending", "in_progress", "complete", "error"),
    },
    ID | {"details": RICH_TEXT, "output": RICH_TEXT, "sources": anything},
)
PLAIN_BLOCKS: dict[str, Check] = {
    "section": Shape(
        kind("section"),
        ID
        | {
            "text": any_text(3000),
            "fields": array(any_text(2000), 10),
            "accessory": by_type(AS_ACCESSORY),
            "expand": boolean,
        },
        (either("text", "fields"),),
    ),
    "header": Shape(kind("header") | {"text": plain(150)}, ID),
    "divider": Shape(kind("divider"), ID),
    "context": Shape(
        kind("context")
        | {
            "elements": array(
                by_type(
                    {
                        "image": IMAGE,
                        "plain_text": Shape(kind("plain_text") | {"text": TEXT}, {"emoji": boolean}),
                        "mrkdwn": Shape(kind("mrkdwn") | {"text": TEXT}, {"verbatim": boolean}),
                    }
                ),
                10,
            )
        },
        ID,
    ),
    "actions": Shape(kind("actions") | {"elements": array(by_type(IN_ACTIONS), 25)}, ID),
    "image": Shape(
        kind("image") | {"alt_text": string(2000, 0)},
        ID | {"image_url": address(), "slack_file": SLACK_FILE, "title": plain(2000)},
        (exactly_one("image_url", "slack_file"),),
    ),
    "rich_text": RICH_TEXT,
    "video": Shape(
        kind("video") | {"video_url": address(), "thumbnail_url": address(), "alt_text": TEXT, "title": plain(200)},
        ID
        | {
            "title_url": address(),
            "author_name": string(50),
            "provider_name": string(50),
            "provider_icon_url": address(),
            "description": plain(200),
        },
    ),
    "context_actions": Shape(kind("context_actions") | {"elements": array(IN_CONTEXT_ACTIONS, 5)}, ID),
    "markdown": Shape(kind("markdown") | {"text": string(12_000)}, ID),
    "table": Shape(
        kind("table") | {"rows": array(array(CELL, 20), 100)},
        ID | {"column_settings": array(COLUMN, 20)},
        (short_table,),
    ),
    "input": Shape(
        kind("input") | {"label": plain(2000), "element": by_type(AS_INPUT)},
        ID | {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "file": Shape(kind("file") | {"external_id": string(255), "source": one_of("remote")}, ID),
    "alert": Shape(
        kind("alert") | {"text": any_text(200)},
        ID | {"level": one_of("default", "info", "warning", "error", "success")},
    ),
    "card": CARD,
    "carousel": Shape(kind("carousel") | {"elements": array(by_type({"card": CARD}), 10)}, ID),
    "task_card": TASK,
    "plan": Shape(kind("plan") | {"title": string(3000)}, ID | {"tasks": array(by_type({"task_card": TASK}), 50)}),
}


def collapsible(container: dict[str, Any], at: str, findings: Findings) -> None:
    if container.get("default_collapsed") and not container.get("is_collapsible"):
        complain(findings, "default_collapsed requires is_collapsible", f"{at}/default_collapsed")
    if container.get("has_header_divider") and container.get("is_collapsible"):
        complain(findings, "cannot be set with is_collapsible", f"{at}/has_header_divider")


def within(*names: str) -> dict[str, Check]:
    return {name: PLAIN_BLOCKS[name] for name in names}


CONTAINER = Shape(
    kind("container")
    | {
        "child_blocks": array(
            by_type(within("section", "header", "divider", "context", "actions", "image", "rich_text", "table")), 10
        )
    },
    ID
    | {
        "title": plain(150),
        "rich_text_title": RICH_TEXT,
        "subtitle": any_text(150),
        "width": one_of("narrow", "standard", "wide", "full"),
        "icon": IMAGE,
        "is_collapsible": boolean,
        "default_collapsed": boolean,
        "has_header_divider": boolean,
    },
    (either("title", "rich_text_title"), collapsible),
)
AUTH_PROVIDER = Shape(
    kind("auth_provider") | {"value": string(150), "name": plain(75), "is_connected": boolean},
    ID
    | {
        "description": plain(150),
        "icon_url": address(),
        "auth_url": address(),
        "disconnect_url": address(),
        "connected_identity": plain(75),
        "connected_context": plain(75),
        "accessory": OVERFLOW,
        "fallback": array(by_type(PLAIN_BLOCKS), 50),
    },
)
ALL: dict[str, Check] = PLAIN_BLOCKS | {"container": CONTAINER, "auth_provider": AUTH_PROVIDER}
IN_MESSAGES = {name: check for name, check in ALL.items() if name not in {"alert", "file"}}
IN_MODALS = {
    name: check
    for name, check in ALL.items()
    if name not in {"table", "markdown", "context_actions", "file", "card", "carousel", "task_card", "plan"}
}
IN_HOMES = {name: check for name, check in IN_MODALS.items() if name != "alert"}
