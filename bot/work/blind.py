"""When nobody watched: a stop, a frozen machine, a database that was away. It is told once, from when to when."""

from datetime import datetime, timedelta

import structlog

from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.words.announced import BlindFacts
from bot.words.interfaces import Clock
from bot.words.listing import stamp

log = structlog.get_logger()

KIND = "blind"  # of announcement
WATCHING = ("all", "worker")  # the roles that look after connections
TOLD_FOR = timedelta(days=1)  # how long /readyz mentions it


class Blind:
    """Each process says by its beats that it watches. Whoever beats first after a long silence tells of it.

    A teller of bot/announce/announce.py.
    """

    def __init__(
        self, memory: Memory, replica: str, role: str, blind_after: timedelta, channel: str, now: Clock
    ) -> None:
        self._memory = memory
        self._channel = channel
        self._replica = replica
        self._role = role
        self._after = blind_after
        self._now = now

    async def beat(self, tx: Tx) -> None:
        """In one transaction with whatever else is due at a beat."""
        now = self._now()
        before = await tx.replicas.watched_until(WATCHING) if self._role in WATCHING else None
        await tx.replicas.beat(self._replica, self._role, now)
        if before is not None and now - before > self._after and await tx.replicas.was_blind(before, now):
            await self._look_everywhere(tx, before, now)

    async def _look_everywhere(self, tx: Tx, since: datetime, until: datetime) -> None:
        watched = [c.id for c in await tx.connections.all() if c.enabled and c.authorized]
        await tx.connections.ask_check(watched, until)
        tx.audit.note("blind", who="", since=str(stamp(since)), until=str(stamp(until)), checked=len(watched))
        about = {"since": since.isoformat(), "until": until.isoformat()}
        await tx.announcements.announce(f"{KIND}:{stamp(since)}", KIND, self._channel, about, until)
        log.warning("nothing was watched", since=stamp(since), until=stamp(until), checked_now=len(watched))

    async def facts(self, tx: Tx, told: Announcement) -> BlindFacts:
        until = datetime.fromisoformat(told.about["until"])
        watched = [c for c in await tx.connections.all() if c.enabled and (c.created_at or until) <= until]
        lost = sum(not c.authorized for c in watched)
        checked = sum(bool(c.authorized and c.checked_at and c.checked_at >= until) for c in watched)
        return BlindFacts(datetime.fromisoformat(told.about["since"]), until, len(watched), checked + lost, lost)

    async def lately(self) -> tuple[datetime, datetime] | None:
        """The newest time without sight, if it ended within a day."""
        async with self._memory.read() as tx:
            return await tx.replicas.blind_since(self._now() - TOLD_FOR)
