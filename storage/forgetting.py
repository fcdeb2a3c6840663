"""Forgetting what is old, in pieces that are found by an index and removed in a moment."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select

from bot.memory.audit import FORGOTTEN
from bot.words.connection import Kind
from storage import sent
from storage.audit import audit
from storage.freight import costs, credits_spent, deliveries, sent_through, touchpoints
from storage.tables import connections, metadata, outages, transfers
from storage.transaction import Transaction, parts

ONCE_A_DAY = timedelta(days=1)


class ForgettingRows:
    """Implements bot.memory.forgetting.Forgetting."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def costs(self, before: date, limit: int) -> int:
        """Day by day of each account, oldest first: its days lie together."""
        c = connections.c
        old = exists().where(costs.c.connection_id == c.id, costs.c.day < before).correlate(connections)
        removed = 0
        for row in await self._tx.all(select(c.id).where(old, ~_catching_up()).limit(limit)):
            mine = costs.c.connection_id == row.id
            while removed < limit:
                first = select(func.min(costs.c.day)).where(mine, costs.c.day < before)
                day = await self._tx.value(first)
                if day is None:
                    break
                removed += await self._tx.change(delete(costs).where(mine, costs.c.day == day))
            if removed >= limit:
                break
        return removed

    async def touchpoints(self, before: datetime, limit: int) -> int:
        """Numbers grow with time, so the oldest are the first; one that was sent late is passed over until its time."""
        crms = select(connections.c.id).where(connections.c.kind == Kind.CRM.value, ~_catching_up())
        removed = 0
        for row in await self._tx.all(crms):
            late = select(deliveries).where(*sent.of(row.id, sent.SENT)).order_by(deliveries.c.number).limit(limit)
            some = late.subquery()
            removed += await self._forget(select(some).where(some.c.sent_at < before))
            earlier = sent_through.c.connection_id == row.id, sent_through.c.day < before.date()
            number = select(func.max(sent_through.c.number)).where(*earlier).scalar_subquery()
            passed = select(deliveries).where(*sent.of(row.id, sent.WAITING), deliveries.c.number <= number)
            removed += await self._forget(passed.order_by(deliveries.c.number).limit(limit))
            # Of the days before, only the last one's number tells what may go.
            await self._tx.change(delete(sent_through).where(*earlier, sent_through.c.number < number))
        return removed

    async def calls(self, before: date) -> int:
        return await self._tx.change(delete(credits_spent).where(credits_spent.c.day < before))

    async def _forget(self, old: Select[Any]) -> int:
        """These deliveries, and touchpoints that have no other."""
        rows = await self._tx.all(old)
        removed = 0
        for numbers in parts([row.number for row in rows]):
            removed += await self._tx.change(delete(deliveries).where(deliveries.c.number.in_(numbers)))
        for ids in parts([row.touchpoint_id for row in rows]):
            elsewhere = exists().where(deliveries.c.touchpoint_id == touchpoints.c.id).correlate(touchpoints)
            gone = touchpoints.c.id.in_(ids), ~touchpoints.c.homeless, ~elsewhere
            await self._tx.change(delete(touchpoints).where(*gone))
        return removed

    async def outages(self, before: datetime, limit: int) -> int:
        others = outages.alias("others")
        shared = exists().where(
            others.c.storm == outages.c.id, or_(others.c.closed_at.is_(None), others.c.closed_at >= before)
        )
        marked = exists().where(transfers.c.mark_outage == outages.c.id)
        over = and_(outages.c.opened_at < before, outages.c.closed_at < before)
        some = select(outages.c.id).where(over, ~shared.correlate(outages), ~marked.correlate(outages))
        found = [row.id for row in await self._tx.all(some.order_by(outages.c.opened_at).limit(limit))]
        told = [
            fk.parent
            for table in metadata.tables.values()
            for fk in table.foreign_keys
            if fk.column is outages.c.id and table is not transfers
        ]
        for ids in parts(found):
            for column in told:
                await self._tx.change(delete(column.table).where(column.in_(ids)))
            await self._tx.change(delete(outages).where(outages.c.id.in_(ids)))
        return len(found)

    async def audit(self, before: datetime, limit: int) -> int:
        """One row says what went, and with which digest it ended, so that the rest can still be checked. Once a day: else
        each such row would one day call for another one.
        """
        first = await self._tx.one(select(audit.c.number, audit.c.at).order_by(audit.c.number).limit(1))
        if first is None or first.at >= before - ONCE_A_DAY:
            return 0
        kept = select(func.min(audit.c.number)).where(audit.c.at >= before)
        newest = select(func.max(audit.c.number))
        end = min(await self._tx.value(kept) or await self._tx.value(newest), first.number + limit)
        last = await self._tx.one(select(audit.c.number, audit.c.digest).where(audit.c.number == end - 1))
        if last is None or not (gone := await self._tx.change(delete(audit).where(audit.c.number <= last.number))):
            return 0
        told = {"through": last.number, "digest": last.digest}
        self._tx.noted.append({"what": FORGOTTEN, "who": "", "subject": "", "detail": told})
        return gone


def _catching_up() -> ColumnElement[bool]:
    return (
        exists()
        .where(transfers.c.connection_id == connections.c.id, transfers.c.mark.is_not(None))
        .correlate(connections)
    )
