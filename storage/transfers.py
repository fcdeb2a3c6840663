"""What we remember of transfers: cursors, claims with a fence, and the marks of a catch-up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, Exists, Row, Update, bindparam, case, exists, select, tuple_, update

from bot.memory.memory import Work
from bot.words.connection import Flow, Json, Transfer
from bot.words.errors import Fenced
from storage.tables import connections, transfers
from storage.transaction import Transaction, at, earlier, parts

_NO_MARK: dict[str, Any] = dict.fromkeys(("mark", "mark_outage", "passed_at", "verified_at"))
_FREE = transfers.c.owner.is_(None)
LEFT_LYING = timedelta(seconds=2)  # a few ticks: then whoever it was left to is busy or gone
RESTS = timedelta(hours=1)
AT_ONCE = 1_000  # after a storm there are tens of thousands, and nobody else may wait for them


class TransferRows:
    """Implements bot.memory.memory.Transfers. A claimed row has an owner, and its due_at is when the lease runs out."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of_connections(self, connection_ids: Sequence[str]) -> list[Transfer]:
        rows = [
            row
            for ids in parts(connection_ids)
            for row in await self._tx.all(select(transfers).where(transfers.c.connection_id.in_(ids)))
        ]
        place = {each: nth for nth, each in enumerate(connection_ids)}
        return sorted((_transfer(row) for row in rows), key=lambda t: (place[t.connection_id], t.flow))

    async def of_outage(self, outage_id: str) -> list[Transfer]:
        marked = select(transfers).where(transfers.c.mark_outage == outage_id)
        rows = await self._tx.all(marked.order_by(transfers.c.connection_id, transfers.c.flow))
        return [_transfer(row) for row in rows]

    async def claim(
        self, now: datetime, limit: int, owner: str, lease: timedelta, *, catch_ups: int | None = None, among: int = 1
    ) -> list[Transfer]:
        """Two walks along an index, as in the order of both at once every due row would have to be sorted for each claim."""
        most = limit if catch_ups is None else min(limit, catch_ups)
        marked = await self._claimed(transfers.c.mark_outage.is_not(None), now, most, owner, lease) if most else []
        rest = limit - len(marked)
        if among > 1 and rest:
            rest = min(rest, await self._share(now, owner, among, rest))
        others = await self._claimed(transfers.c.mark_outage.is_(None), now, rest, owner, lease) if rest else []
        return [_transfer(row) for row in (*marked, *others)]

    async def _share(self, now: datetime, owner: str, among: int, most: int) -> int:
        """Whoever looks first must not take all and leave the others idle. What they left lying is anybody's."""
        due = select(transfers.c.due_at).where(
            transfers.c.due_at <= now, transfers.c.mark_outage.is_(None), _working().correlate(transfers)
        )
        waiting = await self._tx.all(due.order_by(transfers.c.due_at).limit(most * among))
        if not waiting or waiting[0].due_at <= now - LEFT_LYING:
            return most
        held = await self._tx.all(select(transfers.c.owner).where(~_FREE, transfers.c.mark_outage.is_(None)))
        mine = [row.owner for row in held].count(owner)
        return max(ceil((len(waiting) + len(held)) / among) - mine, 0)

    async def _claimed(
        self, which: ColumnElement[bool], now: datetime, limit: int, owner: str, lease: timedelta
    ) -> Sequence[Row[Any]]:
        return await self._tx.claim(
            transfers,
            where=[transfers.c.due_at <= now, which, _working().correlate(transfers)],
            order=[transfers.c.due_at],
            limit=limit,
            values={"owner": owner, "due_at": now + lease, "fence": transfers.c.fence + 1},
        )

    async def save(self, transfer: Transfer, now: datetime, lease: timedelta) -> None:
        progress = {
            "cursor": transfer.cursor,
            "notes": transfer.notes,
            "done": transfer.done,
            "total": transfer.total,
            "due_at": now + lease,
        }
        of = {"of_connection": transfer.connection_id, "of_flow": transfer.flow.value, "of_fence": transfer.fence}
        await self._fenced(_SAVED, {**progress, **of})

    async def release(self, transfer: Transfer, due_at: datetime, *, attempts: int) -> None:
        """A pass asked for meanwhile comes at once, but not where a failed one has to stay away for a while."""
        given = at(transfers.c.due_at, due_at)
        asked = (transfers.c.asked_at < due_at, transfers.c.asked_at)
        due = case(asked, else_=given) if attempts == 0 else given
        free = {"owner": None, "asked_at": None, "attempts": attempts, "due_at": due}
        row = await self._tx.one(_held(transfer).values(free).returning(transfers.c.due_at))
        if row is None:
            raise Fenced("this transfer was claimed by another worker")
        self._tx.becomes_due(Work.MOVE, row.due_at)

    async def mark(self, outage_id: str, connection_id: str, flow: Flow, mark: Json, total: int) -> None:
        values = _NO_MARK | {
            "mark": mark,
            "mark_outage": outage_id,
            "done": 0,
            "total": total,
            "attempts": 0,
            "due_at": self._tx.now(),
            "owner": None,
            "asked_at": None,
            "fence": transfers.c.fence + 1,
        }
        await self._tx.change(_one(connection_id, flow).values(values))
        self._tx.becomes_due(Work.MOVE)

    async def restart(self, connection_id: str, flow: Flow) -> None:
        again = {"cursor": {}, "due_at": self._tx.now(), "owner": None, "fence": transfers.c.fence + 1}
        await self._tx.change(_one(connection_id, flow).values(again))
        self._tx.becomes_due(Work.MOVE)

    async def passed(self, transfer: Transfer, now: datetime) -> None:
        """Raises Fenced."""
        await self._fenced(_held(transfer).values(passed_at=now))

    async def verified(self, transfer: Transfer, now: datetime) -> None:
        """Raises Fenced."""
        await self._fenced(_held(transfer).values(verified_at=now))

    async def unpass(self, transfer: Transfer, now: datetime) -> None:
        again = {"cursor": transfer.cursor, "mark": transfer.mark, "passed_at": None, "verified_at": None}
        await self._fenced(_held(transfer).values(again | {"asked_at": now}))

    async def clear_marks(self, outage_id: str) -> None:
        await self._tx.change(update(transfers).where(transfers.c.mark_outage == outage_id).values(_NO_MARK))

    async def hurry(self, connection_ids: Sequence[str], now: datetime) -> None:
        """One that is at work now comes again when it is done."""
        sooner = {
            "due_at": case((_FREE, earlier(transfers.c.due_at, now)), else_=transfers.c.due_at),
            "asked_at": case((_FREE, transfers.c.asked_at), else_=earlier(transfers.c.asked_at, now)),
        }
        for ids in parts(connection_ids):
            await self._tx.change(update(transfers).where(transfers.c.connection_id.in_(ids)).values(sooner))
        self._tx.becomes_due(Work.MOVE)

    async def put_off_lost(self, now: datetime) -> None:
        """Both rows are locked, so that none is put off whose connection comes back at this moment (Postgres)."""
        c, keys = connections.c, list(transfers.primary_key.columns)
        resting = select(*keys).join(connections).where(transfers.c.due_at <= now, _FREE, ~(c.enabled & c.authorized))
        some = resting.order_by(transfers.c.due_at).limit(AT_ONCE)
        locked = some.with_for_update(of=[transfers, connections], skip_locked=True, key_share=True).cte("resting")
        later = update(transfers).where(tuple_(*keys).in_(select(locked)))
        await self._tx.change(later.values(due_at=now + RESTS))

    async def free(self, owners_alive: Sequence[str]) -> None:
        abandoned = update(transfers).where(~_FREE, transfers.c.owner.not_in(owners_alive))
        given_up = {"owner": None, "asked_at": None, "due_at": self._tx.now()}
        if await self._tx.change(abandoned.values(given_up)):
            self._tx.becomes_due(Work.MOVE)

    async def _fenced(self, statement: Update, given: Json | None = None) -> None:
        if await self._tx.change(statement, given) == 0:
            raise Fenced("this transfer was claimed by another worker")


