"""Messages as pages of HTML, drawn by npm slack-blocks-to-jsx as a reader of Slack sees them: an eye that is not ours."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from practice_node import missing
from sample_facts import NOW

from bot.words.connection import Json
from sandbox.slack.state import WorkspaceState

NODE = Path(__file__).parent / "node"
ICON = Path(__file__).parent.parent / "sandbox/slack/static/icon.svg"


def drawn_messages(messages: Sequence[Json], language: str) -> list[str]:
    """A page for each message, read at sample_facts.NOW in the sandbox's workspace; what to look at is `.message`."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules/slack-blocks-to-jsx").is_dir():
        missing("needs node, and `npm ci` in tests/node")
    asked = {
        "messages": messages,
        "language": language,
        "now": int(NOW.timestamp()),
        "logo": "data:image/svg+xml;base64," + base64.b64encode(ICON.read_bytes()).decode(),
        "data": _names(),
    }
    drawn = subprocess.run(
        [str(node), "message_pages.mjs"],
        cwd=NODE,
        env={**os.environ, "TZ": "UTC", "NODE_ENV": "production"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr
    return json.loads(drawn.stdout)


def _names() -> Json:
    state = WorkspaceState()
    return {
        "users": [{"id": each.id, "name": each.real_name} for each in state.users.values()],
        "channels": [{"id": each.id, "name": each.name} for each in state.channels.values()],
        "user_groups": [{"id": each.id, "name": each.handle} for each in state.usergroups.values()],
    }
