"""What we remember of connections: the accounts, the switches, and when each is to be checked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, insert, select, update

from bot.memory.memory import Work
from bot.words.connection import Account, Checked, Connection, DueCheck, Flow, Grant, Kind, Reach, Status, status_of
from bot.words.errors import Fenced
from bot.words.facts import Taggable
from storage.checks import claim_checks, write_findings
from storage.ids import new_id
from storage.tables import connections, grants, outage_connections, outages, transfers
from storage.touchpoints import TouchpointRows
from storage.transaction import Transaction, earlier, parts
from storage.transfers import TransferRows

FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # before whatever is overdue: somebody waits for it

# When people must have logged in again: a refresh token's end, or the access token's where there is no refresh token.
_EXPIRES_AT = case((grants.c.refreshable, grants.c.refresh_expires_at), else_=grants.c.expires_at)
_THERE = connections.c.removed_at.is_(None)


class ConnectionRows:
    """Implements bot.memory.memory.Connections."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, connection_id: str) -> Connection | None:
        row = await self._tx.one(_shown().where(connections.c.id == connection_id))
        return _connection(row) if row else None

    async def some(self, connection_ids: Sequence[str]) -> list[Connection]:
        found = {c.id: c for ids in parts(connection_ids) for c in await self._list(connections.c.id.in_(ids))}
        return [found[each] for each in connection_ids if each in found]

    async def all(self, *, removed_too: bool = False) -> list[Connection]:
        return await self._list() if removed_too else await self._list(_THERE)

    async def counted(self, taggable: Taggable = lambda *_: True) -> Mapping[Status, int]:
        c = connections.c
        kinds = c.enabled, c.authorized, c.autotagging, c.catching_up, c.platform, c.opted_in, grants.c.scopes
        logins = grants.c.id == c.grant_id
        each = select(*kinds, func.count().label("n")).join(grants, logins).where(_THERE).group_by(*kinds)
        found: Counter[Status] = Counter()
        for row in await self._tx.all(each):
            status = status_of(
                enabled=row.enabled,
                authorized=row.authorized,
                autotagging=row.autotagging and taggable(row.platform, row.scopes, row.opted_in),
                catching_up=row.catching_up,
            )
            found[status] += row.n
        return found

    async def of_grant(self, grant_id: str) -> list[Connection]:
        return await self.of_grants([grant_id])

    async def of_grants(self, grant_ids: Sequence[str]) -> list[Connection]:
        return await self._list(connections.c.grant_id.in_(grant_ids), _THERE)

    async def of_account(self, platform: str, account_id: str) -> Connection | None:
        one = _shown().where(connections.c.platform == platform, connections.c.account_id == account_id)
        row = await self._tx.one(one)
        return _connection(row) if row else None

    async def _list(self, *where: ColumnElement[bool]) -> list[Connection]:
        rows = await self._tx.all(_shown().where(*where).order_by(connections.c.created_at, connections.c.id))
        return [_connection(row) for row in rows]

    async def add(
        self,
        grant: Grant,
        kind: Kind,
        account: Account,
        *,
        autotagging: bool,
        utm: str,
        flows: Sequence[Flow],
        now: datetime,
    ) -> Connection:
        """Raises Fenced if somebody else connected this account just now."""
        new_one = new_id("con")
        new = {
            "id": new_one,
            "platform": grant.platform,
            "kind": kind.value,
            "account_id": account.id,
            "grant_id": grant.id,
            "enabled": True,
            "authorized": True,
            "autotagging": autotagging,
            "catching_up": False,
            "utm": utm,
            "next_check_at": now,
            "created_at": now,
        }
        made = self._tx.insert(connections).values(new | _described(account)).on_conflict_do_nothing()
        if await self._tx.one(made.returning(connections.c.id)) is None:
            raise Fenced("this account was connected by someone else just now")
        await self._tx.many(insert(transfers), [_fresh_transfer(new_one, flow, now) for flow in flows])
        if kind is Kind.CRM:
            await TouchpointRows(self._tx).adopt(new_one, grant.platform, now)
        self._tx.becomes_due(Work.MOVE)
        self._tx.becomes_due(Work.CHECK)
        connection = await self.get(new_one)
        assert connection is not None
        return connection

    async def move(self, connection_ids: Sequence[str], grant: Grant) -> None:
        """The login shown is always the grant's own, so it follows by itself."""
        await self._set(connection_ids, grant_id=grant.id)

    async def remove(self, connection_id: str, who: str, now: datetime) -> None:
        """The marks go too: nobody waits for it any more."""
        off: dict[str, Any] = {"enabled": False, "authorized": False, "catching_up": False}
        await self._set([connection_id], **off, removed_at=now, removed_by=who)
        ended: dict[str, Any] = dict.fromkeys(("owner", "mark", "mark_outage", "passed_at", "verified_at"))
        mine = update(transfers).where(transfers.c.connection_id == connection_id)
        await self._tx.change(mine.values(fence=transfers.c.fence + 1, attempts=0, **ended))

    async def revive(self, connection_id: str, grant: Grant, account: Account, now: datetime) -> None:
        on: dict[str, Any] = {"enabled": True, "authorized": True, "removed_at": None, "removed_by": None}
        await self._set([connection_id], grant_id=grant.id, next_check_at=now, **on, **_described(account))
        mine = update(transfers).where(transfers.c.connection_id == connection_id)
        await self._tx.change(mine.values(due_at=now))
        back = await self.get(connection_id)
        if back is not None and back.kind is Kind.CRM:
            await TouchpointRows(self._tx).adopt(connection_id, grant.platform, now)
        self._tx.becomes_due(Work.MOVE)
        self._tx.becomes_due(Work.CHECK)

    async def set_authorized(self, connection_ids: Sequence[str], authorized: bool) -> None:
        back = await self._resting(connection_ids) if authorized else []
        for ids in parts(connection_ids):
            there = update(connections).where(connections.c.id.in_(ids), _THERE)
            await self._tx.change(there.values(authorized=authorized))
        await self._wake(back)

    async def set_enabled(self, connection_id: str, enabled: bool) -> None:
        back = await self._resting([connection_id]) if enabled else []
        await self._set([connection_id], enabled=enabled)
        await self._wake(back)

    async def _resting(self, connection_ids: Sequence[str]) -> list[str]:
        """Those of them that do not work now; until the transaction ends nobody puts their transfers off."""
        c, found = connections.c, list[str]()
        for ids in parts(connection_ids):
            off = select(c.id).where(c.id.in_(ids), ~(c.enabled & c.authorized)).order_by(c.id)
            found += [row.id for row in await self._tx.all(off.with_for_update(key_share=True))]
        return found

    async def _wake(self, connection_ids: Sequence[str]) -> None:
        if connection_ids:
            await TransferRows(self._tx).hurry(connection_ids, self._tx.now())
            self._tx.becomes_due(Work.CHECK)

    async def set_autotagging(self, connection_id: str, autotagging: bool) -> None:
        await self._set([connection_id], autotagging=autotagging)

    async def set_utm(self, connection_id: str, utm: str) -> None:
        await self._set([connection_id], utm=utm)

    async def set_opted_in(self, connection_id: str, opted_in: bool) -> None:
        await self._set([connection_id], opted_in=opted_in)

    async def previewed(self, connection_id: str, now: datetime) -> None:
        await self._set([connection_id], previewed_at=now)

    async def set_catching_up(self, connection_ids: Sequence[str], catching_up: bool) -> None:
        await self._set(connection_ids, catching_up=catching_up)

    async def set_account(self, connection_id: str, account: Account) -> None:
        """Its name, currency and zone as the platform tells them now; its id stays."""
        await self._set([connection_id], **_described(account))

    async def claim_checks(self, now: datetime, limit: int, owner: str | None = None) -> list[DueCheck]:
        return await claim_checks(self._tx, now, limit, owner)

    async def checked(self, found: Sequence[Checked]) -> None:
        for good in (True, False, None):
            await write_findings(self._tx, [each for each in found if each.good is good], good=good)

    async def answers(self) -> dict[str, tuple[datetime | None, datetime | None]]:
        living = connections.c.enabled, connections.c.authorized, connections.c.removed_at.is_(None)
        newest = (
            func.max(connections.c.last_good_at).label("good_at"),
            func.max(connections.c.checked_at).label("checked_at"),
        )
        found = select(connections.c.platform, *newest).where(*living).group_by(connections.c.platform)
        return {row.platform: (row.good_at, row.checked_at) for row in await self._tx.all(found)}

    async def unclaim_checks(self, connection_ids: Sequence[str], now: datetime) -> None:
        await self._set(connection_ids, next_check_at=earlier(connections.c.next_check_at, now), check_owner=None)
        self._tx.becomes_due(Work.CHECK)

    async def moved(self, connection_id: str, now: datetime) -> None:
        await self._set([connection_id], last_data_at=now, last_good_at=now)

    async def ask_check(self, connection_ids: Sequence[str], now: datetime) -> None:
        await self._set(connection_ids, next_check_at=FIRST, check_asked_at=now)
        self._tx.becomes_due(Work.CHECK)

    async def _set(self, connection_ids: Sequence[str], **values: Any) -> None:
        for ids in parts(connection_ids):
            await self._tx.change(update(connections).where(connections.c.id.in_(ids)).values(values))