def _working() -> Exists:
    c = connections.c
    return exists().where(c.id == transfers.c.connection_id, c.enabled, c.authorized)


def _one(connection_id: str, flow: Flow) -> Update:
    return update(transfers).where(transfers.c.connection_id == connection_id, transfers.c.flow == flow.value)


def _held(transfer: Transfer) -> Update:
    """The row, as long as this claim of it stands."""
    return _one(transfer.connection_id, transfer.flow).where(~_FREE, transfers.c.fence == transfer.fence)


# Asked several times for each push, and to put it together takes longer than to carry it out.
_SAVED = (
    update(transfers)
    .where(transfers.c.connection_id == bindparam("of_connection"), transfers.c.flow == bindparam("of_flow"))
    .where(~_FREE, transfers.c.fence == bindparam("of_fence"))
    .values({name: bindparam(name) for name in ("cursor", "notes", "done", "total", "due_at")})
)


def _transfer(row: Row[Any]) -> Transfer:
    return Transfer(
        connection_id=row.connection_id,
        flow=Flow(row.flow),
        cursor=row.cursor,
        notes=row.notes,
        fence=row.fence,
        attempts=row.attempts,
        mark=row.mark,
        mark_outage=row.mark_outage,
        done=row.done,
        total=row.total,
        passed_at=row.passed_at,
        verified_at=row.verified_at,
    )
