"""How the Web API says no."""

from collections.abc import Iterable
from typing import Any

from sandbox.slack.model import Json


class SlackRefusal(Exception):
    """The Web API says no: `ok: false` with this error code."""

    def __init__(self, error: str, messages: Iterable[str] = (), **more: Any) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error, **more}
        if listed := list(messages):
            self.body["response_metadata"] = {"messages": [f"[ERROR] {m}" for m in listed]}
