"""Spans: how long each step of the work takes, for whoever collects traces. Nothing happens here until somebody listens.

A span carries ids and kinds only: no address with a path or a query, no text from outside, nothing sealed.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

Value = str | int | bool
Attributes = Mapping[str, Value]


class Span(Protocol):
    def set(self, name: str, value: Value) -> None:
        """Known only at the end, such as a status."""


Begin = Callable[[str, Attributes], AbstractContextManager[Span]]


class _Nobody:
    """Listens to no span. One for all of them, so that a span costs a call."""

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        return None

    def set(self, name: str, value: Value) -> None:
        return None


_NOBODY = _Nobody()
_listener: Begin | None = None


def listen(begin: Begin | None) -> None:
    """From now on spans begin there; None: nowhere."""
    global _listener  # noqa: PLW0603  # one per process, like the log
    _listener = begin


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """The steps within it are its children. An error that leaves it is told by its name, never by its words."""
    return _NOBODY if _listener is None else _listener(name, attributes)
