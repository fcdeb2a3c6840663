"""How often to look, and how long to stay away after trouble."""

import random
from dataclasses import dataclass, replace
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


FIRST = 1.0  # requests a second, until one is answered well
FASTER, CAREFULLY = 1.15, 1.02  # times as many a second later; carefully once its limit was met
SLOWER = 0.85
CALM = 600.0  # seconds in which nobody had to wait, nor was refused: it is as before
PATIENCE = 1.0  # seconds that a request waits for its turn where it is; a longer wait is spent in the database
USUAL = 0.1  # so many of the latest requests may fail on any day
LATEST = 20  # how many those are
STEP = 2.0  # seconds at most between two requests that count as going well in between


@dataclass(frozen=True)
class Slowed:
    """How slowly a platform is asked that was in trouble: `rate` requests a second, the next at `next`. Times are seconds.

    Nobody knows a platform's quota, or how much of it others use. So after trouble we begin at one request a second and go
    faster by a seventh each second, until the platform says that it is too much: then we are a seventh above it at most.
    """

    next: float
    uneasy_at: float  # the last time that somebody had to wait, or was refused, or was not any more
    rate: float = FIRST
    faster: float = FASTER
    refused: float = 1.0  # share of the latest requests
    well_at: float | None = None
    slowed_at: float = 0.0
    waited_at: float = 0.0

    @classmethod
    def begun(cls, now: float) -> "Slowed":
        return cls(next=now + 1 / FIRST, uneasy_at=now)

    def wait(self, now: float) -> float:
        """Seconds until the next turn. Nobody takes one that is further away than PATIENCE: then a clock was set back."""
        ahead = self.next - now
        return ahead if 0 < ahead <= 2 * PATIENCE + 1 / self.rate else 0.0

    def asked_for(self, now: float) -> "Slowed":
        """Somebody wants a turn, and takes it unless it is too far away."""
        wait = self.wait(now)
        waits = replace(self, waited_at=now, uneasy_at=now) if wait > PATIENCE / 2 else self
        return waits if wait > PATIENCE else replace(waits, next=now + wait + 1 / self.rate)

    def set_back(self, now: float) -> "Slowed":
        """Whatever happened later than now happened now."""
        times = {each: min(getattr(self, each), now) for each in ("next", "uneasy_at", "slowed_at", "waited_at")}
        return replace(self, **times, well_at=None if self.well_at is None else min(self.well_at, now))

    def troubled(self, now: float) -> "Slowed":
        refused = self.refused + (1 - self.refused) / LATEST
        if refused <= USUAL or now - self.slowed_at < 1:
            return replace(self, refused=refused)
        return replace(
            self,
            refused=refused,
            faster=CAREFULLY if self.rate > FIRST else FASTER,
            rate=max(self.rate * SLOWER, FIRST),
            well_at=None,
            uneasy_at=now,
            slowed_at=now,
        )

    def answered(self, now: float) -> "Slowed | None":
        """Faster only where somebody has to wait: a pace that nobody has tried is not known to be bearable. None: as usual."""
        well_at, uneasy_at = (now, now) if self.well_at is None else (self.well_at, self.uneasy_at)
        if now - uneasy_at > CALM:
            return None
        grown = self.faster ** max(min(now - well_at, STEP), 0) if now - self.waited_at <= STEP else 1.0
        refused = self.refused - self.refused / LATEST
        return replace(self, refused=refused, rate=self.rate * grown, well_at=now, uneasy_at=uneasy_at)
