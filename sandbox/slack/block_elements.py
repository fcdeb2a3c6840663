"""What stands inside blocks: buttons, menus, inputs, with Slack's limits.

https://docs.slack.dev/reference/block-kit/block-elements and .../composition-objects
"""

from typing import Any

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

STYLE = one_of("primary", "danger")
ACTION = {"action_id": string(255)}
CONFIRM = Shape(
    {"title": plain(100), "text": any_text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": STYLE},
)
ASKING = ACTION | {"confirm": CONFIRM}
FOCUS = {"focus_on_load": boolean}
PLACEHOLDER = {"placeholder": plain(150)}
DISPATCH = Shape({}, {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 2)})


def option(*, url: bool = False, markup: bool = False) -> Shape:
    more: dict[str, Check] = {"description": any_text(75) if markup else plain(75)}
    if url:
        more["url"] = address()
    return Shape({"text": any_text(75) if markup else plain(75), "value": string(150)}, more)


OPTION = option()
GROUP = Shape({"label": plain(75), "options": array(OPTION, 100)})
SLACK_FILE = Shape({}, {"id": string(255), "url": address()}, (exactly_one("id", "url"),))

BUTTON = Shape(
    kind("button") | {"text": plain(75)},
    ASKING
    | {
        "url": address(),
        "value": string(2000, 0),
        "style": STYLE,
        "accessibility_label": string(75),
        "agent_prompt": string(4000),
    },
)
IMAGE = Shape(
    kind("image") | {"alt_text": string(2000, 0)},
    {"image_url": address(), "slack_file": SLACK_FILE, "image_bytes": number},
    (exactly_one("image_url", "slack_file"),),
)
OVERFLOW = Shape(kind("overflow") | {"options": array(option(url=True), 5, 2)}, ASKING)


def offered(value: dict[str, Any], at: str, findings: Findings) -> None:
    """What is chosen at first must be one of the options, to the letter."""
    groups = value.get("option_groups") or []
    inside = [g.get("options") for g in groups if isinstance(g, dict)] if isinstance(groups, list) else []
    listed = [value.get("options"), *inside]
    options = [o for some in listed if isinstance(some, list) for o in some]
    first = value.get("initial_options") or []
    for chosen in [value.get("initial_option"), *(first if isinstance(first, list) else [])]:
        if chosen is not None and chosen not in options:
            complain(findings, "initial option must be one of the options", at)


def ticks(name: str) -> Shape:
    """Checkboxes and radio buttons: up to 10 choices, which may be formatted."""
    choice = option(markup=True)
    initial: dict[str, Check] = {"initial_options": array(choice, 10)}
    if name == "radio_buttons":
        initial = {"initial_option": choice}
    return Shape(kind(name) | {"options": array(choice, 10)}, ASKING | FOCUS | initial, (offered,))


def picker(name: str, **initial: Check) -> Shape:
    placeholder = {} if name == "datetimepicker" else PLACEHOLDER
    return Shape(kind(name), ASKING | FOCUS | placeholder | initial)


def menu(name: str, **own: Check) -> Shape:
    return Shape(kind(name), ASKING | FOCUS | PLACEHOLDER | own)


def static_menu(name: str) -> Shape:
    own: dict[str, Check] = {"options": array(OPTION, 100), "option_groups": array(GROUP, 100)}
    own |= {"initial_options": array(OPTION, 100), "max_selected_items": number} if "multi" in name else {}
    own |= {} if "multi" in name else {"initial_option": OPTION}
    return Shape(kind(name), ASKING | FOCUS | PLACEHOLDER | own, (exactly_one("options", "option_groups"), offered))


URLS: dict[str, Check] = {"response_url_enabled": boolean}
MANY: dict[str, Check] = {"max_selected_items": number}
IDS = array(string(255), 100)
FILTER = Shape(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
    (either("include", "exclude_external_shared_channels", "exclude_bot_users"),),
)
TALKS: dict[str, Check] = {"default_to_current_conversation": boolean, "filter": FILTER}

