"""What we remember of outages: their state, whom they are about, and their timeline."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, or_, select, update

from bot.memory.memory import Work
from bot.words.connection import Cause, Event, Json, Outage, Reach
from bot.words.errors import Fenced
from storage.ids import new_id
from storage.tables import outage_connections, outage_events, outages, transfers
from storage.transaction import Transaction, at, parts

_GRANT_FIRST = outages.c.reach == Reach.ACCOUNT.value  # false sorts before true


class OutageRows:
    """Implements bot.memory.outages.Outages."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, outage_id: str) -> Outage | None:
        return await self._first(outages.c.id == outage_id)

    async def held(self, outage_id: str) -> Outage | None:
        await self._tx.one(select(outages.c.id).where(outages.c.id == outage_id).with_for_update())
        return await self.get(outage_id)

    async def latest(
        self, *, open_only: bool = False, limit: int = 500, after: tuple[datetime, str] | None = None
    ) -> list[Outage]:
        """Found by the index of opened_at, however many there have been."""
        some = select(outages).where(outages.c.closed_at.is_(None)) if open_only else select(outages)
        if after is not None:
            opened, last = outages.c.opened_at, after[0]
            some = some.where(opened <= last, or_(opened < last, outages.c.id > after[1]))
        rows = await self._tx.all(some.order_by(outages.c.opened_at.desc(), outages.c.id).limit(limit))
        return await self.whole(rows)

    async def open_with(self, cause: str) -> list[str]:
        mine = outages.c.closed_at.is_(None), outages.c.cause_code == cause
        return [row.id for row in await self._tx.all(select(outages.c.id).where(*mine))]

    async def unheeded(self, now: datetime, limit: int, *, each: bool = False) -> list[Outage]:
        c = outages.c
        red = c.closed_at.is_(None), c.reauthorized_at.is_(None), or_(c.ts.is_not(None), c.storm.is_not(None))
        awake = or_(c.snoozed_until.is_(None), c.snoozed_until <= at(c.snoozed_until, now))
        some = select(outages).where(*red, awake)
        if not each:
            place = func.row_number().over(partition_by=func.coalesce(c.storm, c.id), order_by=(c.opened_at, c.id))
            placed = select(c.id, c.claimed_at, place.label("place")).where(*red, awake).subquery()
            these = select(placed.c.id).where(or_(placed.c.place == 1, placed.c.claimed_at.is_not(None)))
            some = some.where(c.id.in_(these))
        return await self.whole(await self._tx.all(some.order_by(c.opened_at.desc(), c.id).limit(limit)))

    async def settled(self, limit: int) -> list[str]:
        """A connection that has left its outage, because it was paused or lost by itself, holds nobody up."""
        c, ours = transfers.c, outage_connections.c
        waits = exists().where(
            c.mark_outage == outages.c.id,
            c.verified_at.is_(None),
            c.connection_id.in_(select(ours.connection_id).where(ours.outage_id == c.mark_outage)),
        )
        going = outages.c.closed_at.is_(None), outages.c.reauthorized_at.is_not(None)
        rows = await self._tx.all(select(outages.c.id).where(*going, ~waits).limit(limit))
        return [row.id for row in rows]

    async def counted(self) -> tuple[int, datetime | None]:
        still_open = outages.c.closed_at.is_(None)
        oldest = func.min(outages.c.opened_at).label("since")
        row = await self._tx.one(select(func.count().label("n"), oldest).where(still_open))
        assert row is not None  # a count is always one row
        return int(row.n), row.since

    async def open_of_grant(self, grant_id: str) -> Outage | None:
        reach = outages.c.reach == Reach.GRANT.value
        return await self._first(outages.c.grant_id == grant_id, reach, outages.c.closed_at.is_(None))

    async def open_of_connection(self, connection_id: str) -> Outage | None:
        """Where an account has two, its grant's: while the login is lost, nothing else can be told of the account."""
        about = select(outage_connections.c.outage_id).where(outage_connections.c.connection_id == connection_id)
        return await self._first(outages.c.id.in_(about), outages.c.closed_at.is_(None))

    async def _first(self, *where: ColumnElement[bool]) -> Outage | None:
        rows = await self._tx.all(select(outages).where(*where).order_by(_GRANT_FIRST, outages.c.opened_at).limit(1))
        return next(iter(await self.whole(rows)), None)

    async def whole(self, rows: Sequence[Row[Any]]) -> list[Outage]:
        """Put connections and timelines to the rows, by two queries for all of them."""
        about: dict[str, list[str]] = defaultdict(list)
        timelines: dict[str, list[Event]] = defaultdict(list)
        for ids in parts([row.id for row in rows]):
            ours = select(outage_connections).where(outage_connections.c.outage_id.in_(ids))
            for row in await self._tx.all(ours.order_by(outage_connections.c.place)):
                about[row.outage_id].append(row.connection_id)
            told = select(outage_events).where(outage_events.c.outage_id.in_(ids))
            for row in await self._tx.all(told.order_by(outage_events.c.revision)):
                timelines[row.outage_id].append(Event(row.at, row.what, row.who, row.detail))
        return [_outage(row, about[row.id], timelines[row.id]) for row in rows]

    async def open(
        self,
        *,
        platform: str,
        reach: Reach,
        grant_id: str,
        login: str,
        connection_ids: Sequence[str],
        remedy: str,
        cause: Cause,
        last_good_at: datetime | None,
        channel: str,
        now: datetime,
    ) -> Outage | None:
        """The first timeline line is `disconnected`, with the cause's code; it is revision 1."""
        if reach is Reach.ACCOUNT and len(connection_ids) != 1:
            raise ValueError("an outage that reaches one account is about exactly one")
        values = _caused(cause, remedy) | {
            "id": new_id("out"),
            "platform": platform,
            "reach": reach.value,
            "grant_id": grant_id,
            "account_id": connection_ids[0] if reach is Reach.ACCOUNT else None,
            "login": login,
            "opened_at": now,
            "revision": 1,
            "last_good_at": last_good_at,
            "recovered": {},
            "lost": {},
            "channel": channel,
        }
        made = self._tx.insert(outages).values(values).on_conflict_do_nothing().returning(outages)
        row = await self._tx.one(made)
        if row is None:
            return None
        first = Event(now, "disconnected", "", cause.code)
        await self._join(row.id, connection_ids, 1)
        await self._note(row.id, 1, first)
        return _outage(row, tuple(dict.fromkeys(connection_ids)), [first])

    async def join(self, outage_id: str, connection_ids: Sequence[str]) -> None:
        last = select(func.max(outage_connections.c.place)).where(outage_connections.c.outage_id == outage_id)
        await self._join(outage_id, connection_ids, (await self._tx.value(last) or 0) + 1)

    async def _join(self, outage_id: str, connection_ids: Sequence[str], place: int) -> None:
        joined = self._tx.insert(outage_connections).on_conflict_do_nothing()
        rows = [
            {"outage_id": outage_id, "connection_id": connection_id, "place": place + nth}
            for nth, connection_id in enumerate(dict.fromkeys(connection_ids))
        ]
        await self._tx.many(joined, rows)

    async def leave(self, outage_id: str, connection_ids: Sequence[str]) -> None:
        for ids in parts(connection_ids):
            gone = outage_connections.c.outage_id == outage_id, outage_connections.c.connection_id.in_(ids)
            await self._tx.change(delete(outage_connections).where(*gone))

    async def event(self, outage_id: str, event: Event) -> int:
        counted = update(outages).where(outages.c.id == outage_id).values(revision=outages.c.revision + 1)
        row = await self._tx.one(counted.returning(outages.c.revision))
        if row is None:
            raise LookupError(f"there is no outage {outage_id}")
        await self._note(outage_id, row.revision, event)
        return int(row.revision)

    async def _note(self, outage_id: str, revision: int, event: Event) -> None:
        line = {"at": event.at, "what": event.what, "who": event.who, "detail": event.detail}
        await self._tx.change(insert(outage_events).values(outage_id=outage_id, revision=revision, **line))
        self._tx.happened.append((outage_id, revision))

    async def claim(self, outage_id: str, user: str | None, now: datetime) -> None:
        await self._set(outage_id, claimed_by=user, claimed_at=now if user is not None else None)

    async def snooze(self, outage_id: str, until: datetime | None) -> None:
        await self._set(outage_id, snoozed_until=until)

    async def alerted(self, outage_id: str, channel: str, ts: str, now: datetime) -> None:
        first = func.coalesce(outages.c.alerted_at, at(outages.c.alerted_at, now))
        await self._set(outage_id, channel=channel, ts=ts, alerted_at=first)
        unsaid = outages.c.storm == outage_id, outages.c.alerted_at.is_(None)
        await self._tx.change(update(outages).where(*unsaid).values(alerted_at=now))
        self._tx.becomes_due(Work.SAY)  # replies may have waited for it

    async def unposted(self, outage_id: str, ts: str | None = None) -> None:
        gone = update(outages).where(outages.c.id == outage_id)
        await self._tx.change((gone if ts is None else gone.where(outages.c.ts == ts)).values(ts=None))

    async def moved(self, outage_id: str, channel: str) -> None:
        await self._set(outage_id, ts=None, channel=channel)

    async def reauthorized(self, outage_id: str, by: str, now: datetime) -> None:
        await self._set(outage_id, reauthorized_at=now, reauthorized_by=by, stalled_at=None, snoozed_until=None)

    async def lost_again(self, outage_id: str, cause: Cause, remedy: str, now: datetime) -> None:
        """Who had claimed it has done their part; somebody has to take it up anew."""
        gone = ("reauthorized_at", "reauthorized_by", "stalled_at", "claimed_by", "claimed_at", "snoozed_until")
        await self._set(outage_id, **dict.fromkeys(gone), **_caused(cause, remedy))

    async def stalled(self, outage_id: str, now: datetime | None) -> None:
        await self._set(outage_id, stalled_at=now)

    async def lately_caught_up(self, connection_ids: Sequence[str], reach: Reach, since: datetime) -> Outage | None:
        about = select(outage_connections.c.outage_id).where(outage_connections.c.connection_id.in_(connection_ids))
        ended = outages.c.caught_up_at >= since, outages.c.reach == reach.value
        newest = select(outages).where(outages.c.id.in_(about), *ended).order_by(outages.c.caught_up_at.desc()).limit(1)
        return next(iter(await self.whole(await self._tx.all(newest))), None)

    async def reopen(
        self, outage_id: str, connection_ids: Sequence[str], grant_id: str, login: str, cause: Cause, remedy: str
    ) -> None:
        await self.lost_again(outage_id, cause, remedy, self._tx.now())
        again = dict.fromkeys(("closed_at", "caught_up_at")) | {"recovered": {}, "lost": {}}
        await self._set(outage_id, grant_id=grant_id, login=login, **again)
        await self._tx.change(delete(outage_connections).where(outage_connections.c.outage_id == outage_id))
        await self.join(outage_id, connection_ids)

    async def close(
        self, outage_id: str, recovered: Json, lost: Json, now: datetime, *, caught_up: bool = True
    ) -> None:
        """Raises Fenced if it is closed already: an end is told once."""
        still_open = update(outages).where(outages.c.id == outage_id, outages.c.closed_at.is_(None))
        end = {"closed_at": now, "caught_up_at": now if caught_up else None, "recovered": recovered, "lost": lost}
        if await self._tx.change(still_open.values(end)) == 0:
            raise Fenced("this outage was closed by another worker")

    async def _set(self, outage_id: str, **values: Any) -> None:
        await self._tx.change(update(outages).where(outages.c.id == outage_id).values(values))


