"""What we remember of touchpoints: each once, and one delivery for every CRM it has to reach.

Deliveries carry one increasing number, and "everything up to N" must mean the same to everybody. A sequence would not do:
its numbers are given out in order but become visible in the order of the commits, so N could be seen before N - 1. Here a
number comes from one row in `counters`, which stays locked until the transaction that took it is over. Whoever sees N sees
everything below it too, and a transaction that is rolled back gives its numbers back.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    Text,
    TextClause,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.types import NullType

from bot.words.connection import Json, Kind
from bot.words.freight import Delivery, PushResult, PushState, Touchpoint
from storage.accepting import deliver, keep, new_ones
from storage.bulk import utc
from storage.columns import UtcDateTime
from storage.freight import HOMELESS, counters, credits_spent, deliveries, touchpoints
from storage.tables import connections
from storage.transaction import Transaction, parts

DAILY = timedelta(days=1)  # how long a refused record stays aside before it is tried again
SHORT = timedelta(seconds=1)  # the first pause of a record the CRM asked to see again; it doubles
LONG = timedelta(seconds=60)

WAITING, SENT, SET_ASIDE = "waiting", "sent", "set_aside"


class TouchpointRows:
    """Implements bot.memory.freight.Touchpoints."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def accept(self, given: Sequence[Touchpoint], now: datetime) -> tuple[int, int]:
        last = await self._last_number()  # the lock comes first, so two calls never wait for each other's ids
        fresh = await new_ones(self._tx, given)
        crms = await self._tx.all(
            select(connections.c.id, connections.c.platform).where(
                connections.c.kind == Kind.CRM.value, connections.c.removed_at.is_(None)
            )
        )
        await keep(self._tx, fresh, [crm.platform for crm in crms], now)
        for crm in crms:
            fitting = [id_ for id_, touchpoint in fresh.items() if touchpoint.crm in (None, crm.platform)]
            last = await deliver(self._tx, fitting, crm.id, last, now)
        await self._count(last)
        return len(fresh), len(given) - len(fresh)

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

    async def homeless(self) -> int:
        return int(await self._tx.value(select(func.count()).select_from(touchpoints).where(HOMELESS)))

    async def waiting(self, connection_id: str, through: int | None = None, most: int | None = None) -> int:
        """Those set aside do not count: they wait for a person, not for us."""
        some = select(deliveries.c.number).where(*_of(connection_id, WAITING))
        some = some if through is None else some.where(deliveries.c.number <= through)
        some = some if most is None else some.limit(most)
        return int(await self._tx.value(select(func.count()).select_from(some.subquery())))

    async def waiting_everywhere(self) -> int:
        there = select(connections.c.id).where(connections.c.removed_at.is_(None))
        mine = deliveries.c.state == WAITING, deliveries.c.connection_id.in_(there)
        return int(await self._tx.value(select(func.count()).where(*mine)))

    async def top(self, connection_id: str) -> int:
        mine = select(func.max(deliveries.c.number)).where(deliveries.c.connection_id == connection_id)
        return int(await self._tx.value(mine) or 0)

    async def first_waiting(self, connection_id: str) -> int | None:
        first = await self._tx.value(select(func.min(deliveries.c.number)).where(*_of(connection_id, WAITING)))
        return None if first is None else int(first)

    async def batch(self, connection_id: str, limit: int, now: datetime) -> list[Delivery]:
        """Two walks along the index, merged: sorting a million waiting ones for each batch would not do."""
        given = {"connection": connection_id, "now": now, "most": limit}
        waiting, again = [await self._read(_DUE, {**given, "state": state}) for state in (WAITING, SET_ASIDE)]
        return sorted([*waiting, *again], key=itemgetter(0))[:limit] if again else waiting

    async def settle(
        self, connection_id: str, sent: Sequence[int], others: Sequence[PushResult], now: datetime
    ) -> None:
        """What was sent stays sent, whatever a later answer says."""
        if sent:
            await self._tx.connection.execute(*_sent(connection_id, sent, now, postgres=self._tx.postgres))
        retried = [result for result in others if result.state is PushState.RETRY]
        pauses = await self._pauses(connection_id, [result.id for result in retried])
        await self._put_off(connection_id, [(r, now + pauses[r.id]) for r in retried if r.id in pauses])
        refused = [result for result in others if result.state is PushState.SET_ASIDE]
        await self._put_off(connection_id, [(result, now + DAILY) for result in refused], state=SET_ASIDE)

    async def _pauses(self, connection_id: str, ids: Sequence[str]) -> dict[str, timedelta]:
        """Longer with each try, so that a record that never gets through does not hold up the others."""
        pauses: dict[str, timedelta] = {}
        for some in parts(ids):
            mine = deliveries.c.connection_id == connection_id, deliveries.c.touchpoint_id.in_(some)
            for row in await self._tx.all(select(deliveries.c.touchpoint_id, deliveries.c.attempts).where(*mine)):
                pauses[row.touchpoint_id] = min(LONG, SHORT * 2 ** min(row.attempts, 10))
        return pauses

    async def _put_off(
        self, connection_id: str, put_off: Sequence[tuple[PushResult, datetime]], state: str | None = None
    ) -> None:
        if not put_off:
            return
        one = _unsent(connection_id).where(deliveries.c.touchpoint_id == bindparam("of_id"))
        later: dict[str, Any] = {
            "attempts": deliveries.c.attempts + 1,
            "due_at": bindparam("at"),
            "reason": bindparam("why"),
        }
        statement = one.values(later | ({"state": state} if state else {}))
        rows = [{"of_id": result.id, "at": at, "why": result.reason} for result, at in put_off]
        await self._tx.many(statement, rows)

    async def set_aside(self, connection_id: str) -> list[tuple[str, str]]:
        refused = select(deliveries.c.touchpoint_id, deliveries.c.reason).where(*_of(connection_id, SET_ASIDE))
        return [(row.touchpoint_id, row.reason) for row in await self._tx.all(refused.order_by(deliveries.c.number))]

    async def sent_between(self, connection_id: str, after: int, through: int, limit: int) -> list[Delivery]:
        between = deliveries.c.number > after, deliveries.c.number <= through
        sent = _whole().where(*_of(connection_id, SENT), *between)
        return await self._read(sent.order_by(deliveries.c.number).limit(limit))

    async def _read(self, whole: Select[Any], given: Json | None = None) -> list[Delivery]:
        rows = await self._tx.plain(whole, given)
        # In a thread: there may be thousands, and whoever clicks meanwhile must not wait for them.
        return await asyncio.to_thread(_deliveries, rows) if rows else []

    async def resend(self, connection_id: str, ids: Sequence[str], now: datetime) -> None:
        again = {"state": WAITING, "due_at": now, "sent_at": None, "attempts": 0, "reason": ""}
        for some in parts(ids):
            mine = deliveries.c.connection_id == connection_id, deliveries.c.touchpoint_id.in_(some)
            await self._tx.change(update(deliveries).where(*mine).values(again))

    async def spend(self, connection_id: str, day: date, calls: int, cap: int) -> bool:
        if 0 < cap < calls:
            return False
        first = self._tx.insert(credits_spent).values(connection_id=connection_id, day=day, calls=calls)
        total = credits_spent.c.calls + calls
        within = None if cap == 0 else total <= cap
        spent = first.on_conflict_do_update(
            index_elements=[credits_spent.c.connection_id, credits_spent.c.day], set_={"calls": total}, where=within
        )
        return await self._tx.one(spent.returning(credits_spent.c.calls)) is not None


