"""What advertising costs in the practice world: a pure function of the ad, the account's day, and when one asks."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400
RESTATED_DAYS = 3
_MASK = (1 << 64) - 1


class Figures(NamedTuple):
    """Money in micros of the account's currency."""

    cost_micros: int = 0
    clicks: int = 0
    impressions: int = 0

    def plus(self, other: "Figures") -> "Figures":
        return Figures(
            self.cost_micros + other.cost_micros,
            self.clicks + other.clicks,
            self.impressions + other.impressions,
        )


NOTHING = Figures()


@dataclass(frozen=True)
class Moment:
    """A moment on one account's wall clock."""

    day: int
    """The date's ordinal."""
    seconds: int
    """Since that day's midnight, at most 86,400."""


def moment(at: datetime, zone: ZoneInfo) -> Moment:
    local = at.astimezone(zone)
    return Moment(local.toordinal(), local.hour * 3600 + local.minute * 60 + local.second)


def _mix(key: int, day: int) -> int:
    """splitmix64: well spread, the same on every machine, and cheap."""
    word = (key * 0x9E3779B97F4A7C15 + day * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


def figures(key: int, day: int, started: Moment, now: Moment, unit: int, corrected: int = 0) -> Figures:
    """One ad's (or campaign's) figures of one account day, as the platform would report them at `now`.

    Today grows with the clock. The three days before are reported a little too high and come down day by day, as
    invalid clicks are credited. `unit` is the smallest billable amount of the currency, in micros; `corrected`: so many of
    them the platform has put to this day afterwards.
    """
    if day < started.day or day > now.day:
        return NOTHING
    word = _mix(key, day)
    units = 150 + word % 2850
    begun = started.seconds if day == started.day else 0
    ended = now.seconds if day == now.day else DAY
    units = units * max(0, ended - begun) // DAY
    age = now.day - day
    if units and 1 <= age <= RESTATED_DAYS:
        units += (RESTATED_DAYS + 1 - age) * (1 + (word >> 20) % 5)
    if units and day < now.day:
        units += corrected
    return Figures(units * unit, units // 40, units * 3)


def ordinals(since: date, until: date) -> range:
    """Both days included."""
    return range(since.toordinal(), until.toordinal() + 1)
