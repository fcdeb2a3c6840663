"""The Slack app's manifest: Slack's own rules for it, and that it asks for what we use and nothing else.

Lengths and required fields: https://docs.slack.dev/reference/app-manifest
"""

import ast
import json
import re
import subprocess
from typing import Any

import pytest
import yaml
from sentences import ROOT, trees

from handlers.slack.line.manifest import manifest
from handlers.slack.listeners.leaver_event import EVENT
from handlers.slack.listeners.workspace_events import TROUBLE
from sandbox.slack import SlackWorkspace

# What each Web API method we call needs: https://docs.slack.dev/reference/methods
SCOPES = {
    "auth_revoke": set(),
    "auth_test": set(),
    "apps_connections_open": set(),  # the app-level token's connections:write
    "chat_delete": {"chat:write"},
    "chat_postMessage": {"chat:write", "chat:write.public"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_replies": {"channels:history", "groups:history"},
    "files_completeUploadExternal": {"files:write"},
    "files_getUploadURLExternal": {"files:write"},
    "users_info": {"users:read"},
    "views_open": set(),
    "views_publish": set(),
    "views_update": set(),
}
EVENT_FIELDS = {"user_change": {"users:read.email"}}  # read from the event, and left out of it without the scope
EVENT_SCOPES = {"user_change": "users:read", "channel_": "channels:read", "group_": "groups:read"}
KNOWN = {
    "": {"_metadata", "display_information", "features", "oauth_config", "settings"},
    "_metadata": {"major_version", "minor_version"},
    "display_information": {"name", "description", "long_description", "background_color"},
    "features": {"app_home", "bot_user", "slash_commands"},
    "features.app_home": {"home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"},
    "features.bot_user": {"display_name", "always_online"},
    "oauth_config": {"scopes"},
    "oauth_config.scopes": {"bot"},
    "settings": {
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    },
    "settings.event_subscriptions": {"request_url", "bot_events"},
    "settings.interactivity": {"is_enabled", "request_url"},
}
SOCKET: dict[str, Any] = yaml.safe_load(manifest())
HTTP: dict[str, Any] = yaml.safe_load(manifest("https://redkey.example.com/", "http"))


def at(found: dict[str, Any], path: str) -> Any:
    for key in path.split(".") if path else []:
        found = found[key]
    return found


def test_the_file_in_the_root_is_the_one_the_program_writes() -> None:
    """`redkey manifest > manifest.yml`"""
    assert (ROOT / "manifest.yml").read_text(encoding="utf-8") == manifest()


@pytest.mark.parametrize("found", [SOCKET, HTTP], ids=["socket", "http"])
def test_slack_knows_every_key(found: dict[str, Any]) -> None:
    for path, keys in KNOWN.items():
        assert set(at(found, path)) <= keys, path
    assert all(isinstance(v, bool) for v in found["features"]["app_home"].values())


@pytest.mark.parametrize("found", [SOCKET, HTTP], ids=["socket", "http"])
def test_required_fields_are_there_and_nothing_is_too_long(found: dict[str, Any]) -> None:
    display, bot = found["display_information"], found["features"]["bot_user"]
    assert 1 <= len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert re.fullmatch(r"#[0-9A-Fa-f]{6}", display["background_color"])
    assert 1 <= len(bot["display_name"]) <= 80
    for command in found["features"]["slash_commands"]:
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
        assert 1 <= len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    assert found["settings"]["interactivity"]["is_enabled"] is True
    assert len(found["settings"]["event_subscriptions"]["bot_events"]) <= 100


def test_with_sockets_slack_needs_no_address_of_ours() -> None:
    assert SOCKET["settings"]["socket_mode_enabled"] is True
    assert "url" not in manifest()


def test_over_http_everything_comes_to_one_address() -> None:
    url = "https://redkey.example.com/slack/events"
    assert HTTP["settings"]["socket_mode_enabled"] is False
    assert HTTP["settings"]["interactivity"]["request_url"] == url
    assert HTTP["settings"]["event_subscriptions"]["request_url"] == url
    assert HTTP["features"]["slash_commands"][0]["url"] == url


def used_methods() -> set[str]:
    called = {
        node.func.attr
        for _, tree in trees("handlers/slack")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return {name for name in called if re.match(r"(chat|views|users|conversations|auth|apps|reactions|files)_", name)}


def test_every_method_we_call_is_known_here_and_has_its_scopes() -> None:
    assert used_methods() <= set(SCOPES)
    scopes = set(SOCKET["oauth_config"]["scopes"]["bot"])
    assert set().union(*(SCOPES[m] for m in used_methods())) <= scopes


def test_no_scope_is_asked_for_in_vain() -> None:
    needed = set().union(*(SCOPES[m] for m in used_methods())) | {"commands"}
    for event in SOCKET["settings"]["event_subscriptions"]["bot_events"]:
        needed |= {scope for start, scope in EVENT_SCOPES.items() if event.startswith(start)}
        needed |= EVENT_FIELDS.get(event, set())
    assert set(SOCKET["oauth_config"]["scopes"]["bot"]) == needed


def test_every_event_we_listen_to_is_subscribed_and_no_other() -> None:
    assert set(SOCKET["settings"]["event_subscriptions"]["bot_events"]) == {"app_home_opened", EVENT, *TROUBLE}


def test_the_practice_workspace_gives_an_app_what_the_manifest_asks_for_and_no_more() -> None:
    """Or a call without its scope, and an event without its subscription, would work in every test and nowhere else."""
    slack = SlackWorkspace()
    assert set(slack.state.scopes) == set(SOCKET["oauth_config"]["scopes"]["bot"])
    assert slack.delivery.subscribed == set(SOCKET["settings"]["event_subscriptions"]["bot_events"])


def test_the_slack_cli_is_given_the_same_manifest_as_json_and_a_way_to_start() -> None:
    hooks = json.loads((ROOT / ".slack/hooks.json").read_text(encoding="utf-8"))["hooks"]
    told = subprocess.run(hooks["get-manifest"].split(), cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert json.loads(told) == SOCKET
    assert hooks["start"] == "scripts/slack start"
