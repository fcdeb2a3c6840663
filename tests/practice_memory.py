"""Rows to practise on: a grant, an account on it, an outage, a touchpoint, each by one call."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event

from bot.memory.memory import Memory, Tx, Work
from bot.memory.storms import LostLogin, Opened
from bot.words.connection import (
    Account,
    Cause,
    Connection,
    Flow,
    Grant,
    Identity,
    Kind,
    Outage,
    Reach,
    Secret,
    TokenSet,
)
from bot.words.freight import Touchpoint
from bot.words.interfaces import Clock

LEASE = timedelta(seconds=60)
WINDOW = timedelta(seconds=30)
LOST = Cause("revoked", "The login was revoked.", "Log in again.", "invalid_grant")


def tokens(access: str = "access-1", refresh: str | None = "refresh-1", **more: Any) -> TokenSet:
    return TokenSet(Secret(access), None if refresh is None else Secret(refresh), **more)


async def a_grant(tx: Tx, now: datetime, person: str = "ann", platform: str = "google_ads", **more: Any) -> Grant:
    return await tx.grants.add(platform, Identity(person, f"{person}@example.com"), tokens(**more), now)


async def an_account(
    tx: Tx, grant: Grant, now: datetime, account: str = "111", flows: Sequence[Flow] = (Flow.COST,), **more: Any
) -> Connection:
    kind = Kind.CRM if grant.platform in ("salesforce", "hubspot") else Kind.ADS
    return await tx.connections.add(
        grant, kind, Account(account, f"Account {account}"), autotagging=True, utm="", flows=flows, now=now, **more
    )


async def connected(
    memory: Memory, now: datetime, *accounts: str, platform: str = "google_ads", flows: Sequence[Flow] = (Flow.COST,)
) -> list[Connection]:
    """A login with these accounts, in the memory for good."""
    async with memory.begin() as tx:
        grant = await a_grant(tx, now, platform=platform)
        return [await an_account(tx, grant, now, account, flows) for account in accounts or ("111",)]


async def drop(
    tx: Tx, now: datetime, *connections: Connection, reach: Reach = Reach.GRANT, remedy: str = "AuthorizationLost"
) -> Outage | None:
    return await tx.outages.open(
        platform=connections[0].platform,
        reach=reach,
        grant_id=connections[0].grant_id,
        login=connections[0].login,
        connection_ids=[connection.id for connection in connections],
        remedy=remedy,
        cause=LOST,
        last_good_at=now - timedelta(minutes=5),
        channel="C1",
        now=now,
    )


async def dropped(memory: Memory, now: datetime, *connections: Connection, **more: Any) -> Outage:
    async with memory.begin() as tx:
        outage = await drop(tx, now, *connections, **more)
    assert outage is not None
    return outage


async def many_logins(memory: Memory, now: datetime, count: int) -> list[Connection]:
    """So many logins with an account each."""
    async with memory.begin() as tx:
        made = [await a_grant(tx, now, f"person{n:02}") for n in range(count)]
        return [await an_account(tx, grant, now, f"{n:03}") for n, grant in enumerate(made)]


async def begin(
    memory: Memory,
    clock: Clock,
    connections: Sequence[Connection],
    after: int = 5,
    channel: str = "C1",
    window: timedelta = WINDOW,
) -> Sequence[Opened]:
    """Outages of these at once: a storm from `after` on."""
    async with memory.begin() as tx:
        lost = [LostLogin([c], "AuthorizationLost", LOST, clock(), channel, after) for c in connections]
        return await tx.storms.open(lost, window, clock())


def touch(number: int, now: datetime, crm: str | None = None, **fields: Any) -> Touchpoint:
    return Touchpoint(f"TP2_{number}", now, f"p{number}@example.com", "touchpoint", fields or {"Medium": "cpc"}, crm)


def count_statements(memory):
    """Every statement that is read with from now on."""
    asked = []
    engine = memory._database.reading.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    return asked


class Woken:
    """Implements storage.sql_memory.WakeUps, for one who wants to know what other replicas are told of."""

    def __init__(self) -> None:
        self.keys: list[set[str]] = []

    async def enqueue(self, _connection: object, due: Mapping[str, Work]) -> None:
        self.keys.append(set(due))
