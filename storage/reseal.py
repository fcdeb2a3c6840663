"""Key rotation: what was sealed under an older key is sealed again under the newest, a few rows at a time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Table, func, select, update

from bot.memory.memory import SealBroken
from storage.tables import consents, grants, revocations, workspaces
from storage.transaction import Transaction

ROWS_AT_ONCE = 200

_SEALED: tuple[tuple[Table, Column[Any], Column[Any]], ...] = (
    (grants, grants.c.tokens, grants.c.tokens_key),
    (revocations, revocations.c.token, revocations.c.token_key),
    (consents, consents.c.verifier, consents.c.verifier_key),
    (workspaces, workspaces.c.tokens, workspaces.c.tokens_key),
)


@dataclass(frozen=True)
class Resealed:
    """How many values are under the newest key now that were not, and how many do not open under any key we have."""

    done: int
    broken: int


@dataclass(frozen=True)
class Part:
    """One step. `after` is where the next one goes on: the place of the table in the list, and the last row seen."""

    done: int
    broken: int
    after: tuple[int, str] | None


async def left_to_seal(tx: Transaction) -> int:
    """How many values are sealed under another key than the newest."""
    found = 0
    for table, sealed, key in _SEALED:
        old = select(func.count()).select_from(table).where(sealed.is_not(None), key != tx.keys.newest)
        found += await tx.value(old)
    return found


async def reseal_some(tx: Transaction, after: tuple[int, str] | None) -> Part:
    at, last = after or (0, "")
    table, sealed, key = _SEALED[at]
    rest = select(table.c.id, sealed, key).where(sealed.is_not(None), key != tx.keys.newest, table.c.id > last)
    rows = await tx.all(rest.order_by(table.c.id).limit(ROWS_AT_ONCE).with_for_update())
    done = sum([await _reseal(tx, table, sealed, key, row) for row in rows])
    if len(rows) == ROWS_AT_ONCE:
        return Part(done, len(rows) - done, (at, rows[-1].id))
    return Part(done, len(rows) - done, (at + 1, "") if at + 1 < len(_SEALED) else None)


async def _reseal(tx: Transaction, table: Table, sealed: Column[Any], key: Column[Any], row: Row[Any]) -> bool:
    """A value that does not open is left as it is: its key may come back."""
    row_id, old, old_key = row.id, getattr(row, sealed.name), getattr(row, key.name)
    try:
        secret = tx.keys.open(table.name, row_id, sealed.name, old, old_key)
    except SealBroken:
        return False
    again = {sealed.name: tx.keys.seal(table.name, row_id, sealed.name, secret), key.name: tx.keys.newest}
    await tx.change(update(table).where(table.c.id == row_id).values(again))
    return True
