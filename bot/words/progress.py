"""How far something long is, told to whoever watches."""

from collections.abc import Callable

Seen = Callable[[int, int | None], None]
"""How many are done, of how many; None: nobody knows."""


def nobody_watches(done: int, total: int | None) -> None:
    """Where there is nobody to tell."""
