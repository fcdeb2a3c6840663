"""How often Python looks for garbage: rarely, as what is moved comes by the ten thousand and none of it is garbage yet."""

import gc

# Objects. With Python's own 700, a tenth of the CPU of a push went into looking at what had just been read.
YOUNG = 20_000


def leave_be() -> None:
    """What is there now stays: the collector need not look through it again with every large answer (a fifth of the CPU of
    loading cost).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
