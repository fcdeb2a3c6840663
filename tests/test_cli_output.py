"""What the command line prints: results on stdout for people and programs, and bars only on a terminal."""

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from practice_command_line import HEADER, ROOT, Redkey, at_the_prompt, touchpoint

from bot.commands.terminal import counting, table


@pytest.fixture
def redkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Redkey]:
    with at_the_prompt(tmp_path, monkeypatch, capsys) as redkey:
        yield redkey


def test_lists_are_empty_json_lists_at_first(redkey):
    assert json.loads(redkey("connections", "--json").stdout) == []
    assert json.loads(redkey("outages", "--json").stdout) == []
    assert redkey("connections").stdout == (
        "Nothing is connected yet: `redkey connect PLATFORM` prints a link for a first login.\n"
    )


def test_connect_prints_the_link_alone(redkey):
    redkey.set(
        REDKEY_PLATFORMS__GOOGLE_ADS__CLIENT_ID="1",
        REDKEY_PLATFORMS__GOOGLE_ADS__CLIENT_SECRET="2",
        REDKEY_WEB__PUBLIC_URL="https://redkey.example.com/",
    )

    done = redkey("connect", "google_ads")

    assert done.returncode == 0
    assert done.stdout.startswith("https://redkey.example.com/connect/")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "bar", "result"),
    [
        (("touchpoints", "import", "some.csv"), b"checking", b"accepted 1, duplicates 0; waiting for a first CRM\n"),
        (("audit", "verify", "--json"), b"reading the trail", b'{\n  "rows": 0'),
    ],
)
def test_a_long_command_shows_a_bar_on_a_terminal_and_only_there(redkey, words, bar, result):
    (redkey.folder / "some.csv").write_text(HEADER + touchpoint(1), encoding="utf-8")
    redkey.set(TERM="xterm")
    watched, terminal = pty.openpty()

    with redkey.process(*words, stdout=subprocess.PIPE, stderr=terminal) as process:
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    shown = os.read(watched, 65536) if select.select([watched], [], [], 0)[0] else b""
    os.close(watched)

    assert bar in shown
    assert out.startswith(result)


class Screen(io.StringIO):
    """A terminal of which is known what was drawn on it."""

    def isatty(self) -> bool:
        return True


def test_a_bar_counts_what_is_done_and_gives_way_to_what_is_printed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with counting("sealing") as seen:
        seen(1, 4)
        seen(4, 4)
    assert "sealing" in screen.getvalue()
    assert "4/4" in screen.getvalue()

    monkeypatch.setattr(sys, "stdout", screen)
    with counting("writing", printing=True) as seen:
        seen(1, None)
    assert "writing" not in screen.getvalue()


def test_cost_is_exported_with_its_header_even_when_there_is_none(redkey):
    done = redkey("costs", "export", "--from", "2026-01-01", "--to", "2026-01-31")

    assert done.stdout == (
        "platform,connection,account,date,campaign,campaign_name,ad_group,ad,currency,cost_micros,clicks,impressions,complete\n"
    )
    assert redkey("costs", "export", "--format", "ndjson").stdout == ""


def test_the_manifest_is_printed_as_it_is(redkey):
    assert redkey("manifest").stdout == (ROOT / "manifest.yml").read_text(encoding="utf-8")
    assert "request_url: https://bot.example/slack/events" in redkey("manifest", "--http", "https://bot.example").stdout
    assert redkey("manifest", "--http", "http://bot.example").returncode == 1


@pytest.mark.parametrize(
    ("words", "empty"),
    [
        (["connections"], []),
        (["outages"], []),
        (["check"], []),
        (["webhooks", "list"], []),
        (["audit", "verify"], {"rows": 0, "first": 1, "newest": "0" * 64, "broken": None, "why": ""}),
    ],
)
def test_what_a_command_prints_it_prints_for_programs_too(redkey, words, empty):
    done = redkey(*words, "--json")

    assert (done.returncode, json.loads(done.stdout)) == (0, empty)


def test_doctor_tells_programs_what_is_wrong_and_its_cure(redkey):
    done = redkey("doctor", "--json")
    found = json.loads(done.stdout)

    assert done.returncode == 1
    assert {"what", "ok", "text", "cure"} == set(found[0])
    assert [each["ok"] for each in found if each["what"] == "database"] == [True]
    assert all(each["cure"] for each in found if not each["ok"])


def test_touchpoints_taken_in_are_counted_for_programs_too(redkey):
    line = (
        '{"id": "TP2_1", "occurred_at": "2026-11-23T09:00:00Z", "email": "a@b.c", "kind": "touchpoint", "fields": {}}'
    )
    done = redkey("touchpoints", "import", "-", "--json", stdin=line + "\n" + line.replace("TP2_1", "TP2_2") + "\n")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["accepted"], told["duplicates"], bool(told["waiting_for_crm"])) == (2, 0, True)


def test_no_command_that_prints_data_lacks_json():
    from typer.main import get_command

    def below(path: str, command: Any) -> Iterator[tuple[str, set[str]]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(f"{path} {name}".strip(), inner)
        if not hasattr(command, "commands"):
            yield path, {option for p in command.params for option in p.opts}

    from bot.cli import app

    # One sentence or one value each, or a format of their own; `run` and `demo` go on until they are ended.
    plain = {"demo", "run", "connect", "manifest", "keys new", "keys rotate", "db upgrade", "db backup", "revoke-all"}
    plain |= {"remove", "tagging optin", "tagging optout", "webhooks secret", "webhooks test"}
    plain |= {"costs export", "audit export"}
    without = {path for path, options in below("", get_command(app)) if "--json" not in options}
    assert without == plain


def test_a_list_for_people_tells_the_minute(capsys):
    table(
        [{"id": "con_1", "last_data_at": "2026-11-28T11:45:55.096765Z"}, {"id": "con_2", "last_data_at": None}],
        ["id", "last_data_at"],
        "",
    )

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "last", "data", "at", "(UTC)"]
    assert (first.split(), second.split()) == (["con_1", "2026-11-28", "11:45"], ["con_2"])
