"""Whoever waits for an answer goes first: what works in a thread beside the event loop pauses between its steps meanwhile.

Python has one interpreter for all threads, and each step of an answer to a click has to ask for it anew. A thread with much to
do gives it back after 5 ms, or when a step that cannot be interrupted has ended; a dozen of those are a tenth of a second.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

MOST = 0.025  # seconds for one pause: where clicks never end, work goes on at its own pace and does not stand still


class _Courtesy:
    """Changed by the event loop's thread alone, and waited for by others."""

    def __init__(self) -> None:
        self._waiting = 0
        self._loop = 0
        self._nobody = threading.Event()
        self._nobody.set()

    @contextmanager
    def somebody_waits(self) -> Iterator[None]:
        self._waiting += 1
        self._loop = threading.get_ident()
        self._nobody.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody.set()

    def after_you(self) -> None:
        """Between two steps of some milliseconds; never while something is locked that the one who waits may need.

        On the event loop it does nothing: whoever waits there is served when this has ended.
        """
        if threading.get_ident() != self._loop:
            self._nobody.wait(MOST)


_courtesy = _Courtesy()
somebody_waits, after_you = _courtesy.somebody_waits, _courtesy.after_you


def giving_way(rows: Iterable[T]) -> Iterator[T]:
    """The same rows, with a pause before each five hundred: a millisecond or a few of work with each is a step."""
    for n, row in enumerate(rows):
        if n % 500 == 0:
            after_you()
        yield row
