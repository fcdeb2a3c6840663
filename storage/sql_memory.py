"""The memory on SQL: transactions, locks and upkeep. Implements bot.memory.memory.Memory."""

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.memory.announcements import Announcements
from bot.memory.audit import Audit
from bot.memory.entrances import Consents, Sessions
from bot.memory.forgetting import Forgetting
from bot.memory.freight import Costs, Tags, Touchpoints
from bot.memory.history import History
from bot.memory.installed import Workspaces
from bot.memory.memory import Agenda, Connections, Grants, Memory, Revocations, Transfers, Tx, Work
from bot.memory.notices import Clicks, Notices
from bot.memory.outages import Outages, Outbox
from bot.memory.quotas import Quotas
from bot.memory.replicas import Replicas
from bot.memory.routes import MadeRoutes
from bot.memory.storms import Storms
from bot.webhooks.happenings import NOBODY, Subscriptions
from bot.words.errors import SetupError
from bot.words.interfaces import Clock
from bot.words.progress import Seen, nobody_watches
from bot.work.dispatch import Listening
from storage.agenda import AgendaRows
from storage.announcements import AnnouncementRows
from storage.audit import AuditRows, append
from storage.clicks import ClickRows
from storage.connections import ConnectionRows
from storage.consents import ConsentRows
from storage.costs import CostRows
from storage.database import Database, OnlyOne, faults
from storage.forgetting import ForgettingRows
from storage.grants import GrantRows
from storage.history import HistoryRows
from storage.notices import NoticeRows, tell_subscribers
from storage.outages import OutageRows
from storage.outbox import OutboxRows
from storage.quotas import QuotaRows
from storage.replicas import ReplicaRows
from storage.reseal import Resealed, left_to_seal, reseal_some
from storage.revocations import RevocationRows
from storage.routes import RouteRows
from storage.sealing import Envelope, Keys
from storage.sessions import SessionRows
from storage.storms import StormRows
from storage.tags import TagRows
from storage.touchpoints import TouchpointRows
from storage.transaction import Transaction
from storage.transfers import TransferRows
from storage.workspaces import WorkspaceRows


class WakeUps(Listening, Protocol):
    """Told in the transaction that makes something due."""

    async def enqueue(self, connection: AsyncConnection, due: Mapping[str, Work]) -> None: ...


