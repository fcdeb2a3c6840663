"""Long lists in pages: `limit`, `cursor`, and a Link header that leads to the next page (RFC 8288)."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

T = TypeVar("T")

MOST = 1000
USUAL = 500
WRONG_CURSOR = "cursor: expected one from the Link header of the page before"
CURSOR = re.compile(r"[A-Za-z0-9_-]{1,200}")


def page(request: Request, every: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], dict[str, str]]:
    """The part that was asked for, and the headers that lead on. `key` orders `every`, ascending, and differs for each."""
    limit, after = limit_of(request), after_of(request)
    rest = [one for one in every if key(one) > after] if after else every
    part = rest[:limit]
    return part, following(limit, key(part[-1])) if len(rest) > limit else {}


def following(limit: int, last: str) -> dict[str, str]:
    """The header that leads to what comes after `last`."""
    query = urlencode({"limit": limit, "cursor": _cursor(last)})
    return {"Link": f'<?{query}>; rel="next"'}


def limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise HTTPException(422, f"limit: expected a whole number from 1 to {MOST}")
    return int(text)


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def after_of(request: Request) -> str:
    """What `following` was given for the page before; empty for the first page."""
    text = request.query_params.get("cursor")
    if text is None:
        return ""
    try:
        if not CURSOR.fullmatch(text):
            raise ValueError
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (ValueError, binascii.Error) as error:
        raise HTTPException(422, WRONG_CURSOR) from error
