"""How often one may ask: Slack's tiers, and its one message a second for each channel."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """Holds up to `size` permits and gains `per_second`."""

    size: float
    per_second: float
    left: float
    at: float

    def take(self, now: float) -> float:
        """0 when a permit was taken, else the seconds until there is one."""
        self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) / self.per_second


@dataclass
class Rates:
    """https://docs.slack.dev/apis/web-api/rate-limits. Set `on` to False to switch all of it off."""

    on: bool = True
    posts_per_second: float = 1.0
    burst: int = 5
    clock: Callable[[], float] = time.monotonic
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def wait(self, method: str, per_minute: int, channel: str = "") -> int:
        """Whole seconds the caller must wait (Retry-After), or 0 when the call may go on."""
        if not self.on:
            return 0
        if method == "chat.postMessage":
            return self._take(("post", channel), self.burst, self.posts_per_second)
        return self._take((method, ""), per_minute, per_minute / 60)

    def _take(self, key: tuple[str, str], size: float, per_second: float) -> int:
        now = self.clock()
        bucket = self.buckets.setdefault(key, Bucket(size, per_second, size, now))
        return math.ceil(bucket.take(now))
