"""What an outage costs, in figures: what is late, what is gone for good, and until when the rest can still be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import floor

DAY = timedelta(days=1)
SOON = timedelta(days=30)  # so long before the last day it is said beside the losses, and not as a mere assurance
Money = Mapping[str, int]  # currency -> micros; several currencies cannot be added up


@dataclass(frozen=True)
class Usual:
    """What one connection usually does, from what was stored before the drop: whole days, and what they hold."""

    days: int = 0
    micros: int = 0
    clicks: int = 0
    ad_days: int = 0  # ads with cost or clicks, counted once for each day


@dataclass(frozen=True)
class Loss:
    """`late`: the usual cost of the days that are missing; `a_day`: of one day. Empty where nothing was stored before.

    ads: made since the drop, so without UTM parameters. While nobody can look, as many as usual; `counted` once somebody
    could. touches_a_day: at the pace since the drop. told_until: the last day on which the platform still tells the first
    missing day; days_gone: of those before it, how many it tells no more.
    """

    late: Money = field(default_factory=dict)
    a_day: Money = field(default_factory=dict)
    ads: int = 0
    ads_a_day: float = 0.0
    clicks: int = 0
    counted: bool = False
    touches_a_day: float = 0.0
    days_gone: int = 0
    told_until: date | None = None

    @property
    def snooze_until(self) -> datetime | None:
        """No snooze reaches into the last day on which the missing days can be had."""
        return None if self.told_until is None else datetime.combine(self.told_until, time(), UTC)

    def soon(self, now: datetime) -> bool:
        end = self.snooze_until
        return end is not None and end - now <= SOON

    def more_late(self, length: timedelta) -> Money:
        """How much more cost is late when another so long goes by."""
        return {currency: floor(micros * (length / DAY)) for currency, micros in self.a_day.items() if micros > 0}

    def more_ads(self, length: timedelta) -> int:
        return round(self.ads_a_day * (length / DAY))

    def more_touches(self, length: timedelta) -> int:
        return round(self.touches_a_day * (length / DAY))