class SqlTx(Tx):
    """All nouns over one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.agenda: Agenda = AgendaRows(tx)
        self.grants: Grants = GrantRows(tx)
        self.revocations: Revocations = RevocationRows(tx)
        self.connections: Connections = ConnectionRows(tx)
        self.transfers: Transfers = TransferRows(tx)
        self.outages: Outages = OutageRows(tx)
        self.outbox: Outbox = OutboxRows(tx)
        self.announcements: Announcements = AnnouncementRows(tx)
        self.costs: Costs = CostRows(tx)
        self.tags: Tags = TagRows(tx)
        self.touchpoints: Touchpoints = TouchpointRows(tx)
        self.consents: Consents = ConsentRows(tx)
        self.sessions: Sessions = SessionRows(tx)
        self.replicas: Replicas = ReplicaRows(tx)
        self.notices: Notices = NoticeRows(tx)
        self.clicks: Clicks = ClickRows(tx)
        self.quotas: Quotas = QuotaRows(tx)
        self.history: History = HistoryRows(tx)
        self.forgetting: Forgetting = ForgettingRows(tx)
        self.audit: Audit = AuditRows(tx)
        self.routes: MadeRoutes = RouteRows(tx)
        self.storms: Storms = StormRows(tx)
        self.workspaces: Workspaces = WorkspaceRows(tx)


class SqlMemory(Memory):
    """Made by storage.open_memory. `on_due` hears which kinds of work became due, after the commit that made them so."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        on_due: Callable[[set[Work]], None] | None,
        now: Clock,
        claim: OnlyOne | None = None,
        wake_ups: WakeUps | None = None,
        subscriptions: Subscriptions = NOBODY,
    ) -> None:
        self._database = database
        self._keys = keys
        self._on_due = on_due
        self._now = now
        self._claim = claim
        self._subscriptions = subscriptions
        self.wake_ups = wake_ups  # between replicas, on Postgres
        self.only_one = claim is not None  # no other bot can be at work on this database
        self._locks = _NamedLocks()

    @asynccontextmanager
    async def begin(self, *, lasting: bool = True) -> AsyncIterator[Tx]:
        """Raises TryLater when the database is gone or locked; nothing of the block is true then."""
        engine = self._database.writing if lasting else self._database.passing
        with faults():
            async with self._database.turn or nullcontext(), engine.begin() as connection:
                if not lasting and self._database.path is None:
                    await connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                tx = Transaction(connection, self._keys, self._now)
                yield SqlTx(tx)
                await tell_subscribers(tx, self._subscriptions)
                if tx.due and self.wake_ups is not None:
                    await self.wake_ups.enqueue(connection, tx.due)
                await append(tx)
        if tx.due and self._on_due is not None:
            self._on_due(set(tx.due.values()))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Raises TryLater when the database is gone."""
        with faults():
            async with self._database.reading.begin() as connection:
                yield SqlTx(Transaction(connection, self._keys, self._now))

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """On Postgres one process brings one waiter at most, so a thousand waiting tasks do not take a thousand sessions."""
        async with self._locks.held(name):
            if self._database.path is not None:
                yield
                return
            with faults():
                async with _advisory_lock(self._database.locking, name):
                    yield

    def envelope(self, purpose: str) -> Envelope:
        return Envelope(self._keys, purpose)

    async def ping(self) -> None:
        """Raises TryLater when the database cannot be reached."""
        with faults():
            async with self._database.reading.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def reseal_all(self, seen: Seen = nobody_watches) -> Resealed:
        """Seal everything under the newest key. May be stopped and begun again at any time, beside a running bot."""
        done = broken = 0
        after = None
        async with self._database.reading.begin() as connection:
            total = await left_to_seal(Transaction(connection, self._keys, self._now))
        while True:
            with faults():
                async with self._database.turn or nullcontext(), self._database.writing.begin() as connection:
                    part = await reseal_some(Transaction(connection, self._keys, self._now), after)
            done, broken = done + part.done, broken + part.broken
            seen(done + broken, total)
            if part.after is None:
                return Resealed(done, broken)
            after = part.after

    async def backup(self, path: Path) -> None:
        """Copy the SQLite database into a new file, while it is used. Raises SetupError."""
        source = self._database.path
        if source is None:
            raise SetupError("redkey db backup copies SQLite files; use pg_dump for Postgres")
        await asyncio.to_thread(_copy, source, path)

    async def close(self) -> None:
        await self._database.close()
        if self._claim is not None:
            self._claim.close()


class _NamedLocks:
    """A lock for each name, for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = lock, users - 1


@asynccontextmanager
async def _advisory_lock(engine: AsyncEngine, name: str) -> AsyncIterator[None]:
    """Held by a database session of its own, so it ends exactly when we let go or our session dies."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    async with engine.connect() as connection:
        try:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            yield
        finally:
            await _let_go(connection, key)


async def _let_go(connection: AsyncConnection, key: int) -> None:
    """If unlocking fails, or we were cancelled while waiting, the session ends instead: that frees the lock for certain."""
    try:
        unlocked = await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
        if unlocked.scalar():
            return
    except SQLAlchemyError:
        pass
    with suppress(SQLAlchemyError):
        await connection.invalidate()


def _copy(source: Path, target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except FileExistsError:
        raise SetupError(f"{target} exists already: name a new file for the backup") from None
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise SetupError(f"the backup to {target} failed: {why}; check the directory and the space there") from None
