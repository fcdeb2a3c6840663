"""Whether anything is due, asked twice a second by every process, so that only those claim who will find something."""

from datetime import datetime

from sqlalchemy import func, select

from bot.memory.memory import Work
from storage.announcements import announcements
from storage.tables import connections, grants, outbox, revocations, transfers
from storage.transaction import Transaction

# Each date has an index, whose beginning tells the earliest.
_DATES = {
    Work.SAY: outbox.c.due_at,
    Work.ANNOUNCE: announcements.c.due_at,
    Work.MOVE: transfers.c.due_at,
    Work.CHECK: connections.c.next_check_at,
    Work.RENEW: grants.c.next_refresh_at,
    Work.REVOKE: revocations.c.due_at,
}
_EARLIEST = select(*(select(func.min(date)).scalar_subquery().label(work.value) for work, date in _DATES.items()))


class AgendaRows:
    """Implements bot.memory.memory.Agenda."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def due(self, now: datetime) -> set[Work]:
        earliest = await self._tx.one(_EARLIEST)
        assert earliest is not None  # an aggregate always has a row
        return {work for work, date in zip(_DATES, earliest, strict=True) if date is not None and date <= now}
