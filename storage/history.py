"""What the pages ask: a page of connections with those in need first, their outages, their untagged ads."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select

from bot.memory.history import Down, Tally, UntaggedAd
from bot.words.connection import Kind, Outage
from storage.freight import tags
from storage.outages import OutageRows
from storage.tables import connections, grants, outage_connections, outages
from storage.tags import TAKEN_BACK
from storage.transaction import Transaction

_THERE = connections.c.removed_at.is_(None)
# What needs a person comes first, then what is on its way back.
_URGENCY = case((~connections.c.authorized, 0), (connections.c.enabled & connections.c.catching_up, 1), else_=2)


class HistoryRows:
    """Implements bot.memory.history.History."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def tally(self, platforms: Collection[str], search: str) -> Mapping[Kind, Tally]:
        fits = case((_fits(search), 1), else_=0) if search else 1
        red = case((connections.c.authorized, 0), else_=1)
        counted = (
            select(
                connections.c.kind,
                func.count().label("total"),
                func.sum(fits).label("found"),
                func.sum(red).label("red"),
            )
            .join(grants, grants.c.id == connections.c.grant_id)
            .where(connections.c.platform.in_(platforms), _THERE)
            .group_by(connections.c.kind)
        )
        return {Kind(r.kind): Tally(int(r.total), int(r.found), int(r.red)) for r in await self._tx.all(counted)}

    async def page(self, kind: Kind, platforms: Collection[str], search: str, offset: int, limit: int) -> list[str]:
        some = select(connections.c.id).where(
            connections.c.kind == kind.value, connections.c.platform.in_(platforms), _THERE
        )
        if search:
            some = some.join(grants, grants.c.id == connections.c.grant_id).where(_fits(search))
        order = _URGENCY, connections.c.platform, func.lower(connections.c.account_name), connections.c.id
        return [row.id for row in await self._tx.all(some.order_by(*order).offset(offset).limit(limit))]

    async def downs(self, connection_ids: Sequence[str], since: datetime) -> list[Down]:
        seen = outages.c.opened_at, outages.c.reauthorized_at, outages.c.closed_at
        met = (
            select(outage_connections.c.connection_id, *seen)
            .join(outages, outages.c.id == outage_connections.c.outage_id)
            .where(
                outage_connections.c.connection_id.in_(connection_ids),
                or_(outages.c.closed_at.is_(None), outages.c.closed_at >= since),
            )
            .order_by(outages.c.opened_at)
        )
        return [Down(r.connection_id, r.opened_at, r.reauthorized_at, r.closed_at) for r in await self._tx.all(met)]

    async def outages_of(self, connection_id: str, limit: int) -> list[Outage]:
        about = select(outage_connections.c.outage_id).where(outage_connections.c.connection_id == connection_id)
        some = select(outages).where(outages.c.id.in_(about)).order_by(outages.c.opened_at.desc(), outages.c.id)
        return await OutageRows(self._tx).whole(await self._tx.all(some.limit(limit)))

    async def untagged(self, connection_id: str, limit: int) -> list[UntaggedAd]:
        left = (tags.c.problem != "") | ((tags.c.note != "") & (tags.c.note != TAKEN_BACK))
        known_since = func.coalesce(tags.c.ad_created_at, tags.c.planned_at, tags.c.noted_at)
        some = (
            select(tags.c.ad, tags.c.name, tags.c.problem, tags.c.note, tags.c.ad_created_at)
            .where(tags.c.connection_id == connection_id, tags.c.applied_at.is_(None), left)
            .order_by(known_since.desc(), tags.c.ad)
            .limit(limit)
        )
        return [UntaggedAd(r.ad, r.name, r.problem or r.note, r.ad_created_at) for r in await self._tx.all(some)]


def _fits(search: str) -> ColumnElement[bool]:
    """Account name, account id or login contain it, in any case."""
    columns = connections.c.account_name, connections.c.account_id, grants.c.login
    return or_(*(func.lower(column).contains(search.lower(), autoescape=True) for column in columns))
