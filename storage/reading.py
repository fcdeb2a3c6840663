"""Deliveries with their touchpoints, read by the thousand.

SQLite hands over each row by itself, and its thread and ours change places for every one. So there the database writes what it
found as one text for each column, and both go their own ways meanwhile. Postgres' driver reads rows as quickly.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from bot.words.connection import Json
from bot.words.freight import Batch, Touchpoints
from storage.freight import deliveries, touchpoints
from storage.transaction import Transaction

_decoded = msgspec.json.Decoder().decode
_moments = msgspec.json.Decoder(list[datetime]).decode
NONE = Batch((), Touchpoints.of(()))


class Question(NamedTuple):
    """The same for both databases. Some are asked ten times a second, and writing one takes longer than its answer."""

    rows: Select[Any]
    columns: Select[Any]


def ordered(*which: ColumnElement[bool], most: int | None = None) -> Question:
    """In order of their numbers; at most `most`, or as many as the parameter of that name says."""
    limit = bindparam("most", most, type_=Integer(), unique=most is not None)
    c = touchpoints.c
    first = (
        select(deliveries.c.number, deliveries.c.touchpoint_id).where(*which).order_by(deliveries.c.number).limit(limit)
    )
    moment, fields = type_coerce(c.occurred_at, NullType()), type_coerce(c.fields, Text())
    rows = select(deliveries.c.number, c.id, moment, c.email, c.kind, fields, c.crm)
    rows = rows.join(touchpoints, c.id == deliveries.c.touchpoint_id)
    return Question(rows.where(*which).order_by(deliveries.c.number).limit(limit), _by_column(first.subquery()))


def due(*which: ColumnElement[bool]) -> Question:
    return ordered(*which, deliveries.c.due_at <= bindparam("now"))


def _by_column(found: Subquery) -> Select[Any]:
    """What the subquery has put in order stays in order, and in the same order in each column: SQLite never puts the
    right side of an outer join first. Joined in the subquery each row would be copied once more.
    """
    c, listed = touchpoints.c, func.json_group_array
    moment = type_coerce(c.occurred_at, Text())
    held: ColumnElement[str] = _sql("'['").op("||")(func.group_concat(type_coerce(c.fields, Text()), _sql("','")))
    columns = [c.id, moment, c.email, c.kind, c.crm]
    listing = select(listed(found.c.number), held.op("||")(_sql("']'")), *map(listed, columns))
    return listing.select_from(found.outerjoin(touchpoints, c.id == found.c.touchpoint_id))


def _sql(text: str) -> ColumnElement[str]:
    return literal_column(text, Text())


async def read(tx: Transaction, question: Question, given: Json | None = None) -> Batch:
    rows = await tx.plain(question.rows if tx.postgres else question.columns, given)
    # In a thread: there may be thousands, and whoever clicks meanwhile must not wait for them.
    if tx.postgres:
        return await asyncio.to_thread(_of_rows, rows) if rows else NONE
    return await asyncio.to_thread(_of_columns, *rows[0]) if rows[0][0] != "[]" else NONE


def _of_rows(rows: Sequence[tuple[Any, ...]]) -> Batch:
    numbers, ids, moments, emails, kinds, fields, crms = zip(*rows, strict=True)
    held = _read(f"[{','.join(fields)}]")
    return Batch(numbers, Touchpoints(ids, [each.astimezone(UTC) for each in moments], emails, kinds, held, crms))


def _of_columns(numbers: str, held: str, ids: str, moments: str, *rest: str) -> Batch:
    # SQLite has no time zones: all are UTC.
    zoned = moments.replace('",', '+00:00",').replace('"]', '+00:00"]')
    emails, kinds, crms = map(_read, rest)
    return Batch(_read(numbers), Touchpoints(_read(ids), _moments(zoned), emails, kinds, _read(held), crms))


def _read(text: str) -> Any:
    try:
        return _decoded(text)
    except msgspec.DecodeError:  # half a surrogate pair, and the like
        return json.loads(text)
