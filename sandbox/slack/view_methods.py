"""views.*: modals and the Home tab."""

import hashlib
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.block_kit import check_view
from sandbox.slack.model import Json, View
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import WorkspaceState, name_blocks
from sandbox.slack.web_api import Method
from sandbox.slack.wire import view_body

DEEPEST = 3  # modals can lie three deep: https://docs.slack.dev/surfaces/modals


def make_view(state: WorkspaceState, user: str, body: Json) -> View:
    name_blocks(state, body.get("blocks", []))
    view = View(state.mint("V"), user, body, "")
    view.hash = _hash(state, view)
    view.root = view.id
    return view


def _hash(state: WorkspaceState, view: View) -> str:
    return f"{state.mint('')}.{hashlib.sha256(repr(view.body).encode()).hexdigest()[:8]}"


def publish(state: WorkspaceState, args: Arguments) -> Json:
    user = args.needed("user_id")
    if user not in state.users:
        raise SlackRefusal("invalid_arguments", ["user_not_found [json-pointer:/user_id]"])
    body = check_view(args.structure("view", "invalid_arguments"), "home")
    old = state.homes.get(user)
    if old and "hash" in args and args.text("hash") != old.hash:
        raise SlackRefusal("hash_conflict")
    view = make_view(state, user, body)
    if old:
        view.id = view.root = old.id
    state.homes[user] = view
    state.changed()
    return {"view": view_body(view)}


def open_modal(state: WorkspaceState, args: Arguments) -> Json:
    body = check_view(args.structure("view", "invalid_arguments"), "modal")
    user = state.triggers.use(args.needed("trigger_id"))
    state.modals[user] = [make_view(state, user, body)]
    state.changed()
    return {"view": view_body(state.modals[user][-1])}


def push_modal(state: WorkspaceState, args: Arguments) -> Json:
    body = check_view(args.structure("view", "invalid_arguments"), "modal")
    user = state.triggers.use(args.needed("trigger_id"))
    return {"view": view_body(push(state, user, body))}


def push(state: WorkspaceState, user: str, body: Json) -> View:
    stack = state.modals.setdefault(user, [])
    if len(stack) >= DEEPEST:
        raise SlackRefusal("push_limit_reached")
    view = make_view(state, user, body)
    view.root = stack[0].id if stack else view.id
    stack.append(view)
    state.changed()
    return view


def update_modal(state: WorkspaceState, args: Arguments) -> Json:
    body = check_view(args.structure("view", "invalid_arguments"), "modal")
    wanted = args.text("view_id") or args.text("external_id")
    for stack in state.modals.values():
        for view in stack:
            if wanted and wanted in {view.id, view.body.get("external_id")}:
                if "hash" in args and args.text("hash") != view.hash:
                    raise SlackRefusal("hash_conflict")
                change_view(state, view, body)
                return {"view": view_body(view)}
    raise SlackRefusal("not_found")


def checked_errors(view: View, errors: Any) -> dict[str, str]:
    """What an app says is wrong: a sentence for each input block, by its id; anything else Slack shows as trouble."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise SlackRefusal("invalid_errors", [f"there are input blocks {sorted(inputs)}"])
    if not all(isinstance(said, str) and said for said in errors.values()):
        raise SlackRefusal("invalid_errors", ["each must be a text"])
    return dict(errors)


def change_view(state: WorkspaceState, view: View, body: Json) -> None:
    name_blocks(state, body.get("blocks", []))
    view.body, view.errors = body, {}
    view.hash = _hash(state, view)
    state.changed()


METHODS = {
    "views.publish": Method(publish, (), 100),
    "views.open": Method(open_modal, (), 100),
    "views.push": Method(push_modal, (), 100),
    "views.update": Method(update_modal, (), 100),
}
