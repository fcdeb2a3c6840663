"""Deliveries with their touchpoints, read by the thousand.

SQLite hands over each row by itself, and its thread and ours change places for every one. So there the database writes what it
found as one text for each column, and both go their own ways meanwhile. Postgres' driver reads rows as quickly.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, func, literal_column, select, type_coerce
from sqlalchemy.types import NullType

from bot.words.connection import Json
from bot.words.freight import Delivery, Touchpoint
from storage.freight import deliveries, touchpoints
from storage.transaction import Transaction

_decoded = msgspec.json.Decoder().decode


class Question(NamedTuple):
    """The same for both databases. Some are asked ten times a second, and writing one takes longer than its answer."""

    rows: Select[Any]
    columns: Select[Any]


def ordered(*which: ColumnElement[bool], most: int | None = None) -> Question:
    """In order of their numbers; at most `most`, or as many as the parameter of that name says."""
    limit = bindparam("most", most, type_=Integer(), unique=most is not None)
    c = touchpoints.c
    values = [c.id, type_coerce(c.occurred_at, NullType()), c.email, c.kind, type_coerce(c.fields, Text()), c.crm]
    joined = select(deliveries.c.number, *values).join(touchpoints, c.id == deliveries.c.touchpoint_id)
    rows = joined.where(*which).order_by(deliveries.c.number).limit(limit)
    return Question(rows, _by_column(rows))


def due(*which: ColumnElement[bool]) -> Question:
    return ordered(*which, deliveries.c.due_at <= bindparam("now"))


def _by_column(rows: Select[Any]) -> Select[Any]:
    number, id_, occurred_at, email, kind, fields, crm = rows.subquery().c
    listed = func.json_group_array
    # What the subquery has put in order stays in order, and in the same order in each column.
    moments = listed(type_coerce(occurred_at, Text()).op("||")(_sql("'+00:00'")))
    held: ColumnElement[str] = _sql("'['").op("||")(func.group_concat(fields, _sql("','"))).op("||")(_sql("']'"))
    return select(listed(number), listed(id_), moments, listed(email), listed(kind), held, listed(crm))


def _sql(text: str) -> ColumnElement[str]:
    return literal_column(text, Text())


async def read(tx: Transaction, question: Question, given: Json | None = None) -> list[Delivery]:
    rows = await tx.plain(question.rows if tx.postgres else question.columns, given)
    # In a thread: there may be thousands, and whoever clicks meanwhile must not wait for them.
    if tx.postgres:
        return await asyncio.to_thread(_of_rows, rows) if rows else []
    return await asyncio.to_thread(_of_columns, *rows[0]) if rows[0][0] != "[]" else []


def _of_rows(rows: Sequence[tuple[Any, ...]]) -> list[Delivery]:
    numbers, ids, moments, emails, kinds, fields, crms = zip(*rows, strict=True)
    held = _read(f"[{','.join(fields)}]")
    return _made(numbers, ids, [each.astimezone(UTC) for each in moments], emails, kinds, held, crms)


def _of_columns(*columns: str) -> list[Delivery]:
    numbers, ids, moments, emails, kinds, held, crms = map(_read, columns)
    return _made(numbers, ids, list(map(datetime.fromisoformat, moments)), emails, kinds, held, crms)


def _read(text: str) -> Any:
    try:
        return _decoded(text)
    except msgspec.DecodeError:  # half a surrogate pair, and the like
        return json.loads(text)


def _made(numbers: Sequence[int], *columns: Sequence[Any]) -> list[Delivery]:
    """Tuples made as such: half of what calls cost."""
    new = tuple.__new__
    records = map(new, repeat(Touchpoint), zip(*columns, strict=True))
    return list(map(new, repeat(Delivery), zip(numbers, records, strict=True)))
