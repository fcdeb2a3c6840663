"""Many rows of cost on their way into the table: by SQLite's executemany, or by Postgres' COPY.

They come by the million, and going through SQLAlchemy's types column by column would take longer than all else together.
Here each row is made ready for the driver in one go, and what repeats (names, ids, days) is made ready once.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

from bot.words.freight import CostRow
from storage.bulk import ESCAPES, ask_sqlite, copying, insert_many, moment
from storage.columns import storable
from storage.transaction import Transaction

ROWS_AT_ONCE = 5_000
_COLUMNS = (
    *("connection_id", "day", "campaign", "campaign_name", "ad_group", "ad", "currency"),
    *("cost_micros", "clicks", "impressions", "stored_at"),
)


async def load(tx: Transaction, connection_id: str, rows: Sequence[CostRow], now: datetime) -> None:
    """All of it in threads: whoever clicks meanwhile must not wait until thousands of rows are made ready."""
    if tx.postgres:
        async with copying(tx, "costs", ", ".join(_COLUMNS)) as copy:
            for some in _parts(rows):
                await copy.write(await asyncio.to_thread(_block, connection_id, some, now))
        return
    for some in _parts(rows):
        await ask_sqlite(tx, partial(_insert, connection_id=connection_id, rows=some, now=now))


def _insert(sql: sqlite3.Connection, connection_id: str, rows: Sequence[CostRow], now: datetime) -> None:
    stored_at = moment(now)
    day_of, clean = cache(_day), cache(storable)
    values = [
        (
            connection_id,
            day_of(r[0]),
            clean(r[1]),
            clean(r[2]),
            clean(r[3]),
            clean(r[4]),
            clean(r[5]),
            *r[6:],
            stored_at,
        )
        for r in rows
    ]
    insert_many(sql, "costs", values, _COLUMNS)


def _block(connection_id: str, rows: Sequence[CostRow], now: datetime) -> str:
    """https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: tabs between, backslashes before."""
    stored_at = now.isoformat()
    day_of, clean = cache(_day), cache(_escaped)
    return "".join(
        [
            f"{connection_id}\t{day_of(day)}\t{clean(campaign)}\t{clean(name)}\t{clean(group)}\t{clean(ad)}\t"
            f"{clean(currency)}\t{micros:d}\t{clicks:d}\t{impressions:d}\t{stored_at}\n"
            for day, campaign, name, group, ad, currency, micros, clicks, impressions in rows
        ]
    )


def _parts(rows: Sequence[CostRow]) -> Iterator[Sequence[CostRow]]:
    return (rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE))


def _day(day: Any) -> str:
    return str(day.isoformat())


def _escaped(words: str) -> str:
    return storable(words).translate(ESCAPES)
