"""Whoever waits after a click goes first: what works in a thread beside the event loop pauses between its steps meanwhile.

Python has one interpreter for all threads, and each step of an answer to a click has to ask for it anew. A thread with much to
do gives it back after 5 ms, or when a step that cannot be interrupted has ended; a dozen of those are a tenth of a second.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 0.025  # seconds for one pause: where clicks never end, work goes on at its own pace and does not stand still


class _Courtesy:
    """Changed by the event loop's thread alone, and waited for by others."""

    def __init__(self) -> None:
        self._waiting = 0
        self._nobody = threading.Event()
        self._nobody.set()

    @contextmanager
    def somebody_waits(self) -> Iterator[None]:
        self._waiting += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody.set()

    def after_you(self) -> None:
        """Between two steps of some milliseconds; never while something is locked that the one who waits may need."""
        self._nobody.wait(MOST)


_courtesy = _Courtesy()
somebody_waits, after_you = _courtesy.somebody_waits, _courtesy.after_you
