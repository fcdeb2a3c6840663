"""The command line: exit codes, and one line for expected trouble."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from practice_command_line import HEADER, ROOT, Redkey, at_the_prompt, touchpoint


@pytest.fixture
def redkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Redkey]:
    with at_the_prompt(tmp_path, monkeypatch, capsys) as redkey:
        yield redkey


def test_help_names_every_command_of_the_story(redkey):
    done = redkey("--help")

    assert done.returncode == 0
    story = ["demo", "run", "doctor", "connect", "connections", "outages", "check", "manifest"]
    for command in [*story, "touchpoints", "costs", "keys", "revoke-all", "db"]:
        assert command in done.stdout


def test_the_version_is_the_projects(redkey):
    assert redkey("--version").stdout == "redkey 0.1.0\n"


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["run", "--role", "captain"],
        ["costs", "export", "--from", "yesterday"],
        ["costs", "export", "--from", "2026-02-02", "--to", "2026-02-01"],
        ["connect"],
        ["demo", "--port", "0"],
    ],
)
def test_wrong_usage_is_exit_code_2(redkey, words):
    done = redkey(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_a_wrong_setting_is_one_line_and_exit_code_1(redkey, before):
    (redkey.folder / "other.toml").write_text('[timing]\ncheck_evry = "5m"', encoding="utf-8")
    words = ["--config", "other.toml", "connections"] if before else ["connections", "--config=other.toml"]

    done = redkey(*words)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "redkey: timing.check_evry: unknown setting; did you mean timing.check_every?\n"


def test_a_key_is_one_line_and_the_next_name_is_free(redkey):
    redkey.set(REDKEY_SECRETS__KEYS=None)
    first = redkey("keys", "new")
    assert first.returncode == 0
    assert first.stdout.startswith("k1:")
    assert first.stdout.count("\n") == 1

    redkey.set(REDKEY_SECRETS__KEYS=first.stdout.strip())
    assert redkey("keys", "new").stdout.startswith("k2:")


def test_making_a_key_waits_for_nothing_it_does_not_need(redkey):
    code = """
import sys
sys.argv[1:] = ["keys", "new"]
from bot.cli import main
from bot.commands.terminal import table
try: main()
except SystemExit: print({"bot.app", "platforms", "slack_bolt", "fastapi"} & set(sys.modules))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_without_a_key_nothing_starts_and_the_cure_is_named(redkey):
    redkey.set(REDKEY_SECRETS__KEYS=None, REDKEY_WEB__PORT="8081")

    done = redkey("connections")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("redkey: secrets.keys")
    assert "redkey keys new" in done.stderr
    assert done.stderr.count("\n") == 1


def test_run_names_everything_that_is_still_missing(redkey):
    done = redkey("run")

    assert done.returncode == 1
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [
        " slack.bot_token",
        " slack.channel",
        " slack.app_token",
    ]


def test_a_database_that_cannot_be_reached_is_one_line_without_its_password(redkey):
    redkey.set(DATABASE_URL="postgresql://redkey:canary-pw@127.0.0.1:1/redkey")

    done = redkey("outages")

    assert done.returncode == 1
    assert done.stderr.startswith("redkey: ")
    assert done.stderr.count("\n") == 1
    assert "canary-pw" not in done.stderr


def test_what_does_not_exist_is_named(redkey):
    for words in (["check"], ["remove"], ["remove", "--yes"], ["tagging", "undo"], ["tagging", "preview", "--json"]):
        done = redkey(*words, "con_nowhere")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "redkey: there is no connection con_nowhere; `redkey connections` lists what there is\n"

    done = redkey("connect", "google_ads")
    assert done.returncode == 1
    assert "google_ads" in done.stderr


def test_with_nothing_connected_a_check_says_so(redkey):
    assert redkey("check").stdout.startswith("Nothing is connected yet")


def test_a_file_that_is_not_there_is_named(redkey):
    done = redkey("touchpoints", "import", "nowhere.csv")

    assert done.returncode == 1
    assert done.stderr == "redkey: nowhere.csv: cannot be read: No such file or directory\n"


def test_a_reader_that_goes_away_is_no_trouble(redkey):
    with redkey.process("costs", "export", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        complaint = process.stderr.read()

    assert complaint == b""


def test_ctrl_c_is_quiet(redkey):
    """The import waits for standard input, where somebody may lose patience."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with redkey.process("touchpoints", "import", "-", **pipes) as process:
        more_than_a_pipe_holds = HEADER + touchpoint(1) * 2_000
        process.stdin.write(more_than_a_pipe_holds.encode())  # returns once the import has begun to read
        process.send_signal(signal.SIGINT)
        out, complaint = process.communicate(timeout=30)

    assert (process.returncode, out, complaint) == (130, b"", b"")


def test_a_shell_is_told_how_a_command_goes_on():
    def completed(words: str) -> list[str]:
        asked = {"_REDKEY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        call = [sys.executable, "-P", "-m", "bot"]
        ran = subprocess.run(call, env={**os.environ, **asked}, capture_output=True, text=True, check=False)
        return ran.stdout.split()

    assert completed("redkey conn") == ["connect", "connections"]
    assert completed("redkey connect m") == ["meta_ads", "microsoft_advertising"]


def test_in_a_directory_without_settings_one_line_says_where_they_are_looked_for(redkey):
    redkey.set(REDKEY_SECRETS__KEYS=None)

    for words in (["run"], ["connections"], ["connect", "google_ads"]):
        done = redkey(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"redkey: {redkey.folder}/redkey.toml: there is no such file; copy redkey.example.toml there, "
            "or name yours with --config\n"
        )
    done = redkey("doctor")
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith(
        f"WRONG settings: {redkey.folder}/redkey.toml: there is no such file -> copy redkey.example"
    )
