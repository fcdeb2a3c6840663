"""Touchpoints on their way into the tables, by the thousand: which are new, their rows, and their deliveries to each CRM.

One statement takes a whole batch: its ids go as one list, and the deliveries are made of that list by the database. What is
asked, one after the other, is told once for both databases; SQLite answers all of it in one visit to its thread.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from msgspec.json import Encoder
from sqlalchemy import TextClause, text

from bot.words.connection import Json
from bot.words.freight import Touchpoint
from storage.bulk import ask_sqlite, copy_many, insert_many, moment
from storage.columns import as_json, storable
from storage.transaction import Transaction

AT_ONCE = 10_000  # touchpoints in one statement: more would not be quicker, only larger
_COLUMNS = ("id", "occurred_at", "email", "fields")
_SECONDS = len("2026-11-23 09:00:00")
_encoder = Encoder()
Part = TypeVar("Part")


class _Both(NamedTuple):
    """One question as each database understands it."""

    sqlite: str
    postgres: TextClause


class _Ask(NamedTuple):
    question: _Both
    given: Json


class _Keep(NamedTuple):
    """Rows for the table of touchpoints, and what they have in common."""

    rows: list[tuple[Any, ...]]
    same: Json


_Steps = Generator[_Ask | _Keep, list[Any], tuple[int, int]]


def _both(sqlite: str, postgres: str = "") -> _Both:
    return _Both(sqlite, text(postgres or sqlite))


_NUMBER = "SELECT value FROM counters WHERE name = 'deliveries'"
_LAST = _both(_NUMBER, f"{_NUMBER} FOR UPDATE")
_COUNT = _both("UPDATE counters SET value = :last WHERE name = 'deliveries'")
_CRMS = _both("SELECT id, platform FROM connections WHERE kind = 'crm' AND removed_at IS NULL")
_KNOWN = _both(
    "SELECT id FROM touchpoints WHERE id IN (SELECT value FROM json_each(:ids))",
    "SELECT id FROM touchpoints WHERE id = ANY(ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))",
)
_INTO = "INSERT INTO deliveries (number, touchpoint_id, connection_id, state, attempts, due_at, reason) SELECT"
DELIVER = _both(
    f"{_INTO} :last + 1 + key, value, :crm, 'waiting', 0, :now, '' FROM json_each(:ids)",
    f"{_INTO} CAST(:last AS bigint) + n, id, :crm, 'waiting', 0, CAST(:now AS timestamp) AT TIME ZONE 'UTC', '' "
    "FROM json_array_elements_text(CAST(:ids AS json)) WITH ORDINALITY AS given (id, n)",
)


async def take_in(tx: Transaction, given: Sequence[Touchpoint], now: datetime) -> tuple[int, int]:
    """(accepted, duplicates)."""
    if tx.postgres:
        return await _on_postgres(tx, _steps(given, now))
    return await ask_sqlite(tx, partial(_on_sqlite, _steps(given, now)))


def _steps(given: Sequence[Touchpoint], now: datetime) -> _Steps:
    """What is asked, in this order."""
    # The lock comes first, so two calls never wait for each other's ids.
    [(last,)] = yield _Ask(_LAST, {})
    fresh = _by_id(given)
    for ids in _parts(list(fresh)):
        for (known,) in (yield _Ask(_KNOWN, {"ids": json.dumps(ids)})):
            del fresh[known]
    crms = yield _Ask(_CRMS, {})
    at = moment(now)
    for (kind, crm), alike in _alike(fresh).items():
        homeless = not crms if crm is None else all(crm != platform for _, platform in crms)
        same = {"kind": storable(kind), "crm": crm and storable(crm), "accepted_at": at, "homeless": homeless}
        for some in _parts(alike):
            yield _Keep(_rows(some), same)
    for connection_id, platform in crms:
        fitting = [id_ for id_, touchpoint in fresh.items() if touchpoint.crm in (None, platform)]
        for ids in _parts(fitting):
            yield _Ask(DELIVER, {"ids": json.dumps(ids), "crm": connection_id, "last": last, "now": at})
            last += len(ids)
    yield _Ask(_COUNT, {"last": last})
    return len(fresh), len(given) - len(fresh)


def _on_sqlite(steps: _Steps, sql: Any) -> tuple[int, int]:
    answer: list[Any] = []
    try:
        step = next(steps)
        while True:
            if isinstance(step, _Keep):
                insert_many(sql, "touchpoints", step.rows, _COLUMNS, step.same)
            else:
                answer = sql.execute(step.question.sqlite, step.given).fetchall()
            step = steps.send(answer)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def _on_postgres(tx: Transaction, steps: _Steps) -> tuple[int, int]:
    answer: list[Any] = []
    try:
        step = next(steps)
        while True:
            if isinstance(step, _Keep):
                await copy_many(tx, "touchpoints", step.rows, _COLUMNS, step.same)
            else:
                found = await tx.connection.execute(step.question.postgres, step.given)
                answer = list(found) if found.returns_rows else []
            step = steps.send(answer)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def _by_id(given: Sequence[Touchpoint]) -> dict[str, Touchpoint]:
    """In the order they were given; of a repeated id the first one counts."""
    fresh: dict[str, Touchpoint] = {}
    for id_, touchpoint in zip(_storable([touchpoint.id for touchpoint in given]), given, strict=True):
        fresh.setdefault(id_, touchpoint)
    return fresh


def _alike(fresh: dict[str, Touchpoint]) -> dict[tuple[str, str | None], list[tuple[str, Touchpoint]]]:
    """By their kind and the CRM they name. Of these there are a few, and mostly one."""
    every = list(fresh.items())
    found = {(touchpoint.kind, touchpoint.crm): every for touchpoint in fresh.values()}
    if len(found) > 1:
        found = {pair: [each for each in every if (each[1].kind, each[1].crm) == pair] for pair in found}
    return found


def _rows(some: Sequence[tuple[str, Touchpoint]]) -> list[tuple[Any, ...]]:
    ids, touchpoints = zip(*some, strict=True)
    _, times, emails, _, fields, _ = zip(*touchpoints, strict=True)
    return list(zip(ids, _moments(times), _storable(emails), _texts(fields), strict=True))


def _storable(words: Sequence[str]) -> Sequence[str]:
    return words if "".join(words).isprintable() else [storable(each) for each in words]


def _moments(times: Sequence[datetime]) -> list[str]:
    """As `moment` writes them, all in one go: a tenth of what they cost one by one."""
    if {at.tzinfo for at in times} != {UTC}:
        return [moment(at) for at in times]
    written = _encoder.encode(times).decode()[len('["') : -len('Z"]')].replace("T", " ").split('Z","')
    return [at if len(at) > _SECONDS else f"{at}.000000" for at in written]


def _texts(fields: Sequence[Any]) -> list[str]:
    """What cannot be written quickly, such as half a surrogate pair, is written as everything else here."""
    try:
        return _encoder.encode_lines(fields).decode().split("\n")[:-1]
    except (TypeError, ValueError, OverflowError):
        return [as_json(each) for each in fields]


def _parts(given: Sequence[Part]) -> Iterator[Sequence[Part]]:
    return (given[start : start + AT_ONCE] for start in range(0, len(given), AT_ONCE))
