"""How often to look, and how long to stay away after trouble."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Pace:
    """How often to look, and how long to stay away after trouble."""

    check_every: timedelta
    retry_max: timedelta

    def next_check(self) -> timedelta:
        """Jittered, so that a thousand connections made in one minute are not probed in one second."""
        return self.check_every * random.uniform(0.9, 1.1)  # noqa: S311  # spreading load, not a secret

    def check_again(self, after: timedelta | None) -> timedelta:
        """After trouble no sooner than usual: a platform in trouble needs no more requests than one that is well."""
        return max(min(self.next_check(), self.retry_max), after or timedelta(0))

    def back_off(self, attempts: int, after: timedelta | None) -> timedelta:
        """Full jitter, at most retry_max, but at least what the platform asked for."""
        longest = min(self.retry_max, timedelta(seconds=0.5) * 2 ** min(attempts, 20))
        pause: timedelta = longest * random.uniform(0.5, 1)  # noqa: S311
        return max(pause, after or timedelta(0))


def while_uncertain(waited: timedelta, longest: timedelta) -> timedelta:
    """Until the next try where a token may have got lost: seconds at first, an eighth of the time that it has lasted later.

    So whoever is to be told is told within a minute once the platform answers, and one that does not is asked ever more
    rarely, down to once in `longest`.
    """
    pause: timedelta = min(max(waited / 8, timedelta(seconds=3)), longest) * random.uniform(0.5, 1)  # noqa: S311
    return pause


@dataclass(frozen=True)
class Quota:
    """So many calls a platform takes from us within a time.

    A quarter may go at once, the rest evenly: never more than `calls` within any such time, wherever it begins.
    """

    calls: int
    within: timedelta

    @property
    def every(self) -> timedelta:
        """Between two turns."""
        return self.within / (0.75 * self.calls)

    @property
    def ahead(self) -> timedelta:
        """How far a turn may be taken before its time: a quarter of the calls."""
        return self.every * (self.calls // 4 - 1)
