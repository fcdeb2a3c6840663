"""When the next call of an account may go out: one date for each, moved on by whoever takes a turn.

And how slowly a platform is asked that was in trouble.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Row, Select, Table, case, select, update

from bot.words.pace import Quota, Slowed
from storage.columns import JsonText, Words
from storage.tables import metadata
from storage.transaction import Transaction

# `turn_micros`: microseconds since 1970, because both databases can add to a number in the same words.
quotas = Table(
    "quotas",
    metadata,
    Column("name", Words, primary_key=True),
    Column("turn_micros", BigInteger, nullable=False),
    Column("slowed", JsonText),
)
MICRO = timedelta(microseconds=1)


class QuotaRows:
    """Implements bot.memory.quotas.Quotas."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def take(self, name: str, quota: Quota, now: datetime, patience: timedelta) -> timedelta | None:
        """One statement, so that two replicas never get the same turn."""
        moment, every, ahead = _micros(now), quota.every // MICRO, quota.ahead // MICRO
        latest = moment + ahead + patience // MICRO
        new = self._tx.insert(quotas).values(name=name, turn_micros=moment + every)
        turn = _later(moment)
        taken = new.on_conflict_do_update(
            index_elements=[quotas.c.name], set_={"turn_micros": turn + every}, where=turn <= latest
        )
        row = await self._tx.one(taken.returning(quotas.c.turn_micros))
        return None if row is None else max(row.turn_micros - every - ahead - moment, 0) * MICRO

    async def hold(self, name: str, until: datetime) -> None:
        new = self._tx.insert(quotas).values(name=name, turn_micros=_micros(until))
        held = {"turn_micros": _later(_micros(until))}
        await self._tx.change(new.on_conflict_do_update(index_elements=[quotas.c.name], set_=held))

    async def slowed(self, name: str) -> Slowed | None:
        return _slowed(await self._tx.one(_of(name)))

    async def held_slow(self, name: str) -> Slowed | None:
        return _slowed(await self._tx.one(_of(name).with_for_update()))

    async def slow(self, name: str, slowed: Slowed | None) -> None:
        told = asdict(slowed) if slowed else None
        new = self._tx.insert(quotas).values(name=name, turn_micros=0, slowed=told)
        await self._tx.change(new.on_conflict_do_update(index_elements=[quotas.c.name], set_={"slowed": told}))

    async def set_back(self, now: datetime) -> None:
        moment = _micros(now)
        await self._tx.change(update(quotas).where(quotas.c.turn_micros > moment).values(turn_micros=moment))
        slow = select(quotas.c.name, quotas.c.slowed).where(quotas.c.slowed.is_not(None)).with_for_update()
        for row in await self._tx.all(slow):
            if (slowed := _slowed(row)) is not None:
                await self.slow(row.name, slowed.set_back(now.timestamp()))


def _of(name: str) -> Select[Any]:
    return select(quotas.c.slowed).where(quotas.c.name == name)


def _slowed(row: Row[Any] | None) -> Slowed | None:
    return Slowed(**row.slowed) if row and row.slowed else None


def _later(moment: int) -> ColumnElement[int]:
    """The turn that stands there, or this moment if that is over."""
    return case((quotas.c.turn_micros < moment, moment), else_=quotas.c.turn_micros)


def _micros(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, moment.tzinfo)) // MICRO
