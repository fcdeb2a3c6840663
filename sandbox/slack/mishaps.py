"""Bad days of Slack, on demand: refusals, lost answers, an outage."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass


@dataclass
class Mishap:
    """What happens to the next `times` calls of one method (None: all of them, until cleared)."""

    method: str
    error: str = ""
    times: int | None = 1
    retry_after: int = 1
    status: int = 200
    done: bool = False
    """The work is done all the same: Slack's internal_error may mean that."""
    drop: bool = False
    delay: float = 0.0
    """The answer comes so many seconds late."""
    late: float = 0.0
    """The work itself is done so many seconds late, whether or not somebody still waits for it."""


class Mishaps:
    def __init__(self) -> None:
        self.planned: list[Mishap] = []
        self._over = asyncio.Event()
        self.down_with: int | None = None

    def next_for(self, method: str) -> Mishap | None:
        """The mishap that strikes this call; counts it."""
        for mishap in self.planned:
            if mishap.method in {method, "*"} and mishap.times != 0:
                if mishap.times is not None:
                    mishap.times -= 1
                return mishap
        return None

    def of_uploads(self) -> int | None:
        """The address files are sent to has troubles of its own, planned as `upload`, and shares those of all Slack."""
        mishap = self.next_for("upload")
        return mishap.status if mishap else self.down_with

    async def last(self, seconds: float) -> None:
        """So many seconds, or until all is well again."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def clear(self) -> None:
        self._over.set()
        self._over = asyncio.Event()
        self.planned.clear()
        self.down_with = None
