"""Says in the log, once an hour, that a platform's clock is another than ours."""

from collections.abc import Mapping
from time import monotonic

import structlog

from bot.words.clocks import ahead_of
from bot.words.interfaces import Clock

log = structlog.get_logger()

SAID_EVERY = 3600.0  # seconds


class OwnClock:
    """Ours, as one platform's answers show it. Nothing else is done about it: refusals decide what a token is worth."""

    def __init__(self, platform: str, now: Clock) -> None:
        self._platform = platform
        self._now = now
        self._quiet_until = 0.0

    def compare(self, headers: Mapping[str, str]) -> None:
        if monotonic() < self._quiet_until:
            return
        ahead = ahead_of(headers, self._now())
        if ahead is not None:
            self._quiet_until = monotonic() + SAID_EVERY
            log.warning(
                "a platform's clock is not ours: is this machine's clock right?",
                platform=self._platform,
                ahead=int(ahead.total_seconds()),
            )
