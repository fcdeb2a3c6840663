"""Commands that change or check something: they ask first, replace nothing, and take in all or nothing."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from practice_command_line import HEADER, Redkey, at_the_prompt, touchpoint


@pytest.fixture
def redkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Redkey]:
    with at_the_prompt(tmp_path, monkeypatch, capsys) as redkey:
        yield redkey


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


def test_revoking_everything_says_what_is_not_given_back_yet(redkey):
    """Another that was killed had just begun with it."""
    assert redkey("db", "upgrade").returncode == 0
    with closing(sqlite3.connect(redkey.folder / "redkey.db")) as database, database:
        row = ("rev_1", "salesforce", "sealed", "k1", "2026-11-23 09:00:00", "2999-11-23 09:00:00")
        columns = "id, platform, token, token_key, created_at, due_at"
        database.execute(f"INSERT INTO revocations ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)
    done = redkey("revoke-all", "--yes")

    assert (done.returncode, done.stdout) == (0, "revoked 0 logins\n")
    assert done.stderr.startswith("1 tokens are not given back yet: a running bot does it")


def test_removing_what_is_not_there_names_it(redkey):
    for words in (("con_nowhere",), ("con_nowhere", "--yes")):
        done = redkey("remove", *words)
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
    assert [(each["name"], each["state"], each["taken_at"], each["waiting"]) for each in json.loads(listed.stdout)] == [
        ("desk", "ok", None, 0),
        ("broken", "ok", None, 0),
    ]
    assert "outage.opened" in shown.stdout
    assert "taken at (UTC)" in shown.stdout
    assert nobody.stderr == "redkey: there is no endpoint warehouse; there are: desk, broken\n"
    everything = "".join(done.stdout + done.stderr for done in (tried, alone, listed, shown, nobody))
    assert "secret-path" not in everything
    assert secret not in everything