def _sent(connection_id: str, numbers: Sequence[int], now: datetime, *, postgres: bool) -> tuple[TextClause, Json]:
    """One statement for all: there are thousands, and a list of parameters would take longer than the change.

    The plus signs keep SQLite from walking along everything this connection ever had.
    """
    given: Json = {"connection": connection_id, "now": now}
    if postgres:
        return _MARKED_ON_POSTGRES, {**given, "numbers": list(numbers)}
    if numbers[-1] - numbers[0] == len(numbers) - 1:  # one after the other, so that none of somebody else lies between
        return _MARKED_IN_A_ROW, {**given, "first": numbers[0], "last": numbers[-1]}
    return _MARKED, {**given, "numbers": json.dumps(numbers)}


def _marking(which: str, mine: str = "connection_id", unsent: str = "state") -> TextClause:
    sent = f"""UPDATE deliveries SET state = '{SENT}', sent_at = :now, reason = '' WHERE number {which}
        AND {mine} = :connection AND {unsent} <> '{SENT}'"""  # noqa: S608 - nothing from outside is in it
    return text(sent).bindparams(bindparam("now", type_=UtcDateTime()))


_MARKED_ON_POSTGRES = _marking("= ANY(CAST(:numbers AS bigint[]))")
_MARKED_IN_A_ROW = _marking("BETWEEN :first AND :last", "+connection_id", "+state")
_MARKED = _marking("IN (SELECT value FROM json_each(:numbers))", "+connection_id", "+state")


def _of(connection_id: str, state: str) -> tuple[Any, Any]:
    return deliveries.c.connection_id == connection_id, deliveries.c.state == state


def _unsent(connection_id: str) -> Any:
    return update(deliveries).where(deliveries.c.connection_id == connection_id, deliveries.c.state != SENT)


def _whole() -> Select[Any]:
    """The values as they lie in the table: `_deliveries` makes them ours."""
    to = touchpoints.c.id == deliveries.c.touchpoint_id
    c = touchpoints.c
    occurred_at, fields = type_coerce(c.occurred_at, NullType()), type_coerce(c.fields, Text())
    return select(deliveries.c.number, c.id, occurred_at, c.email, c.kind, fields, c.crm).join(touchpoints, to)


# Written once: there may be ten batches a second, and writing it takes longer than a small one does.
_DUE = (
    _whole()
    .where(
        deliveries.c.connection_id == bindparam("connection"),
        deliveries.c.state == bindparam("state"),
        deliveries.c.due_at <= bindparam("now"),
    )
    .order_by(deliveries.c.number)
    .limit(bindparam("most", type_=Integer()))
)


def _new_delivery(number: int, touchpoint_id: str, connection_id: str, now: datetime) -> dict[str, Any]:
    to = {"number": number, "touchpoint_id": touchpoint_id, "connection_id": connection_id}
    return to | {"state": WAITING, "attempts": 0, "due_at": now, "reason": ""}


def _deliveries(rows: Sequence[tuple[Any, ...]]) -> list[Delivery]:
    """Read as one JSON text: a third of what the texts cost one by one. Tuples made as such: half of what calls cost."""
    fields = json.loads(f"[{','.join([row[5] for row in rows])}]")
    new = tuple.__new__
    return [
        new(Delivery, (number, new(Touchpoint, (id_, utc(occurred_at), email, kind, held, crm))))
        for (number, id_, occurred_at, email, kind, _, crm), held in zip(rows, fields, strict=True)
    ]
