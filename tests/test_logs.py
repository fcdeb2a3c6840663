"""The log keeps secrets and forged lines out."""

import errno
import io
import json
import logging
import resource
import socket
from collections.abc import Iterator

import pytest
import structlog

from bot import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hidden = list(root.handlers), root.level, set(logs._hidden)
    yield
    root.handlers[:], root.level = handlers, level
    logs._hidden.clear()
    logs._hidden.update(hidden)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logged(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_is_json_when_nobody_watches():
    stream = io.StringIO()
    logs.start_logging(stream)

    structlog.get_logger().warning("a token was refused", grant="gra_1", tries=3)

    line = logged(stream)[0]
    assert list(line)[:3] == ["timestamp", "level", "message"]
    assert (line["level"], line["message"], line["grant"], line["tries"]) == (
        "warning",
        "a token was refused",
        "gra_1",
        3,
    )
    assert line["timestamp"].endswith("Z")


def test_a_log_line_is_readable_on_a_terminal():
    stream = Terminal()
    logs.start_logging(stream)

    structlog.get_logger().info("a connection is back", connection="con_1")

    assert "a connection is back" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("posting with xoxb-12-34-abcDEF", "xoxb-12-34-abcDEF"),
        ("socket token xapp-1-A0-99-abcdef", "xapp-1-A0-99-abcdef"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("Cookie: state=1234567", "1234567"),
        ("sealed eyJhbGciOiJkaXIiLCJraWQiOiJrMSJ9..aaaa.bbbb.cccc", "aaaa.bbbb.cccc"),
        ("body grant_type=refresh_token&refresh_token=1%2F%2Fabc", "1%2F%2Fabc"),
        ('answer {"access_token": "abcdef", "expires_in": 1}', "abcdef"),
        ("answer {'client_secret': 'abcdef'}", "abcdef"),
        ("code=4/0AX4XfWh-longcode", "4/0AX4XfWh-longcode"),
        ("state=nonce-of-sixteen", "nonce-of-sixteen"),
        ("token ya29.a0AfH6SM-x", "ya29.a0AfH6SM-x"),
        ("session 00D5g000004abcd!AQ0AQ.abc", "AQ0AQ.abc"),
        ("connecting to postgresql://redkey:pa55@db/redkey", "pa55"),
        ("GET https://redkey.example.com/oauth/callback/google_ads?code=c&state=s", "code=c"),
        ('"GET /oauth/callback/google_ads?code=c&state=s HTTP/1.1" 200', "state=s"),
    ],
)
def test_what_looks_like_a_secret_does_not_get_through(text, secret):
    stream = io.StringIO()
    logs.start_logging(stream)

    structlog.get_logger().info(text, also=text, deep={"list": [text]})
    logging.getLogger("somebody.else").warning("%s", text)

    assert secret not in stream.getvalue()
    assert logs.HIDDEN in stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_registered_secret_does_not_get_through_even_in_a_traceback(terminal):
    stream = Terminal() if terminal else io.StringIO()
    logs.start_logging(stream, hidden=["correct-horse"])

    try:
        raise ValueError("it was correct-horse all along")
    except ValueError:
        structlog.get_logger().exception("trouble")

    assert "correct-horse" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_value_under_a_secrets_name_is_hidden_whatever_it_is():
    stream = io.StringIO()
    logs.start_logging(stream)

    structlog.get_logger().info("x", refresh_token="short", client_secret=object(), token=b"bytes", generation=4)

    line = logged(stream)[0]
    assert [line["refresh_token"], line["client_secret"], line["token"]] == [logs.HIDDEN] * 3
    assert line["generation"] == 4


@pytest.mark.parametrize("terminal", [False, True])
def test_text_from_outside_cannot_forge_a_line_or_steer_a_terminal(terminal):
    stream = Terminal() if terminal else io.StringIO()
    logs.start_logging(stream)

    structlog.get_logger().info("connected", account="Acme\n2026 error \x1b[2Jforged\x9b\u202egnp.exe")

    written = stream.getvalue()
    assert written.count("\n") == 1
    assert not any(character in written for character in ("\x1b[2J", "\x9b", "\u202e"))


def test_sentences_about_settings_are_left_alone():
    for text in ("slack.bot_token: is missing", "HTTP code=401", "state=open", "is it so? yes=maybe"):
        assert logs.cleaned(text) == text
    for text in ("api.slack.com/apps, Basic Information, and switch it on", 'expected "postgresql://user@host/redkey"'):
        assert logs.cleaned(text) == text


def test_libraries_that_log_addresses_are_quiet():
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # servers of other tests may have silenced theirs
    stream = io.StringIO()
    logs.start_logging(stream)

    for name in ("httpx2", "slack_sdk.web", "apscheduler.scheduler", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).info("GET https://slack.com/api/x")
    logging.getLogger("uvicorn.error").error("it does not start")

    assert [line["message"] for line in logged(stream)] == ["it does not start"]


def test_starting_twice_writes_every_line_once():
    stream = io.StringIO()
    logs.start_logging(io.StringIO())
    logs.start_logging(stream)

    structlog.get_logger().info("once")

    assert len(logged(stream)) == 1


def test_what_the_machine_is_short_of_is_named_without_a_traceback():
    stream = io.StringIO()
    logs.start_logging(stream)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with socket.socket():
            pass
    except OSError as error:
        full = error
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for error in (full, MemoryError(), OSError(errno.EIO, "another trouble")):
        try:
            raise RuntimeError("wrapped") from error
        except RuntimeError:
            structlog.get_logger().exception("work failed unexpectedly")
        logging.getLogger("asyncio").error("socket.accept() out of system resource", exc_info=error)
    said = [(line.get("why", ""), "exception" in line) for line in logged(stream)]
    assert [(said[0][0], False)] * 2 + [(said[2][0], False)] * 2 + [("", True)] * 2 == said
    assert "no more files" in said[0][0]
    assert "no memory" in said[2][0]
