"""What we remember of cost: one row for each ad and account day, in micros of the account's currency."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from bot.words.connection import Connection
from bot.words.errors import Refused
from bot.words.freight import CostRow
from bot.words.loss import Usual
from bot.work.courtesy import after_you
from storage.connections import ConnectionRows
from storage.cost_loading import ROWS_AT_ONCE, load
from storage.freight import costs
from storage.tables import connections
from storage.transaction import Transaction, parts

_KEY = itemgetter(0, 1, 3, 4)  # day, campaign, ad group, ad


class CostRows:
    """Implements bot.memory.freight.Costs."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def store(
        self, connection_id: str, rows: Sequence[CostRow], since: date, through: date, now: datetime
    ) -> None:
        """Raises Refused for a row that is given twice or lies outside these days: nothing is stored then."""
        await asyncio.to_thread(_looked_at, rows, since, through)
        of_days = costs.c.connection_id == connection_id, costs.c.day.between(since, through)
        await self._tx.change(delete(costs).where(*of_days))
        await load(self._tx, connection_id, rows, now)

    async def settle(self, connection_id: str, before: date) -> None:
        """One date says it for all days, and it never goes back."""
        older = or_(connections.c.settled_before.is_(None), connections.c.settled_before < before)
        this = update(connections).where(connections.c.id == connection_id, older)
        await self._tx.change(this.values(settled_before=before))

    async def totals(self, connection_id: str, since: date, until: date) -> dict[date, int]:
        """Account day -> micros, both ends included; days without rows are left out."""
        some = select(costs.c.day, func.sum(costs.c.cost_micros).label("micros")).where(
            costs.c.connection_id == connection_id, costs.c.day.between(since, until)
        )
        return {row.day: int(row.micros) for row in await self._tx.all(some.group_by(costs.c.day))}

    async def usual(self, connection_ids: Sequence[str], since: date, before: date) -> dict[str, Usual]:
        found = {}
        for ids in parts(connection_ids):
            sums = select(
                costs.c.connection_id,
                func.min(costs.c.day).label("first"),
                func.sum(costs.c.cost_micros).label("micros"),
                func.sum(costs.c.clicks).label("clicks"),
                func.count().label("ad_days"),
            ).where(costs.c.connection_id.in_(ids), costs.c.day >= since, costs.c.day < before)
            for row in await self._tx.all(sums.group_by(costs.c.connection_id)):
                days = (before - row.first).days
                found[row.connection_id] = Usual(days, int(row.micros), int(row.clicks), row.ad_days)
        return found

    async def of_ads(
        self, connection_id: str, ads: Sequence[str], since: date, *, campaigns: bool = False
    ) -> tuple[int, int]:
        tagged = costs.c.campaign if campaigns else costs.c.ad
        micros = clicks = 0
        for ids in parts(ads):
            sums = select(
                func.sum(costs.c.cost_micros).label("micros"), func.sum(costs.c.clicks).label("clicks")
            ).where(costs.c.connection_id == connection_id, costs.c.day >= since, tagged.in_(ids))
            row = await self._tx.one(sums)
            assert row is not None
            micros, clicks = micros + int(row.micros or 0), clicks + int(row.clicks or 0)
        return micros, clicks

    async def export(self, since: date | None, until: date | None) -> AsyncIterator[tuple[Connection, CostRow, bool]]:
        """Streamed, by connection, day, campaign, ad group and ad; both days included."""
        by_id = {c.id: c for c in await ConnectionRows(self._tx).all(removed_too=True)}
        settled = select(connections.c.id, connections.c.settled_before)
        complete = {row.id: row.settled_before or date.min for row in await self._tx.all(settled)}
        some = select(costs).order_by(*costs.primary_key.columns)
        some = some if since is None else some.where(costs.c.day >= since)
        some = some if until is None else some.where(costs.c.day <= until)
        async with self._tx.connection.stream(some) as rows:
            async for row in rows:
                yield by_id[row.connection_id], _cost(row), row.day < complete[row.connection_id]


def _looked_at(rows: Sequence[CostRow], since: date, through: date) -> None:
    if any(not since <= day <= through for day in {row.day for row in rows}):
        raise Refused("cost was given for a day that was not asked for")
    keys = set[tuple[Any, ...]]()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        after_you()
        keys.update(map(_KEY, rows[start : start + ROWS_AT_ONCE]))
    if len(keys) < len(rows):
        raise Refused("cost was given twice for the same ad and day")


def _cost(row: Any) -> CostRow:
    return CostRow(
        day=row.day,
        campaign=row.campaign,
        campaign_name=row.campaign_name,
        ad_group=row.ad_group,
        ad=row.ad,
        currency=row.currency,
        cost_micros=row.cost_micros,
        clicks=row.clicks,
        impressions=row.impressions,
    )
