"""Touchpoints on their way into the tables, by the thousand: which are new, their rows, and their deliveries to each CRM.

One statement takes a whole batch: its ids go as one list, and the deliveries are made of that list by the database.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.json import Encoder
from sqlalchemy import TextClause, bindparam, text

from bot.words.freight import Touchpoint
from storage.bulk import insert_many, moment
from storage.columns import UtcDateTime, as_json, storable
from storage.transaction import Transaction

AT_ONCE = 10_000  # touchpoints in one statement: more would not be quicker, only larger
_COLUMNS = "id, occurred_at, email, kind, fields, crm, accepted_at, homeless"
_encoded = Encoder().encode


def _for_each(sqlite: str, postgres: str) -> dict[bool, TextClause]:
    """By whether it is Postgres; `now` may stand in neither."""
    typed = bindparam("now", type_=UtcDateTime())
    return {on: text(sql).bindparams(*[typed] * (":now" in sql)) for on, sql in ((False, sqlite), (True, postgres))}


_KNOWN = _for_each(
    "SELECT id FROM touchpoints WHERE id IN (SELECT value FROM json_each(:ids))",
    "SELECT id FROM touchpoints WHERE id = ANY(CAST(:ids AS text[]))",
)
_INTO = "INSERT INTO deliveries (number, touchpoint_id, connection_id, state, attempts, due_at, reason) SELECT"
_DELIVER = _for_each(
    f"{_INTO} :last + 1 + key, value, :crm, 'waiting', 0, :now, '' FROM json_each(:ids)",
    f"{_INTO} CAST(:last AS bigint) + n, id, :crm, 'waiting', 0, :now, '' "
    "FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS given (id, n)",
)


async def new_ones(tx: Transaction, given: Sequence[Touchpoint]) -> dict[str, Touchpoint]:
    """By id, in the order they were given; of a repeated id the first one counts."""
    fresh: dict[str, Touchpoint] = {}
    for touchpoint in given:
        fresh.setdefault(storable(touchpoint.id), touchpoint)
    for ids in _parts(list(fresh)):
        for row in await tx.connection.execute(_KNOWN[tx.postgres], {"ids": _listed(tx, ids)}):
            del fresh[row.id]
    return fresh


async def keep(tx: Transaction, fresh: dict[str, Touchpoint], crms: Sequence[str], now: datetime) -> None:
    """The touchpoints themselves. `crms`: the platforms of the CRMs that are connected."""
    accepted_at = moment(now)
    to_any = not crms
    rows = [
        (
            id_,
            moment(occurred_at),
            storable(email),
            storable(kind),
            _text_of(fields),
            crm if crm is None else storable(crm),
            accepted_at,
            to_any if crm is None else crm not in crms,
        )
        for id_, (_, occurred_at, email, kind, fields, crm) in fresh.items()
    ]
    await insert_many(tx, "touchpoints", _COLUMNS, rows)


async def deliver(tx: Transaction, ids: Sequence[str], crm: str, last: int, now: datetime) -> int:
    """They wait for this CRM, in this order, numbered on from `last`; returns the last number given."""
    for some in _parts(ids):
        given = {"ids": _listed(tx, some), "crm": crm, "last": last, "now": now}
        await tx.connection.execute(_DELIVER[tx.postgres], given)
        last += len(some)
    return last


def _text_of(fields: Any) -> str:
    """What cannot be written quickly, such as half a surrogate pair, is written as everything else here."""
    try:
        return _encoded(fields).decode()
    except (TypeError, ValueError, OverflowError):
        return as_json(fields)


def _listed(tx: Transaction, ids: Sequence[str]) -> Any:
    return list(ids) if tx.postgres else json.dumps(ids)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
