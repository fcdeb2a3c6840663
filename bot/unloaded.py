"""What libraries load only because it is installed, though nobody here uses it: it would stay for as long as the bot runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def passed_over(*names: str) -> Iterator[None]:
    """Not found in here, as where they are not installed: only for a library that does without them then."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # https://docs.python.org/3/reference/import.html#the-module-cache
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
