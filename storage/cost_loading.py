"""Many rows of cost on their way into the table: by SQLite's executemany, or by Postgres' COPY.

They come by the million, and going through SQLAlchemy's types column by column would take longer than all else together.
Here each row is made ready for the driver in one go, and what repeats (names, ids, days) is made ready once.
"""

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
    if tx.postgres:
        async with copying(tx, "costs", ", ".join(_COLUMNS)) as copy:
            for block in _blocks(connection_id, rows, now):
                await copy.write(block)
        return
    stored_at = moment(now)
    day_of, clean = cache(_day), cache(storable)
    for some in _parts(rows):
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
            for r in some
        ]
        await ask_sqlite(tx, partial(insert_many, table="costs", rows=values, columns=_COLUMNS))


def _blocks(connection_id: str, rows: Sequence[CostRow], now: datetime) -> Iterator[str]:
    """https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: tabs between, backslashes before."""
    stored_at = now.isoformat()
    day_of, clean = cache(_day), cache(_escaped)
    for some in _parts(rows):
        yield "".join(
            [
                f"{connection_id}\t{day_of(day)}\t{clean(campaign)}\t{clean(name)}\t{clean(group)}\t{clean(ad)}\t"
                f"{clean(currency)}\t{micros:d}\t{clicks:d}\t{impressions:d}\t{stored_at}\n"
                for day, campaign, name, group, ad, currency, micros, clicks, impressions in some
            ]
        )


def _parts(rows: Sequence[CostRow]) -> Iterator[Sequence[CostRow]]:
    return (rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE))


def _day(day: Any) -> str:
    return str(day.isoformat())


def _escaped(words: str) -> str:
    return storable(words).translate(ESCAPES)
