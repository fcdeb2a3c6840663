"""The command line: exit codes, what goes where, and one line for expected trouble."""

import io
import json
import logging
import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import structlog

from bot.cli import main
from bot.terminal import counting, table
from storage import new_key

ROOT = Path(__file__).parent.parent
HEADER = "id,occurred_at,email,kind,crm,bizible2__Medium__c\n"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Redkey:
    """`redkey` in a folder of its own: called here, which is quick, or as the process it really is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        self.set(REDKEY_SECRETS__KEYS=new_key(), TERM="dumb", COLUMNS="100")

    def set(self, **environment: str | None) -> None:
        for name, value in environment.items():
            if value is None:
                self._monkeypatch.delenv(name)
            else:
                self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str, stdin: str = "") -> Done:
        self._monkeypatch.setattr(sys, "argv", ["redkey", *words])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin.encode()))))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *self._capsys.readouterr())

    def process(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        # A shell that runs the tests in the background has them ignore Ctrl-C, and so would whatever they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen([sys.executable, "-P", "-m", "bot", *words], env=environment, **options)
        finally:
            signal.signal(signal.SIGINT, before)


@pytest.fixture
def redkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Redkey]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Redkey(tmp_path, monkeypatch, capsys)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


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
from bot.terminal import table
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


def test_lists_are_empty_json_lists_at_first(redkey):
    assert json.loads(redkey("connections", "--json").stdout) == []
    assert json.loads(redkey("outages", "--json").stdout) == []
    assert redkey("connections").stdout == "Nothing is connected yet.\n"


def test_what_does_not_exist_is_named(redkey):
    done = redkey("check", "con_nowhere")
    assert done.returncode == 1
    assert "con_nowhere" in done.stderr

    done = redkey("connect", "google_ads")
    assert done.returncode == 1
    assert "google_ads" in done.stderr


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


def touchpoint(number: int) -> str:
    return f"TP2_{number},2026-11-23T09:00:00Z,ann@example.com,touchpoint,,cpc\n"


def test_touchpoints_are_taken_in_once(redkey):
    (redkey.folder / "some.csv").write_text(HEADER + touchpoint(1) + touchpoint(2), encoding="utf-8")

    first = redkey("touchpoints", "import", "some.csv")
    again = redkey("touchpoints", "import", "-", stdin=HEADER + touchpoint(2) + touchpoint(3))

    assert first.stdout == "accepted 2, duplicates 0; waiting for a first CRM\n"
    assert again.stdout == "accepted 1, duplicates 1; waiting for a first CRM\n"
    assert (first.returncode, first.stderr, again.returncode) == (0, "", 0)


@pytest.mark.parametrize("name", ["some.ndjson", "some.txt", "-"])
def test_one_json_object_a_line_is_known_by_its_name_or_its_beginning(redkey, name):
    item = {"id": "TP2_1", "occurred_at": "2026-11-23T09:00:00Z", "email": "a@b.c", "kind": "touchpoint", "fields": {}}
    text = json.dumps(item) + "\n\n" + json.dumps({**item, "id": "TP2_2"})
    if name != "-":
        (redkey.folder / name).write_text(text, encoding="utf-8")

    done = redkey("touchpoints", "import", name, stdin=text)

    assert done.stdout.startswith("accepted 2, duplicates 0"), done.stderr


def test_one_bad_touchpoint_keeps_all_of_them_out(redkey):
    text = HEADER + touchpoint(1) + "TP2_2,soon,ann@example.com,touchpoint,,cpc\n" + touchpoint(3)

    done = redkey("touchpoints", "import", "-", stdin=text)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("redkey: line 3 (TP2_2): occurred_at")
    assert done.stderr.splitlines()[-1] == "redkey: 1 problem, so nothing was stored"
    assert redkey("touchpoints", "import", "-", stdin=HEADER + touchpoint(1)).stdout.startswith("accepted 1,")


def test_a_file_that_is_not_there_is_named(redkey):
    done = redkey("touchpoints", "import", "nowhere.csv")

    assert done.returncode == 1
    assert done.stderr == "redkey: nowhere.csv: cannot be read: No such file or directory\n"


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


def test_a_reader_that_goes_away_is_no_trouble(redkey):
    with redkey.process("costs", "export", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        complaint = process.stderr.read()

    assert complaint == b""


def test_a_backup_replaces_nothing(redkey):
    assert redkey("db", "upgrade").stdout == "the database is up to date\n"
    assert redkey("db", "backup", "copy.db").returncode == 0
    assert (redkey.folder / "copy.db").stat().st_size > 0

    again = redkey("db", "backup", "copy.db")

    assert again.returncode == 1
    assert "copy.db" in again.stderr


def test_revoking_everything_asks_first(redkey):
    done = redkey("revoke-all")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--yes" in done.stderr

    assert redkey("revoke-all", "--yes").stdout == "revoked 0 logins\n"


def test_removing_a_connection_asks_first_and_names_what_is_not_there(redkey):
    done = redkey("remove", "con_nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--yes" in done.stderr

    done = redkey("remove", "con_nowhere", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no connection con_nowhere" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_audit_trail_is_checked_and_handed_out(redkey):
    redkey("revoke-all", "--yes")
    checked = redkey("audit", "verify")
    (row,) = [json.loads(line) for line in redkey("audit", "export", "--format", "ndjson").stdout.splitlines()]

    assert checked.returncode == 0
    assert checked.stdout == f"1 rows, none was changed; newest digest {row['digest']}\n"
    assert (row["what"], row["detail"]) == ("revoked_all", {"logins": 0})
    with closing(sqlite3.connect(redkey.folder / "redkey.db")) as database:
        database.execute("UPDATE audit SET who = 'somebody else'")
        database.commit()
    broken = redkey("audit", "verify")
    assert broken.returncode == 1
    assert broken.stderr.startswith("redkey: audit row 1: it was changed after it was written")


def test_the_doctor_has_a_line_for_each_thing_and_the_cure_for_what_is_wrong(redkey):
    redkey.set(
        SLACK_BOT_TOKEN="xoxb-1",
        SLACK_APP_TOKEN="xapp-1",
        REDKEY_SLACK__API_URL="http://127.0.0.1:1/api/",
        REDKEY_SLACK__CHANNEL="C0123",
        REDKEY_PLATFORMS__SALESFORCE__CLIENT_ID="1",
        REDKEY_PLATFORMS__SALESFORCE__CLIENT_SECRET="2",
        REDKEY_PLATFORMS__SALESFORCE__LOGIN_URL="http://127.0.0.1:1",
    )

    done = redkey("doctor")

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.split(":")[0].split(maxsplit=1) for line in lines] == [
        ["ok", "settings"],
        ["ok", "public URL"],
        ["ok", "database"],
        ["ok", "keys"],
        ["WRONG", "platforms.salesforce"],
        ["WRONG", "slack token"],
        ["WRONG", "slack socket"],
    ]
    assert all(" -> " in line for line in lines if line.startswith("WRONG"))


def test_ctrl_c_is_quiet(redkey):
    """The import waits for standard input, where somebody may lose patience."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with redkey.process("touchpoints", "import", "-", **pipes) as process:
        more_than_a_pipe_holds = HEADER + touchpoint(1) * 2_000
        process.stdin.write(more_than_a_pipe_holds.encode())  # returns once the import has begun to read
        process.send_signal(signal.SIGINT)
        out, complaint = process.communicate(timeout=30)

    assert (process.returncode, out, complaint) == (130, b"", b"")


