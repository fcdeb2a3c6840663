"""What libraries load only because it is installed, though nobody here uses it: it would stay for as long as the bot runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


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


@contextmanager
def stood_in(*names: str) -> Iterator[None]:
    """Not loaded in here either, yet found, with None for whatever is asked of them: for what a library insists on."""
    blank = {name: _nothing(name) for name in names if name not in sys.modules}
    sys.modules.update(blank)
    try:
        yield
    finally:
        for name in blank:
            del sys.modules[name]


def _nothing(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__getattr__ = lambda _: None  # type: ignore[method-assign]  # https://peps.python.org/pep-0562/
    return module
