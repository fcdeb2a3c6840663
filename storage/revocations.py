"""Tokens that are not ours to keep any more, until their platform has been told."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from bot.memory.memory import SealBroken, Work
from bot.words.connection import Secret
from storage.ids import new_id
from storage.tables import revocations
from storage.transaction import Transaction

HELD_FOR = timedelta(minutes=5)  # a revocation nobody finished is taken up again after this


class RevocationRows:
    """Implements bot.memory.memory.Revocations."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, platform: str, token: Secret, now: datetime, person: str = "") -> None:
        row, sealed = new_id("rev"), json.dumps({"token": token.reveal(), "person": person})
        values = {
            "id": row,
            "platform": platform,
            "token": self._tx.keys.seal("revocations", row, "token", sealed),
            "token_key": self._tx.keys.newest,
            "created_at": now,
            "due_at": now,
        }
        await self._tx.change(insert(revocations).values(values))
        self._tx.becomes_due(Work.REVOKE)

    async def claim(self, now: datetime, limit: int, owner: str | None = None) -> list[tuple[str, str, Secret, str]]:
        """One that does not open any more cannot be revoked by us: it is left out, and stays for its key to come back."""
        rows = await self._tx.claim(
            revocations,
            where=[revocations.c.due_at <= now, revocations.c.token_key.in_(self._tx.keys.names)],
            order=[revocations.c.due_at],
            limit=limit,
            values={"due_at": now + HELD_FOR, "owner": owner},
        )
        opened = [(row.id, row.platform, self._opened(row)) for row in rows]
        return [(row, platform, *found) for row, platform, found in opened if found is not None]

    def _opened(self, row: Row[Any]) -> tuple[Secret, str] | None:
        try:
            held = json.loads(self._tx.keys.open("revocations", row.id, "token", row.token, row.token_key))
        except SealBroken:
            return None
        return Secret(held["token"]), held["person"]

    async def waiting(self) -> int:
        return int(await self._tx.value(select(func.count()).select_from(revocations)))

    async def done(self, revocation_id: str) -> None:
        await self._tx.change(delete(revocations).where(revocations.c.id == revocation_id))

    async def later(self, revocation_id: str, at: datetime) -> None:
        await self._tx.change(
            update(revocations).where(revocations.c.id == revocation_id).values(due_at=at, owner=None)
        )
        self._tx.becomes_due(Work.REVOKE, at)
