"""What an element says when a person uses it: the type-specific part of actions and of a view's state."""

from typing import Any

from sandbox.slack.model import Json

SINGLE = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
MANY = {
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}
ONE_OPTION = {"static_select", "external_select", "radio_buttons", "overflow"}
SOME_OPTIONS = {"multi_static_select", "multi_external_select", "checkboxes"}


def options(element: Json) -> list[Json]:
    grouped = [o for group in element.get("option_groups", []) for o in group["options"]]
    return [*element.get("options", []), *grouped]


def chosen(element: Json, value: str) -> Json:
    """The option with that value; LookupError names those there are."""
    for choice in options(element):
        if choice.get("value") == value:
            return choice
    raise LookupError(f"no option {value!r}; there are {[o.get('value') for o in options(element)]}")


def spoken(element: Json, value: Any = None) -> Json:
    """The element's answer, given what the person picked or typed (None: what it was set to at first; empty: nothing)."""
    kind = element["type"]
    if kind in ONE_OPTION:
        picked = chosen(element, str(value)) if value else None
        picked = element.get("initial_option") if value is None else picked
        return {"type": kind, "selected_option": picked}
    if kind in SOME_OPTIONS:
        wanted = [value] if isinstance(value, str) else value
        picked_all = element.get("initial_options", []) if wanted is None else [chosen(element, v) for v in wanted if v]
        return {"type": kind, "selected_options": picked_all}
    if kind in SINGLE or kind in MANY:
        key = SINGLE.get(kind) or MANY[kind]
        first = element.get(key.replace("selected", "initial"))
        return {"type": kind, key: first if value is None else value or ([] if kind in MANY else None)}
    return {"type": kind, "value": element.get("initial_value") if value is None else value or None}


def missing(spoken_value: Json) -> bool:
    return not any(value for key, value in spoken_value.items() if key != "type")


def states(blocks: list[Json], given: Json) -> Json:
    """state.values of a view: every stateful element by block_id and action_id.

    `given` is {action_id: value} or {block_id: {action_id: value}}.
    """
    values: Json = {}
    for block in blocks:
        held = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
        for element in held:
            if isinstance(element, dict) and element.get("action_id") and element["type"] not in {"button", "overflow"}:
                action = element["action_id"]
                in_block = given.get(block["block_id"])
                value = in_block.get(action) if isinstance(in_block, dict) else given.get(action)
                values.setdefault(block["block_id"], {})[action] = spoken(element, value)
    return values
