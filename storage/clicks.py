"""Which click was the last one on each thing that can be clicked: the same again, or an older one, is not handled."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Table, delete

from storage.columns import UtcDateTime, Words
from storage.tables import metadata
from storage.transaction import Transaction

clicks = Table(
    "clicks",
    metadata,
    Column("subject", Words, primary_key=True),
    Column("clicked_micros", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)


class ClickRows:
    """Implements bot.memory.notices.Clicks."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def newest(self, subject: str, clicked_micros: int, now: datetime) -> bool:
        """One statement, so that of two replicas with the same click exactly one goes on."""
        new = self._tx.insert(clicks).values(subject=subject, clicked_micros=clicked_micros, at=now)
        newer = clicks.c.clicked_micros < new.excluded.clicked_micros
        taken = new.on_conflict_do_update(
            index_elements=[clicks.c.subject], set_={"clicked_micros": clicked_micros, "at": now}, where=newer
        )
        return await self._tx.one(taken.returning(clicks.c.subject)) is not None

    async def sweep(self, before: datetime) -> None:
        await self._tx.change(delete(clicks).where(clicks.c.at < before))
