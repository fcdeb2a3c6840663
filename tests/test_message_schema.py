"""Every message against Slack's own types, made into a JSON Schema by tests/node: an opinion that is not ours."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from sample_facts import NOW, OUTAGES, connection

from handlers.slack.looks.details_view import details_view, nothing_view, waiting_view
from handlers.slack.looks.home_view import home_view
from handlers.words import Words

NODE = Path(__file__).parent / "node"
GOLDEN = Path(__file__).parent / "golden"
TOOL = NODE / "node_modules/.bin/ts-json-schema-generator"


@pytest.fixture(scope="session")
def schema() -> dict:
    if shutil.which("node") is None or not TOOL.exists():
        missing = "needs node, and `npm ci` in tests/node"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    # From the same types it is the same: to make it takes each worker three seconds of the processor.
    types = b"".join((NODE / name).read_bytes() for name in ("Message.ts", "tsconfig.json", "package-lock.json"))
    kept = NODE / "node_modules/.cache" / f"redkey-{hashlib.sha256(types).hexdigest()[:16]}.json"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        made = kept.with_name(f"redkey-{os.getpid()}.json")
        how = ["--path", "Message.ts", "--tsconfig", "tsconfig.json", "--type", "*", "-o", str(made)]
        subprocess.run([str(TOOL), *how], cwd=NODE, check=True, timeout=100)
        made.replace(kept)
    return json.loads(kept.read_text(encoding="utf-8"))


def problems(schema: dict, kind: str, held: object) -> list[str]:
    checker = Draft7Validator({**schema, "$ref": f"#/definitions/{kind}"})
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in checker.iter_errors(held)]


def test_every_golden_message_has_the_shape_of_slacks_types(schema: dict) -> None:
    wrong = {}
    for path in sorted(GOLDEN.glob("*.json")):
        message = json.loads(path.read_text(encoding="utf-8"))
        shown = {key: message[key] for key in ("text", "blocks", "attachments")}
        if found := problems(schema, "Message", shown):
            wrong[path.name] = found
    assert wrong == {}


def test_every_window_and_the_home_tab_have_it_too(schema: dict) -> None:
    for language in ("en", "fr"):
        words = Words(language)
        modals = [waiting_view(words), nothing_view(words), *(details_view(f, words) for f in OUTAGES.values())]
        assert [problems(schema, "Modal", modal) for modal in modals] == [[]] * len(modals)
        home = home_view([connection(1), connection(2, authorized=False)], words, NOW)
        assert problems(schema, "Home", home) == []


@pytest.mark.parametrize(
    "block",
    [
        {"type": "sektion", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "section", "text": {"type": "html", "text": "x"}},
        {"type": "actions", "elements": [{"type": "button", "text": "x"}]},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "colour": "red"},
    ],
)
def test_the_check_would_notice_a_wrong_block(schema: dict, block: dict) -> None:
    assert problems(schema, "Message", {"text": "x", "blocks": [block], "attachments": []})
