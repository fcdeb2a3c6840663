"""An alert that nobody acts on is brought up again: on a back-off, not at night, and at last to someone else."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.words.connection import Connection, Event, Outage
from bot.words.interfaces import Clock

MANY = 10_000  # open outages looked at in one round
HEAD_START = timedelta(minutes=30)  # whoever is asked whether they are still on it has so long before others are called
STORM_REVISION = 2_000_000  # out of the way of an outage's own: what falls due for all of a storm is said once
CALLS = {"reminded", "escalated", "soon_gone"}
LAST_DAYS_EVERY = timedelta(hours=1)  # a last day does not come unforeseen
WARN_BEFORE = (timedelta(days=7), timedelta(days=1))  # the last day on which the missing days can be had, once each
LastDays = Callable[[Tx, Sequence[Outage]], Awaitable[Mapping[str, date]]]


def uncalled_for(what: str, outage: Outage, now: datetime) -> bool:
    """What waited to be said is not true any more: someone acts, has logged in, or has put it off."""
    asked = what == "claim_lapsed"
    if what not in CALLS and not asked:
        return False
    snoozed = outage.snoozed_until is not None and outage.snoozed_until > now
    return bool(outage.reauthorized_at or outage.closed_at or outage.claimed_by) or (snoozed and not asked)


@dataclass(frozen=True)
class Quiet:
    """Hours of the day, in one place's time, when nobody is called. They may go over midnight."""

    begins: time
    ends: time
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone).time()
        if self.begins <= self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


class Remind:
    """What was said is the timeline itself, so a reminder is said once, whoever looks and however often.

    Whoever has claimed it, snoozed it or logged in is left in peace; a claim holds for `claim_for`.
    """

    def __init__(
        self,
        memory: Memory,
        routes: Routes,
        remind_after: Sequence[timedelta],
        claim_for: timedelta,
        quiet: Quiet | None,
        now: Clock,
        last_days: LastDays | None = None,
    ) -> None:
        self._last_days = last_days
        self._ends: Mapping[str, date] = {}  # message -> the last day on which missing days can be had
        self._looked_at: datetime | None = None
        self._memory = memory
        self._routes = routes
        self._remind_after = sorted(remind_after)
        self._claim_for = claim_for
        self._quiet = quiet
        self._now = now

    async def run(self) -> None:
        """One round over what is red. In quiet hours nothing; what fell due then is said after them, once."""
        now = self._now()
        if self._quiet is not None and self._quiet.holds(now):
            return
        async with self._memory.read() as tx:
            await self._look(tx, now)
            red = await tx.outages.unheeded(now, MANY)
            due = [
                o.id
                for o in red
                if self._lapsed(o, now)
                or self._due(o, now)
                or self._ending(o, now)
                or await self._escalation(tx, o, now)
            ]
        for outage_id in due:
            async with self._memory.begin() as tx:
                await self._call(tx, outage_id, now)

    async def _look(self, tx: Tx, now: datetime) -> None:
        """Of all in a storm the earliest day counts, as they share their warnings."""
        if self._last_days is None or (self._looked_at is not None and now - self._looked_at < LAST_DAYS_EVERY):
            return
        red = await tx.outages.unheeded(now, MANY, each=True)
        found, ends = await self._last_days(tx, red), dict[str, date]()
        for outage in red:
            if outage.id in found:
                ends[_told_by(outage)] = min(found[outage.id], ends.get(_told_by(outage), date.max))
        self._ends, self._looked_at = ends, now

    def _warnings(self, outage: Outage, now: datetime) -> int:
        """How many warnings of the last day should have been given by now."""
        if _told_by(outage) not in self._ends:
            return 0
        last = datetime.combine(self._ends[_told_by(outage)], time(), UTC)
        return sum(last - before <= now for before in WARN_BEFORE)

    def _ending(self, outage: Outage, now: datetime) -> int:
        """As `_due`, for the warnings of the last day."""
        said = [int(e.detail) for e in _since_the_drop(outage) if e.what == "soon_gone"]
        due = self._warnings(outage, now)
        return due if due > max(said, default=0) and not outage.claimed_by else 0

    def _may_call(self, outage: Outage, now: datetime) -> bool:
        snoozed = outage.snoozed_until is not None and outage.snoozed_until > now
        told = outage.ts is not None or outage.storm is not None
        return told and outage.reauthorized_at is None and outage.closed_at is None and not snoozed

    async def _call(self, tx: Tx, outage_id: str, now: datetime) -> None:
        outage = await tx.outages.held(outage_id)
        if outage is None or not self._may_call(outage, now):
            return
        if self._lapsed(outage, now):
            await tx.outages.claim(outage.id, None, now)
            await self._say(tx, outage, "claim_lapsed", outage.claimed_by or "", str(self._passed(outage, now)), now)
        elif ending := self._ending(outage, now):
            await self._say(tx, outage, "soon_gone", "", str(ending), now)
        elif due := self._due(outage, now):
            await self._say(tx, outage, "reminded", "", str(due), now)
        if whom := await self._escalation(tx, outage, now):
            await self._say(tx, outage, "escalated", whom, "", now)

    async def _say(self, tx: Tx, outage: Outage, what: str, who: str, detail: str, now: datetime) -> None:
        revision = await tx.outages.event(outage.id, Event(now, what, who, detail))
        await tx.outbox.say_message(outage.id, revision, now)
        if outage.storm is not None:  # all of them are due at the same time, and share one message
            once = STORM_REVISION + (int(detail) if what in {"reminded", "soon_gone"} else 0)
            await tx.outbox.say_reply(outage.storm, f"storm_{what}", once, {"who": who}, now)
        else:
            await tx.outbox.say_reply(outage.id, what, revision, {"who": who}, now)

    def _lapsed(self, outage: Outage, now: datetime) -> bool:
        return outage.claimed_at is not None and now - outage.claimed_at >= self._claim_for

    def _due(self, outage: Outage, now: datetime) -> int:
        """Up to which reminder it should be by now; 0 when that one was said, or someone takes care of it.

        Asking whoever had claimed it counts as all that fell due until then.
        """
        if outage.claimed_by:
            return 0
        said = [int(e.detail) for e in _since_the_drop(outage) if e.what in {"reminded", "claim_lapsed"}]
        due = self._passed(outage, now)
        return due if due > max(said, default=0) else 0

    def _passed(self, outage: Outage, now: datetime) -> int:
        return sum(outage.dropped_at + after <= now for after in self._remind_after)

    async def _escalation(self, tx: Tx, outage: Outage, now: datetime) -> str:
        """Whom to call beyond the owners, if it is time and nobody has yet."""
        if not self._routes.escalates:
            return ""
        told = _since_the_drop(outage)
        asked = max((e.at for e in told if e.what == "claim_lapsed"), default=outage.dropped_at)
        if outage.claimed_by or any(e.what == "escalated" for e in told) or now < asked + HEAD_START:
            return ""
        routes = self._routes.over(await tx.routes.all())
        connections: list[Connection] = await tx.connections.some(outage.connection_ids)
        for connection in connections:
            whom, after = routes.escalation(connection)
            if whom and (outage.dropped_at + after <= now or self._warnings(outage, now)):
                return whom
        return ""


def _told_by(outage: Outage) -> str:
    return outage.storm or outage.id


def _since_the_drop(outage: Outage) -> list[Event]:
    return [event for event in outage.timeline if event.at >= outage.dropped_at]
