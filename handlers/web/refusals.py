"""What was refused is in the log, once a minute for each kind: enough to see an attack by, and too little to be one itself."""

import time
from collections import Counter
from collections.abc import Callable

import structlog

from handlers.web.metrics import first_part

log = structlog.get_logger()

REFUSED = {400, 401, 403, 408, 413}
EVERY = 60.0  # seconds


class Refusals:
    """Hears of each answer. A path is told by its first part alone: the rest may be a link that opens something."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._told: dict[tuple[str, int], float] = {}
        self._since: Counter[tuple[str, int]] = Counter()

    def answered(self, path: str, status: int) -> None:
        if status not in REFUSED:
            return
        kind, now = (first_part(path), status), self._monotonic()
        self._since[kind] += 1
        if now >= self._told.get(kind, now):
            log.warning("requests were refused", route=kind[0], status=status, times=self._since.pop(kind))
            self._told[kind] = now + EVERY
