"""What we remember of touchpoints: each once, and one delivery for every CRM it has to reach.

Deliveries carry one increasing number, and "everything up to N" must mean the same to everybody. A sequence would not do:
its numbers are given out in order but become visible in the order of the commits, so N could be seen before N - 1. Here a
number comes from one row in `counters`, which stays locked until the transaction that took it is over. Whoever sees N sees
everything below it too, and a transaction that is rolled back gives its numbers back.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Text,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from bot.words.connection import Kind
from bot.words.freight import Batch, PushResult, PushState, Touchpoint
from storage import sent
from storage.accepting import take_in
from storage.freight import HOMELESS, counters, deliveries, touchpoints
from storage.reading import due, ordered, read
from storage.sent import AGAIN, SENT, SET_ASIDE, WAITING
from storage.tables import connections
from storage.transaction import Transaction, parts

DAILY = timedelta(days=1)  # how long a refused record stays aside before it is tried again
SHORT = timedelta(seconds=1)  # the first pause of a record the CRM asked to see again; it doubles
LONG = timedelta(seconds=60)


class TouchpointRows:
    """Implements bot.memory.freight.Touchpoints."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def accept(self, given: Sequence[Touchpoint], now: datetime) -> tuple[int, int, int]:
        return await take_in(self._tx, given, now)

    async def adopt(self, connection_id: str, platform: str, now: datetime) -> None:
        """Give this first fitting CRM everything that waits for one, oldest acceptance first."""
        last = await self._last_number()
        fitting = HOMELESS, or_(touchpoints.c.crm.is_(None), touchpoints.c.crm == platform)
        new = _new_delivery(0, "", connection_id, now)
        del new["number"], new["touchpoint_id"]
        number = func.row_number().over(order_by=(touchpoints.c.accepted_at, touchpoints.c.id)) + last
        given = [literal(value, deliveries.c[name].type) for name, value in new.items()]
        waiting = select(number, touchpoints.c.id, *given).where(*fitting)
        names = ["number", "touchpoint_id", *new]
        adopted = await self._tx.change(insert(deliveries).from_select(names, waiting))
        await self._tx.change(update(touchpoints).where(*fitting).values(homeless=False))
        await self._count(last + adopted)

    async def _last_number(self) -> int:
        """Read the counter and keep it locked until this transaction ends."""
        counter = select(counters.c.value).where(counters.c.name == "deliveries")
        return int(await self._tx.value(counter.with_for_update()))

    async def _count(self, last: int) -> None:
        await self._tx.change(update(counters).where(counters.c.name == "deliveries").values(value=last))

    async def waiting(self, connection_id: str, through: int | None = None, most: int | None = None) -> int:
        """Those set aside do not count: they wait for a person, not for us."""
        found = 0
        for which in (sent.fresh(connection_id), sent.of(connection_id, AGAIN)):
            some = select(deliveries.c.number).where(*which)
            some = some if through is None else some.where(deliveries.c.number <= through)
            some = some if most is None else some.limit(most - found)
            found += int(await self._tx.value(select(func.count()).select_from(some.subquery())))
        return found

    async def waiting_at(self, connection_ids: Sequence[str]) -> int:
        return sum([await self._waiting(connections.c.id.in_(ids)) for ids in parts(connection_ids)])

    async def waiting_everywhere(self) -> int:
        return await self._waiting(connections.c.kind == Kind.CRM.value, connections.c.removed_at.is_(None))

    async def _waiting(self, *which: ColumnElement[bool]) -> int:
        """In one question, which goes along the index for each connection, so that nothing that was sent is looked at."""
        states = sent.fresh(connections.c.id), sent.of(connections.c.id, AGAIN)
        fresh, again = [select(func.count()).select_from(deliveries).where(*each).scalar_subquery() for each in states]
        return int(await self._tx.value(select(func.coalesce(func.sum(fresh + again), 0)).where(*which)))

    async def top(self, connection_id: str) -> int:
        mine = select(func.max(deliveries.c.number)).where(deliveries.c.connection_id == connection_id)
        return int(await self._tx.value(mine) or 0)

    async def first_waiting(self, connection_id: str) -> int | None:
        lowest = select(func.min(deliveries.c.number))
        both = sent.fresh(connection_id), sent.of(connection_id, AGAIN)
        found = [await self._tx.value(lowest.where(*which)) for which in both]
        return min((int(number) for number in found if number is not None), default=None)

    async def batch(self, connection_id: str, limit: int, now: datetime) -> Batch:
        """Walks along the index, merged: sorting a million waiting ones for each batch would not do."""
        given = {"connection": connection_id, "now": now, "most": limit}
        fresh = await read(self._tx, _FRESH, given)
        put_off = [await read(self._tx, _PUT_OFF, {**given, "state": state}) for state in (AGAIN, SET_ASIDE)]
        late = [*put_off[0], *put_off[1]]
        return Batch.of(sorted([*fresh, *late], key=itemgetter(0))[:limit]) if late else fresh

    async def settle(
        self, connection_id: str, sent_ones: Sequence[int], others: Sequence[PushResult], now: datetime
    ) -> None:
        """What was sent stays sent, whatever another answer says."""
        retried = [result for result in others if result.state is PushState.RETRY]
        pauses = await self._pauses(connection_id, [result.id for result in retried])
        await self._put_off(connection_id, [(r, now + pauses[r.id]) for r in retried if r.id in pauses], _WAITS_AGAIN)
        refused = [result for result in others if result.state is PushState.SET_ASIDE]
        await self._put_off(connection_id, [(result, now + DAILY) for result in refused], SET_ASIDE)
        if sent_ones:
            await sent.mark(self._tx, connection_id, sent_ones, now)

    async def _pauses(self, connection_id: str, ids: Sequence[str]) -> dict[str, timedelta]:
        """Longer with each try, so that a record that never gets through does not hold up the others."""
        pauses: dict[str, timedelta] = {}
        for some in parts(ids):
            mine = deliveries.c.connection_id == connection_id, deliveries.c.touchpoint_id.in_(some)
            for row in await self._tx.all(select(deliveries.c.touchpoint_id, deliveries.c.attempts).where(*mine)):
                pauses[row.touchpoint_id] = min(LONG, SHORT * 2 ** min(row.attempts, 10))
        return pauses

    async def _put_off(
        self, connection_id: str, put_off: Sequence[tuple[PushResult, datetime]], state: str | ColumnElement[str]
    ) -> None:
        if not put_off:
            return
        later = {
            "state": state,
            "attempts": deliveries.c.attempts + 1,
            "due_at": bindparam("at"),
            "reason": bindparam("why"),
        }
        mine = *sent.unsent(connection_id), deliveries.c.touchpoint_id == bindparam("of_id")
        rows = [{"of_id": result.id, "at": at, "why": result.reason} for result, at in put_off]
        await self._tx.many(update(deliveries).where(*mine).values(later), rows)

    async def set_aside(self, connection_id: str) -> list[tuple[str, str]]:
        refused = select(deliveries.c.touchpoint_id, deliveries.c.reason).where(*sent.of(connection_id, SET_ASIDE))
        return [(row.touchpoint_id, row.reason) for row in await self._tx.all(refused.order_by(deliveries.c.number))]

    async def sent_between(self, connection_id: str, after: int, through: int, limit: int) -> Batch:
        between = deliveries.c.number > after, deliveries.c.number <= through
        both = [
            await read(self._tx, ordered(*which, *between, most=limit))
            for which in (sent.passed(connection_id), sent.of(connection_id, SENT))
        ]
        return Batch.of(sorted([*both[0], *both[1]], key=itemgetter(0))[:limit])

    async def resend(self, connection_id: str, ids: Sequence[str], now: datetime) -> None:
        again = {"state": AGAIN, "due_at": now, "sent_at": None, "attempts": 0, "reason": ""}
        for some in parts(ids):
            mine = deliveries.c.connection_id == connection_id, deliveries.c.touchpoint_id.in_(some)
            await self._tx.change(update(deliveries).where(*mine).values(again))

    async def spend(self, connection_id: str, day: date, calls: int, cap: int) -> bool:
        if 0 < cap < calls:
            return False
        given = {"connection": connection_id, "day": day, "calls": calls, "cap": cap}
        return (await self._tx.connection.execute(_SPENT, given)).first() is not None


_WAITS_AGAIN = case((deliveries.c.state == WAITING, AGAIN), else_=deliveries.c.state)


# Put together once: it is asked for each push, in the words of both databases.
_SPENT = text(
    """INSERT INTO credits_spent (connection_id, day, calls) VALUES (:connection, :day, :calls)
    ON CONFLICT (connection_id, day) DO UPDATE SET calls = credits_spent.calls + excluded.calls
    WHERE :cap = 0 OR credits_spent.calls + excluded.calls <= :cap RETURNING calls"""
).bindparams(bindparam("day", type_=Date()))
_CONNECTION = bindparam("connection", type_=Text())
_FRESH = due(*sent.fresh(_CONNECTION))
_PUT_OFF = due(*sent.of(_CONNECTION, bindparam("state", type_=Text())))


def _new_delivery(number: int, touchpoint_id: str, connection_id: str, now: datetime) -> dict[str, Any]:
    to = {"number": number, "touchpoint_id": touchpoint_id, "connection_id": connection_id}
    return to | {"state": WAITING, "attempts": 0, "due_at": now, "reason": ""}
