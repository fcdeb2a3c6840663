"""The log: JSON lines on stderr, or readable ones on a terminal. Whatever looks like a secret does not get through.

Secrets are kept out of log calls everywhere; what stands here is the last line of defence, not the first.
"""

import errno
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from bot.unloaded import passed_over

# Rich would draw tracebacks with the values of their variables, which hold tokens: ours are plain. With what it brings along
# it takes four megabytes.
with passed_over("rich"):
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"

# Libraries that tell every request, or log addresses together with their queries.
QUIET = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "apscheduler",
    "asyncio",
    "authlib",
    "httpcore2",
    "httpx2",
    "opentelemetry",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "uvicorn",
    "websockets",
)

_NAMES = (
    r"access_token|refresh_token|id_token|client_secret|client_assertion|assertion|code_verifier|password|"
    r"signing_secret|bot_token|app_token|developer_token|api_key"
)
_PATTERNS = [
    (re.compile(r"(?<=[/\w])\?[\w.~%\[\]-]+=[^\s\"'<>]*"), "?" + HIDDEN),  # the query of any address
    # user:password@host; but not the word that stands for it in our own examples.
    (re.compile(r"(?<=//)(?!user@)[^\s/@]+@"), HIDDEN + "@"),
    # Not the page of a Slack app that is called Basic Information.
    (re.compile(r"(?i)\b(bearer|basic)\s+(?!Information\b)[\w.~+/!=-]{6,}"), r"\1 " + HIDDEN),
    (re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[\w.-]+|\bxapp-[\w.-]+"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){2,4}"), HIDDEN),  # a JWT or a JWE: our own sealed tokens
    (re.compile(r"\bya29\.[\w.-]+|\b1//[\w-]{10,}|\bGOCSPX-[\w-]+"), HIDDEN),  # Google's
    (re.compile(r"\b00D\w{12,15}![\w.]+|\b5Aep\w+[\w.]*"), HIDDEN),  # Salesforce's
    # As in a form, in JSON and in a header. A sentence such as "bot_token: is missing" goes through.
    (re.compile(rf"(?i)\b({_NAMES})(=[\"']?|[\"']\s*:\s*[\"']?)(?!\*\*\*)[^\s\"'&,;}})]+"), r"\1\2" + HIDDEN),
    (re.compile(r"(?i)\b(authorization|(?:set-)?cookie)([\"']?\s*:\s*).+"), r"\1\2" + HIDDEN),
    (re.compile(r"\b(code|state)=(?!\*\*\*)[^\s\"'&]{8,}"), r"\1=" + HIDDEN),
]
_SECRET_KEY = re.compile(rf"(?i)(^|_)({_NAMES}|authorization|cookie|secret|token|verifier)$")
# What could forge a line, move a terminal's cursor or turn the direction of reading.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_TRACEBACK = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_SHORT: dict[int | None, str] = {
    errno.EMFILE: "this process may open no more files (LimitNOFILE, ulimit -n)",
    errno.ENFILE: "this machine can open no more files",
    errno.ENOMEM: "there is no memory left for this process",
    errno.ENOSPC: "there is no room left on the disk",
}

_hidden: set[str] = set()


def hide(*secrets: str) -> None:
    """Never let these values through, wherever they stand. Very short ones are left: they would blot out words."""
    _hidden.update(secret for secret in secrets if len(secret) >= 6)


def cleaned(text: str) -> str:
    """The text without anything that is, or looks like, a secret."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def escaped(text: str, unsafe: re.Pattern[str] = _UNSAFE) -> str:
    """The text on one line, its control characters written out."""
    return unsafe.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Clean every value of a log line, as a structlog processor."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {cleaned(str(name)): _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return [_clean("", inner) for inner in value]
    text = value if isinstance(value, str) else str(value)
    return escaped(cleaned(text), _UNSAFE_IN_TRACEBACK if key == "exception" else _UNSAFE)


def start_logging(stream: TextIO | None = None, *, hidden: Iterable[str] = ()) -> None:
    """Send structlog and the standard library's logging the same way. May be called again."""
    hide(*hidden)
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last_steps(stream)))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold the callback's code and state
    logging.captureWarnings(capture=True)


def _last_steps(stream: TextIO) -> list[Processor]:
    steps: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _shortage,
        structlog.processors.format_exc_info,  # plain: a traceback with local variables would hold tokens
        without_secrets,
    ]
    if stream.isatty():
        colors = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        return [*steps, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)]
    return [*steps, _message_first, structlog.processors.JSONRenderer()]


def _shortage(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What the machine is short of is no fault of ours, and where it was noticed tells nobody anything."""
    said = event.get("exc_info")
    error = said if isinstance(said, BaseException) else said[1] if isinstance(said, tuple) else None
    error = error or (sys.exc_info()[1] if said else None)
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORT):
            del event["exc_info"]
            event["why"] = _SHORT.get(getattr(error, "errno", None), _SHORT[errno.ENOMEM])
            break
        error = error.__cause__ or error.__context__
    return event


def _message_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """In the order in which a person reads it."""
    message = event.pop("event", "")
    first = {name: event.pop(name) for name in ("timestamp", "level") if name in event}
    return {**first, "message": message, **event}