SELECTS: dict[str, Check] = {
    "static_select": static_menu("static_select"),
    "external_select": menu("external_select", initial_option=OPTION, min_query_length=number),
    "users_select": menu("users_select", initial_user=string(255)),
    "conversations_select": menu("conversations_select", initial_conversation=string(255), **URLS, **TALKS),
    "channels_select": menu("channels_select", initial_channel=string(255), **URLS),
}
MULTI_SELECTS: dict[str, Check] = {
    "multi_static_select": static_menu("multi_static_select"),
    "multi_external_select": menu(
        "multi_external_select", initial_options=array(OPTION, 100), min_query_length=number, **MANY
    ),
    "multi_users_select": menu("multi_users_select", initial_users=IDS, **MANY),
    "multi_conversations_select": menu("multi_conversations_select", initial_conversations=IDS, **MANY, **TALKS),
    "multi_channels_select": menu("multi_channels_select", initial_channels=IDS, **MANY),
}


def typed(name: str, **own: Check) -> Shape:
    more = ACTION | FOCUS | PLACEHOLDER | {"initial_value": string(3000, 0), "dispatch_action_config": DISPATCH}
    return Shape(kind(name), more | own)


NUMBER_INPUT = Shape(
    kind("number_input") | {"is_decimal_allowed": boolean},
    ACTION
    | FOCUS
    | PLACEHOLDER
    | dict.fromkeys(("initial_value", "min_value", "max_value"), string(100))
    | {"dispatch_action_config": DISPATCH},
)
TICKS: dict[str, Check] = {name: ticks(name) for name in ("checkboxes", "radio_buttons")}
PICKERS: dict[str, Check] = {
    "datepicker": picker("datepicker", initial_date=string(10)),
    "timepicker": picker("timepicker", initial_time=string(5), timezone=string(255)),
    "datetimepicker": picker("datetimepicker", initial_date_time=number),
}
WORKFLOW_BUTTON = Shape(
    kind("workflow_button") | {"text": plain(75), "workflow": anything},
    ACTION | {"style": STYLE, "accessibility_label": string(75)},
)
RICH_TEXT_INPUT = Shape(
    kind("rich_text_input"),
    ACTION | FOCUS | PLACEHOLDER | {"initial_value": anything, "dispatch_action_config": DISPATCH},
)

IN_ACTIONS: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "workflow_button": WORKFLOW_BUTTON,
    "rich_text_input": RICH_TEXT_INPUT,
    **SELECTS,
    **MULTI_SELECTS,
    **TICKS,
    **PICKERS,
}
AS_ACCESSORY: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "image": IMAGE,
    "workflow_button": WORKFLOW_BUTTON,
    **SELECTS,
    **MULTI_SELECTS,
    **TICKS,
    **{name: PICKERS[name] for name in ("datepicker", "timepicker")},
}
AS_INPUT: dict[str, Check] = {
    "plain_text_input": typed("plain_text_input", multiline=boolean, min_length=number, max_length=number),
    "url_text_input": typed("url_text_input"),
    "email_text_input": typed("email_text_input"),
    "number_input": NUMBER_INPUT,
    "rich_text_input": RICH_TEXT_INPUT,
    "file_input": Shape(kind("file_input"), ACTION | {"filetypes": array(string(20), 50), "max_files": number}),
    **SELECTS,
    **MULTI_SELECTS,
    **TICKS,
    **PICKERS,
}
FEEDBACK = Shape(
    kind("feedback_buttons") | {"positive_button": anything, "negative_button": anything}, {"action_id": string(255)}
)
ICON_BUTTON = Shape(
    kind("icon_button") | {"icon": one_of("trash"), "text": plain(75)},
    ASKING | {"value": string(2000, 0), "accessibility_label": string(75), "visible_to_user_ids": IDS},
)
IN_CONTEXT_ACTIONS = by_type({"feedback_buttons": FEEDBACK, "icon_button": ICON_BUTTON})
