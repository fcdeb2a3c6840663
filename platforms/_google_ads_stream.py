"""Google's streamed answers, read one row at a time: megabytes decoded at one go hold up whoever clicks meanwhile.

Decoding JSON never lets another thread run until it has ended, so a thread of its own is not enough.
"""

import json
import re
from collections.abc import Generator, Iterator

from bot.connection import Json
from bot.errors import TryLater

_value_at = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
_TO_THE_NEXT = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=\{)")


def rows_of(body: bytes) -> Iterator[Json]:
    """The rows of every part. Raises ValueError for what is no stream of Google's, TryLater for one that broke off."""
    text = body.decode()
    at = _past(text, 0, "[")
    at = _skipped(text, at)
    while text[at : at + 1] != "]":
        at = yield from _part(text, at)
        at = _next(text, at, "]")
    if _skipped(text, at + 1) != len(text):
        raise ValueError("something follows the answer")


def _part(text: str, at: int) -> Generator[Json, None, int]:
    """One object of the stream; gives where it ends."""
    at = _skipped(text, _past(text, at, "{"))
    while text[at : at + 1] != "}":
        key, at = _value_at(text, at)
        at = _skipped(text, _past(text, at, ":"))
        if key == "error":
            # The stream broke in its middle, after it began with 200. The next try meets the error by itself.
            raise TryLater("Google ended its answer with an error")
        if key == "results":
            at = yield from _elements(text, at)
        else:
            _, at = _value_at(text, at)
        at = _next(text, at, "}")
    return at + 1


def _elements(text: str, at: int) -> Generator[Json, None, int]:
    at = _skipped(text, _past(text, at, "["))
    while text[at : at + 1] != "]":
        row, at = _value_at(text, at)
        yield row
        following = _TO_THE_NEXT.match(text, at)
        at = following.end() if following is not None else _next(text, at, "]")
    return at + 1


def _next(text: str, at: int, end: str) -> int:
    """Behind the comma, or at the end."""
    at = _skipped(text, at)
    if text[at : at + 1] == end:
        return at
    at = _skipped(text, _past(text, at, ","))
    if text[at : at + 1] == end:
        raise ValueError("a comma before the end")
    return at


def _past(text: str, at: int, sign: str) -> int:
    at = _skipped(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"{sign} was expected at {at}")
    return at + 1


def _skipped(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