def _caused(cause: Cause, remedy: str) -> dict[str, Any]:
    return {
        "remedy": remedy,
        "cause_code": cause.code,
        "cause_words": cause.words,
        "cause_cure": cause.cure,
        "cause_vendor": cause.vendor,
    }


def _outage(row: Row[Any], connection_ids: Sequence[str], timeline: Sequence[Event]) -> Outage:
    return Outage(
        id=row.id,
        platform=row.platform,
        reach=Reach(row.reach),
        grant_id=row.grant_id,
        remedy=row.remedy,
        cause=Cause(row.cause_code, row.cause_words, row.cause_cure, row.cause_vendor),
        opened_at=row.opened_at,
        revision=row.revision,
        login=row.login,
        last_good_at=row.last_good_at,
        alerted_at=row.alerted_at,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        snoozed_until=row.snoozed_until,
        reauthorized_at=row.reauthorized_at,
        reauthorized_by=row.reauthorized_by,
        stalled_at=row.stalled_at,
        caught_up_at=row.caught_up_at,
        closed_at=row.closed_at,
        recovered=row.recovered,
        lost=row.lost,
        channel=row.channel,
        ts=row.ts,
        storm=row.storm,
        connection_ids=tuple(connection_ids),
        timeline=tuple(timeline),
    )
