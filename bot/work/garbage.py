"""How often Python looks for garbage: rarely, as what is moved comes by the ten thousand and none of it is garbage yet."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects. With Python's own 700, a tenth of the CPU of a push went into looking at what had just been read.
YOUNG = 20_000


def leave_be() -> None:
    """What is there now stays: the collector need not look through it again with every large answer (a fifth of the CPU of
    loading cost).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)


@contextmanager
def uncollected() -> Iterator[None]:
    """What is read in here stays until it is stored, and none of it is a circle. To look for one all the time takes a third of
    an import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