def _shown() -> Select[Any]:
    """A connection with what is told of it elsewhere: its grant's login and expiry, and its open outage."""
    grant_first = case((outages.c.reach == Reach.GRANT.value, 0), else_=1)
    outage = (
        select(outages.c.id)
        .join(outage_connections, outage_connections.c.outage_id == outages.c.id)
        .where(outage_connections.c.connection_id == connections.c.id, outages.c.closed_at.is_(None))
        .order_by(grant_first, outages.c.opened_at)
        .limit(1)
        .correlate(connections)
        .scalar_subquery()
    )
    told = grants.c.login, grants.c.scopes, _EXPIRES_AT.label("expires_at"), outage.label("outage_id")
    return select(connections, *told).join(grants, grants.c.id == connections.c.grant_id)


def _described(account: Account) -> dict[str, Any]:
    return {
        "account_name": account.name,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "parent": account.parent,
    }


def _fresh_transfer(connection_id: str, flow: Flow, now: datetime) -> dict[str, Any]:
    nothing_yet: dict[str, Any] = {"cursor": {}, "notes": {}, "fence": 0, "attempts": 0, "done": 0, "total": 0}
    return nothing_yet | {"connection_id": connection_id, "flow": flow.value, "due_at": now}


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        id=row.id,
        platform=row.platform,
        kind=Kind(row.kind),
        account=Account(row.account_id, row.account_name, row.currency, row.time_zone, row.parent),
        grant_id=row.grant_id,
        login=row.login,
        enabled=row.enabled,
        authorized=row.authorized,
        autotagging=row.autotagging,
        catching_up=row.catching_up,
        utm=row.utm,
        scopes=tuple(row.scopes),
        checked_at=row.checked_at,
        last_good_at=row.last_good_at,
        last_data_at=row.last_data_at,
        expires_at=row.expires_at,
        created_at=row.created_at,
        outage_id=row.outage_id,
        removed_at=row.removed_at,
        opted_in=row.opted_in,
        previewed_at=row.previewed_at,
    )
