"""Sessions of people on the pages that were ended before their time. A session itself is a sealed cookie and no row."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Column, Table, delete, func, select

from storage.columns import UtcDateTime, Words
from storage.tables import metadata
from storage.transaction import Transaction

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("whose", Words, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
)


class SessionRows:
    """Implements bot.memory.entrances.Sessions."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def end(self, whose: str, now: datetime) -> None:
        new = self._tx.insert(ended_sessions).values(whose=whose, at=now)
        await self._tx.change(new.on_conflict_do_update(index_elements=[ended_sessions.c.whose], set_={"at": now}))

    async def ended_at(self, whose: Collection[str]) -> datetime | None:
        newest = select(func.max(ended_sessions.c.at)).where(ended_sessions.c.whose.in_(whose))
        found: datetime | None = await self._tx.value(newest)
        return found

    async def sweep(self, before: datetime) -> None:
        await self._tx.change(delete(ended_sessions).where(ended_sessions.c.at < before))