def test_the_manifest_is_printed_as_it_is(redkey):
    assert redkey("manifest").stdout == (ROOT / "manifest.yml").read_text(encoding="utf-8")
    assert "request_url: https://bot.example/slack/events" in redkey("manifest", "--http", "https://bot.example").stdout
    assert redkey("manifest", "--http", "http://bot.example").returncode == 1


def test_a_shell_is_told_how_a_command_goes_on():
    asked = {"_REDKEY_COMPLETE": "complete_bash", "COMP_WORDS": "redkey conn", "COMP_CWORD": "1"}
    call = [sys.executable, "-P", "-m", "bot"]
    ran = subprocess.run(call, env={**os.environ, **asked}, capture_output=True, text=True, check=False)

    assert ran.stdout.split() == ["connect", "connections"]


@contextmanager
def receiving(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """A program that subscribed to webhooks: its address, and what it got."""
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://127.0.0.1:{server.server_port}/secret-path", got
        server.shutdown()


def test_webhooks_can_be_tried_and_listed_without_showing_where_they_lead(redkey):
    secret = redkey("webhooks", "secret").stdout.strip()
    with receiving(204) as (good, got), receiving(500) as (bad, _):
        hooks = [{"name": name, "url": url, "secrets": [secret]} for name, url in (("desk", good), ("broken", bad))]
        redkey.set(REDKEY_WEBHOOKS=json.dumps(hooks))
        tried = redkey("webhooks", "test")
        alone = redkey("webhooks", "test", "desk")
        listed = redkey("webhooks", "list", "--json")
        shown = redkey("webhooks", "list")
        nobody = redkey("webhooks", "test", "warehouse")

    assert (tried.returncode, tried.stdout, tried.stderr) == (
        1,
        "desk: took it\n",
        "redkey: broken: it answered HTTP 500\n",
    )
    assert (alone.returncode, len(got)) == (0, 2)
    assert json.loads(got[0])["type"] == "webhook.test"
    assert [(each["name"], each["state"], each["waiting"]) for each in json.loads(listed.stdout)] == [
        ("desk", "ok", 0),
        ("broken", "ok", 0),
    ]
    assert "outage.opened" in shown.stdout
    assert nobody.stderr == "redkey: there is no endpoint warehouse; there are: desk, broken\n"
    everything = "".join(done.stdout + done.stderr for done in (tried, alone, listed, shown, nobody))
    assert "secret-path" not in everything
    assert secret not in everything


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


def test_a_list_for_people_tells_the_minute(capsys):
    table(
        [{"id": "con_1", "last_data_at": "2026-11-28T11:45:55.096765Z"}, {"id": "con_2", "last_data_at": None}],
        ["id", "last_data_at"],
        "",
    )

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "last", "data", "at", "(UTC)"]
    assert (first.split(), second.split()) == (["con_1", "2026-11-28", "11:45"], ["con_2"])
