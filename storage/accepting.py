"""Touchpoints on their way into the tables, by the thousand: which are new, their rows, and their deliveries to each CRM.

SQLite does all of it in one visit to its thread. It tells what is new by the numbers of the rows: whoever writes is alone, so
each row above the last one is ours, in the order it was given. Postgres, where rows come in by COPY, is asked which ids are
known, and makes the deliveries of one list of ids.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from msgspec.json import Encoder
from sqlalchemy import text

from bot.words.freight import Touchpoint
from storage.bulk import ask_sqlite, copy_many, insert_many, moment
from storage.columns import as_json, storable
from storage.transaction import Transaction

AT_ONCE = 10_000  # touchpoints in one statement: more would not be quicker, only larger
COLUMNS = ("id", "occurred_at", "email", "fields")  # and, where they differ from row to row:
_DIFFERING = ("kind", "crm", "homeless")
_SECONDS = len("2026-11-23 09:00:00")
_encoder = Encoder()
Part = TypeVar("Part")

NUMBER = "SELECT value FROM counters WHERE name = 'deliveries'"
COUNT = "UPDATE counters SET value = :last WHERE name = 'deliveries'"
CRMS = "SELECT id, platform FROM connections WHERE kind = 'crm' AND removed_at IS NULL"
WAITING = "SELECT COUNT(*) FROM touchpoints WHERE homeless"
LAST_ROW = "SELECT COALESCE(MAX(rowid), 0) FROM touchpoints"
_INTO = "INSERT INTO deliveries (number, touchpoint_id, connection_id, state, attempts, due_at, reason) SELECT :last +"
_NEW = "id, :crm, 'waiting', 0, :now, '' FROM touchpoints WHERE rowid > :row"
DELIVER = f"{_INTO} rowid - :row, {_NEW} ORDER BY rowid"
DELIVER_FITTING = f"{_INTO} ROW_NUMBER() OVER (ORDER BY rowid), {_NEW} AND (crm IS NULL OR crm = :platform)"

_LOCKED_NUMBER, _COUNT, _CRMS, _WAITING = text(f"{NUMBER} FOR UPDATE"), text(COUNT), text(CRMS), text(WAITING)
_KNOWN = text("SELECT id FROM touchpoints WHERE id = ANY(ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))")
_DELIVER = text(
    "INSERT INTO deliveries (number, touchpoint_id, connection_id, state, attempts, due_at, reason) "
    "SELECT CAST(:last AS bigint) + n, id, :crm, 'waiting', 0, CAST(:now AS timestamp) AT TIME ZONE 'UTC', '' "
    "FROM json_array_elements_text(CAST(:ids AS json)) WITH ORDINALITY AS given (id, n)"
)


class _Rows(NamedTuple):
    """Touchpoints by column, as they are stored."""

    ids: Sequence[str]
    times: Sequence[str]
    emails: Sequence[str]
    fields: Sequence[str]
    kinds: Sequence[str]
    crms: Sequence[str | None]


async def take_in(tx: Transaction, given: Sequence[Touchpoint], now: datetime) -> tuple[int, int, int]:
    """(accepted, duplicates, waiting for a CRM). Of a repeated id the first one counts."""
    if tx.postgres:
        new = await _on_postgres(tx, given, moment(now)) if given else 0
        waiting = int((await tx.connection.execute(_WAITING)).scalar_one())
    else:
        new, waiting = await ask_sqlite(tx, partial(_on_sqlite, given, moment(now)))
    return new, len(given) - new, waiting


def _on_sqlite(given: Sequence[Touchpoint], at: str, sql: sqlite3.Connection) -> tuple[int, int]:
    new = _added(given, at, sql) if given else 0
    [(waiting,)] = sql.execute(WAITING)
    return new, waiting


def _added(given: Sequence[Touchpoint], at: str, sql: sqlite3.Connection) -> int:
    [(first,)], [(row,)] = sql.execute(NUMBER), sql.execute(LAST_ROW)
    crms = sql.execute(CRMS).fetchall()
    new, last = 0, first
    for some in _parts(given):
        rows = _rows(some)
        added = _insert(sql, rows, at, [platform for _, platform in crms])
        fits_all = {*rows.crms} == {None}
        for connection_id, platform in crms if added else ():
            which = {"row": row + new, "last": last, "crm": connection_id, "now": at}
            which |= {} if fits_all else {"platform": platform}
            last += sql.execute(DELIVER if fits_all else DELIVER_FITTING, which).rowcount
        new += added
    if last > first:
        sql.execute(COUNT, {"last": last})
    return new


def _insert(sql: sqlite3.Connection, rows: _Rows, at: str, platforms: Sequence[str]) -> int:
    """What is the same in all of them, as it mostly is, is handed over apart."""
    ids, times, emails, fields, kinds, crms = rows
    if len({*kinds}) == len({*crms}) == 1:
        same = {"kind": kinds[0], "crm": crms[0], "homeless": _homeless(crms[0], platforms), "accepted_at": at}
        values: Iterable[tuple[Any, ...]] = zip(ids, times, emails, fields, strict=True)
        return insert_many(sql, "touchpoints", list(values), COLUMNS, same, unless="id")
    homeless = [_homeless(crm, platforms) for crm in crms]
    values = zip(*rows, homeless, strict=True)
    return insert_many(sql, "touchpoints", list(values), (*COLUMNS, *_DIFFERING), {"accepted_at": at}, unless="id")


async def _on_postgres(tx: Transaction, given: Sequence[Touchpoint], at: str) -> int:
    # The lock comes first, so two calls never wait for each other's ids.
    last = int((await tx.connection.execute(_LOCKED_NUMBER)).scalar_one())
    crms = [(row.id, row.platform) for row in await tx.all(_CRMS)]
    new = 0
    for some in _parts(given):
        fresh = await _fresh(tx, _rows(some))
        for kind, crm in {row[len(COLUMNS) :] for row in fresh.values()}:
            homeless = _homeless(crm, [platform for _, platform in crms])
            same = {"kind": kind, "crm": crm, "accepted_at": at, "homeless": homeless}
            alike = [row[: len(COLUMNS)] for row in fresh.values() if row[len(COLUMNS) :] == (kind, crm)]
            await copy_many(tx, "touchpoints", alike, COLUMNS, same)
        for connection_id, platform in crms:
            ids = _as_list([row[0] for row in fresh.values() if row[-1] in (None, platform)])
            to = {"ids": ids, "crm": connection_id, "last": last, "now": at}
            last += (await tx.connection.execute(_DELIVER, to)).rowcount
        new += len(fresh)
    await tx.connection.execute(_COUNT, {"last": last})
    return new


async def _fresh(tx: Transaction, rows: _Rows) -> dict[str, tuple[Any, ...]]:
    """Those whose ids are not known, in the order they were given."""
    fresh: dict[str, tuple[Any, ...]] = {}
    for row in zip(*rows, strict=True):
        fresh.setdefault(row[0], row)
    for known in await tx.connection.scalars(_KNOWN, {"ids": _as_list(list(fresh))}):
        del fresh[known]
    return fresh


def _homeless(crm: str | None, platforms: Sequence[str]) -> bool:
    return not platforms if crm is None else crm not in platforms


def _as_list(ids: Sequence[str]) -> str:
    return _encoder.encode(ids).decode()


def _rows(some: Sequence[Touchpoint]) -> _Rows:
    ids, times, emails, kinds, fields, crms = zip(*some, strict=True)
    known = {word: storable(word) for word in {*kinds, *crms} - {None}}
    same = all(word == known[word] for word in known)
    return _Rows(
        _storable(ids),
        _moments(times),
        _storable(emails),
        _texts(fields),
        kinds if same else [known[kind] for kind in kinds],
        crms if same else [crm and known[crm] for crm in crms],
    )


def _storable(words: Sequence[str]) -> Sequence[str]:
    return words if "".join(words).isprintable() else [storable(each) for each in words]


def _moments(times: Sequence[datetime]) -> list[str]:
    """As `moment` writes them, all in one go: a tenth of what they cost one by one."""
    written = _encoder.encode(times).decode()
    if written.count("Z") < len(times):  # which only stands behind what is UTC
        return [moment(at) for at in times]
    spaced = written[len('["') : -len('"]')].replace("T", " ")
    if "." not in spaced:  # no fraction of a second in any
        return spaced.replace("Z", ".000000").split('","')
    split = spaced.replace("Z", "").split('","')
    return [at if len(at) > _SECONDS else f"{at}.000000" for at in split]


def _texts(fields: Sequence[Any]) -> list[str]:
    """What cannot be written quickly, such as half a surrogate pair, is written as everything else here."""
    try:
        return _encoder.encode_lines(fields).decode().split("\n")[:-1]
    except (TypeError, ValueError, OverflowError):
        return [as_json(each) for each in fields]


def _parts(given: Sequence[Part]) -> Iterator[Sequence[Part]]:
    return (given[start : start + AT_ONCE] for start in range(0, len(given), AT_ONCE))
