"""What we remember of storms: logins lost by the hundred, the outages that share a message, and what it tells of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, insert, or_, select, update

from bot.memory.storms import LostLogin, Opened
from bot.words.connection import Connection, Event, Json, Outage, Reach
from bot.words.facts import Storm, StormAccount, StormLine
from storage.connections import ConnectionRows
from storage.ids import new_id
from storage.tables import connections, grants, outage_connections, outage_events, outages
from storage.transaction import Transaction

GOES_ON = timedelta(minutes=10)  # longer than a round of checks
_LOST = outages.c.reauthorized_at.is_(None) & outages.c.closed_at.is_(None)


class StormRows:
    """Implements bot.memory.storms.Storms."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lose(
        self, generations: Mapping[str, int], lately: datetime, now: datetime
    ) -> dict[str, list[Connection]]:
        """Held in the order of their ids, so that two who lose the same ones do not wait for each other for ever."""
        held = select(grants.c.id, grants.c.generation).where(grants.c.id.in_(generations), grants.c.lost_at.is_(None))
        living = await self._tx.all(held.order_by(grants.c.id).with_for_update())
        ids = [row.id for row in living if row.generation <= generations[row.id]]
        carried: dict[str, list[Connection]] = {each: [] for each in ids}
        for connection in await ConnectionRows(self._tx).of_grants(ids):
            carried[connection.grant_id].append(connection)
        told = await self._told_of([c.id for theirs in carried.values() for c in theirs], ids, lately)
        fresh = {
            grant_id: theirs
            for grant_id, theirs in carried.items()
            if grant_id not in told and not any(connection.id in told for connection in theirs)
        }
        lost = {"lost_at": now, "refresh_started_at": None, "next_refresh_at": None}
        await self._tx.change(update(grants).where(grants.c.id.in_(fresh)).values(lost))
        standing = update(connections).where(connections.c.grant_id.in_(fresh))
        await self._tx.change(standing.values(authorized=False))
        return {grant_id: [c for c in theirs if c.enabled] for grant_id, theirs in fresh.items()}

    async def _told_of(self, connection_ids: Sequence[str], grant_ids: Sequence[str], lately: datetime) -> set[str]:
        """Connections and grants of which an outage tells that is open, or that was caught up from since."""
        still_open, whole = outages.c.closed_at.is_(None), outages.c.reach == Reach.GRANT.value
        about = outages.join(outage_connections)
        either = or_(still_open, whole & (outages.c.caught_up_at >= lately))
        theirs = select(outage_connections.c.connection_id).select_from(about).where(either)
        ours = await self._tx.all(theirs.where(outage_connections.c.connection_id.in_(connection_ids)))
        standing = select(outages.c.grant_id).where(outages.c.grant_id.in_(grant_ids), whole, still_open)
        return {row[0] for row in [*ours, *await self._tx.all(standing)]}

    async def open(self, lost: Sequence[LostLogin], window: timedelta, now: datetime) -> list[Opened]:
        """Each where it belongs from the first moment on, so that nothing is changed right after it was made."""
        places: dict[tuple[str, str], list[LostLogin]] = defaultdict(list)
        for each in lost:
            places[each.connections[0].platform, each.channel].append(each)
        made: list[tuple[Opened, LostLogin]] = []
        for (platform, channel), here in sorted(places.items()):
            storm, before = await self._going_on(platform, channel, max(each.after for each in here), window, now)
            for nth, each in enumerate(here, before + 1):
                new = new_id("out")
                storm = storm or (new if nth >= each.after else None)
                made.append((Opened(new, platform, each.cause.code, storm), each))
        await self._tx.many(insert(outages), [_row(opened, each, now) for opened, each in made])
        about = [
            {"outage_id": opened.outage_id, "connection_id": connection.id, "place": place}
            for opened, each in made
            for place, connection in enumerate(each.connections, 1)
        ]
        await self._tx.many(insert(outage_connections), about)
        first = [(opened.outage_id, Event(now, "disconnected", "", each.cause.code)) for opened, each in made]
        await self._tx.many(insert(outage_events), [_line(outage_id, event) for outage_id, event in first])
        self._tx.happened.extend((outage_id, 1) for outage_id, _ in first)
        return [opened for opened, _ in made]

    async def gather(self, outage: Outage, after: int, window: timedelta, now: datetime) -> None:
        storm, lately = await self._going_on(outage.platform, outage.channel, after, window, now)
        if storm is not None or lately >= after:
            this = update(outages).where(outages.c.id == outage.id)
            await self._tx.change(this.values(storm=storm or outage.id))

    async def _going_on(
        self, platform: str, channel: str, after: int, window: timedelta, now: datetime
    ) -> tuple[str | None, int]:
        """The storm that takes in what comes now, and how many outages there were lately, as far as `after`.

        One at a time for each platform and channel, or two storms would begin at once. A storm that goes on takes in what
        comes late, such as the last ones of a round of checks.
        """
        if self._tx.postgres:
            name = f"storm:{platform}:{channel}"
            await self._tx.one(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        alike = outages.c.platform == platform, outages.c.channel == channel
        members = outages.c.storm.is_not(None), outages.c.closed_at.is_(None)
        newest = select(outages.c.storm).where(*alike, *members, outages.c.opened_at > now - max(window, GOES_ON))
        storm = await self._tx.value(newest.order_by(outages.c.opened_at.desc()).limit(1))
        if storm is not None:
            return storm, 0
        lately = select(outages.c.id).where(*alike, outages.c.opened_at > now - window).limit(after)
        return None, len(await self._tx.all(lately))

    async def told(self, outage_id: str, lines: int) -> Storm:
        counted = select(
            func.count().label("every"),
            _how_many(_LOST).label("lost"),
            _how_many(outages.c.closed_at.is_(None)).label("going"),
            func.max(outages.c.opened_at).label("newest"),
        )
        row = await self._tx.one(counted.where(outages.c.storm == outage_id))
        assert row is not None  # a count is always one row
        first = await self._lines(_of(outage_id, _LOST).limit(lines)) if row.lost else ()
        return Storm(row.every, int(row.lost), int(row.going), tuple(first), row.newest)

    async def lines(self, outage_id: str, first: int, most: int) -> list[StormLine]:
        return await self._lines(_of(outage_id).limit(most).offset(first))

    async def _lines(self, some: Select[Any]) -> list[StormLine]:
        """The accounts of those that are shown only."""
        these = some.subquery()
        account = func.min(connections.c.account_name).label("account")
        shown = (
            select(these, account, func.count().label("accounts"))
            .select_from(these.join(outage_connections).join(connections))
            .group_by(*these.c)
            .order_by(these.c.opened_at, these.c.id)
        )
        return [
            StormLine(
                r.id, r.login, r.account, r.accounts, not (r.reauthorized_at or r.closed_at), r.closed_at is not None
            )
            for r in await self._tx.all(shown)
        ]

    async def accounts(self, outage_id: str) -> list[StormAccount]:
        these = _of(outage_id).subquery()
        c = connections.c
        shown = (
            select(these, c.account_id, c.account_name)
            .select_from(these.join(outage_connections).join(connections))
            .order_by(these.c.opened_at, these.c.id, outage_connections.c.place)
        )
        return [
            StormAccount(
                r.id,
                r.login,
                r.account_id,
                r.account_name,
                not (r.reauthorized_at or r.closed_at),
                r.closed_at is not None,
            )
            for r in await self._tx.all(shown)
        ]

    async def losing(self, outage_id: str, most: int) -> list[str]:
        these = _of(outage_id, _LOST).subquery()
        about = select(outage_connections.c.connection_id).select_from(these.join(outage_connections))
        first = about.order_by(these.c.opened_at, these.c.id, outage_connections.c.place).limit(most)
        return [row.connection_id for row in await self._tx.all(first)]

    async def receipts(self, outage_id: str) -> list[tuple[Json, Json]]:
        over = select(outages.c.recovered, outages.c.lost).where(
            outages.c.storm == outage_id, outages.c.caught_up_at.is_not(None)
        )
        return [(row.recovered, row.lost) for row in await self._tx.all(over)]

    async def people(self, outage_id: str, limit: int) -> list[tuple[str, str]]:
        these = _of(outage_id, _LOST).limit(limit).subquery()
        about = these.join(outage_connections, outage_connections.c.outage_id == these.c.id)
        theirs = about.join(grants, grants.c.id == these.c.grant_id)
        told = select(outage_connections.c.connection_id, grants.c.authorized_by).select_from(theirs)
        rows = await self._tx.all(told.order_by(these.c.opened_at, these.c.id).limit(limit))
        return [(row.connection_id, row.authorized_by or "") for row in rows]


def _how_many(of_these: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((of_these, 1), else_=0)), 0)


def _of(outage_id: str, *where: ColumnElement[bool]) -> Select[Any]:
    c = outages.c
    every = select(c.id, c.grant_id, c.login, c.opened_at, c.reauthorized_at, c.closed_at).where(
        c.storm == outage_id, *where
    )
    return every.order_by(c.opened_at, c.id)


def _row(opened: Opened, lost: LostLogin, now: datetime) -> dict[str, Any]:
    first, cause = lost.connections[0], lost.cause
    return {
        "id": opened.outage_id,
        "platform": opened.platform,
        "reach": Reach.GRANT.value,
        "grant_id": first.grant_id,
        "login": first.login,
        "remedy": lost.remedy,
        "cause_code": cause.code,
        "cause_words": cause.words,
        "cause_cure": cause.cure,
        "cause_vendor": cause.vendor,
        "opened_at": now,
        "revision": 1,
        "last_good_at": lost.last_good_at,
        "recovered": {},
        "lost": {},
        "channel": lost.channel,
        "storm": opened.storm,
    }


def _line(outage_id: str, event: Event) -> dict[str, Any]:
    return {
        "outage_id": outage_id,
        "revision": 1,
        "at": event.at,
        "what": event.what,
        "who": event.who,
        "detail": event.detail,
    }
