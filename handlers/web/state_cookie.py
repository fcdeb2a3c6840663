"""The cookie that binds a consent to the browser that began it."""

import hashlib
import re
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Begun

LIVES = 600  # seconds, as long as a state
MOST = 10  # consents begun side by side in one browser; the oldest makes room
ENTRY = re.compile(r"[0-9a-f]{16}:[A-Za-z0-9_-]{1,200}")


class StateCookie:
    """One cookie with one entry per consent under way, so that several tabs do not undo each other.

    Each entry is found by a digest of its state; a `__Host-` cookie cannot be planted from a sibling domain.
    """

    def __init__(self, public_url: str) -> None:
        self._secure = urlsplit(public_url).scheme == "https"
        self.name = "__Host-redkey_state" if self._secure else "redkey_state"

    def send_away(self, request: Request, begun: Begun) -> Response:
        """To the platform's consent page, with what proves later that this browser began."""
        # 303, so that nothing that was posted to us is posted on (RFC 9700 §4.12).
        response = Response(status_code=303, headers={"Location": begun.url})
        state = "".join(parse_qs(urlsplit(begun.url).query).get("state", [])[:1])
        entries = [e for e in self._entries(request) if not e.startswith(f"{_mark(state)}:")]
        self._set(response, [*entries, f"{_mark(state)}:{begun.browser}"][-MOST:])
        return response

    def browser(self, request: Request, state: str) -> str | None:
        """What this browser was given when it began the consent of that state."""
        found = [e for e in self._entries(request) if e.startswith(f"{_mark(state)}:")]
        return found[0].partition(":")[2] if found else None

    def forget(self, request: Request, response: Response, state: str) -> None:
        entries = self._entries(request)
        left = [e for e in entries if not e.startswith(f"{_mark(state)}:")]
        if left != entries:
            self._set(response, left)

    def _entries(self, request: Request) -> list[str]:
        return [e for e in request.cookies.get(self.name, "").split(".") if ENTRY.fullmatch(e)][-MOST:]

    def _set(self, response: Response, entries: list[str]) -> None:
        response.set_cookie(
            self.name,
            ".".join(entries),
            max_age=LIVES if entries else 0,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _mark(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:16]
