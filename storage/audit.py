"""The audit trail's rows. They are written last in their transaction, one transaction after the other."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Column, Integer, Row, Table, func, insert, select, text

from bot.memory.audit import BEGINNING, Act
from bot.words.connection import Json
from bot.words.progress import Seen, nobody_watches
from storage.columns import JsonText, UtcDateTime, Words
from storage.tables import metadata
from storage.transaction import Transaction

AT_ONCE = 1000
TURN = 0x5245444B45594155  # the advisory lock of whoever appends

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("what", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("before", Words, nullable=False),
    Column("digest", Words, nullable=False),
)


class AuditRows:
    """Implements bot.memory.audit.Audit."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, what: str, *, who: str, subject: str = "", **detail: str | int) -> None:
        self._tx.noted.append({"what": what, "who": who, "subject": subject, "detail": detail})

    async def rows(self, seen: Seen = nobody_watches) -> AsyncIterator[Act]:
        last = done = 0
        total = await self._tx.value(select(func.count()).select_from(audit))
        while True:
            some = select(audit).where(audit.c.number > last).order_by(audit.c.number).limit(AT_ONCE)
            found = await self._tx.all(some)
            for row in found:
                yield _act(row)
            done += len(found)
            seen(done, total)
            if len(found) < AT_ONCE:
                return
            last = found[-1].number


async def append(tx: Transaction) -> None:
    """Write what was noted. The lock is taken last of all and kept to the commit, so it can be part of no deadlock.

    On SQLite write transactions come one after the other anyway.
    """
    if not tx.noted:
        return
    if tx.postgres:
        await tx.connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
    newest = await tx.one(select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1))
    number, before = (newest.number, newest.digest) if newest is not None else (0, BEGINNING)
    for noted in tx.noted:
        number += 1
        act = _bound(tx, number, before, noted)
        row = {"number": number, "at": act.at, "before": before, "digest": act.digest}
        kept = {"what": act.what, "who": act.who, "subject": act.subject, "detail": act.detail}
        await tx.change(insert(audit).values(row | kept))
        before = act.digest


def _bound(tx: Transaction, number: int, before: str, noted: Json) -> Act:
    """Over the words as the database will give them back."""
    words = {name: _storable(noted[name]) for name in ("what", "who", "subject")}
    act = Act(number, tx.now(), **words, detail=dict(noted["detail"]), before=before, digest="")
    return Act(number, act.at, **words, detail=act.detail, before=before, digest=act.true_digest())


def _storable(words: str) -> str:
    return Words().process_bind_param(words, None) or ""  # type: ignore[arg-type]


def _act(row: Row[Any]) -> Act:
    return Act(row.number, row.at, row.what, row.who, row.subject, row.detail, row.before, row.digest)
