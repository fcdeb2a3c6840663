"""Which deliveries were sent: all up to one number of each connection, but for those whose own row says otherwise.

Touchpoints go out in order, so what a push has sent is nearly always everything up to some number. That number is written
down, once for a whole push; a row is touched only where it is an exception:

    waiting     waits above the number, and was sent at or below it
    again       waits, wherever it stands: it was put off, passed over or lost
    set_aside   was refused
    sent        was sent later than those around it

Nothing can appear below the number afterwards, because numbers become visible in order (touchpoints.py).
"""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Date, ScalarSelect, TextClause, bindparam, func, or_, select, text

from bot.words.connection import Json
from storage.columns import UtcDateTime
from storage.freight import deliveries, sent_through
from storage.transaction import Transaction

WAITING, AGAIN, SENT, SET_ASIDE = "waiting", "again", "sent", "set_aside"

Of = str | ColumnElement[str]  # a connection's id, or the column that has it


def through(connection: Of) -> ScalarSelect[int]:
    """The number up to which all were sent."""
    highest = func.coalesce(func.max(sent_through.c.number), 0)
    mine = select(highest).where(sent_through.c.connection_id == connection)
    return mine.correlate_except(sent_through).scalar_subquery()


def of(connection: Of, state: Of) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return deliveries.c.connection_id == connection, deliveries.c.state == state


def fresh(connection: Of) -> tuple[ColumnElement[bool], ...]:
    """Those that wait and were never tried."""
    return *of(connection, WAITING), deliveries.c.number > through(connection)


def passed(connection: Of) -> tuple[ColumnElement[bool], ...]:
    """Those that were sent with all others up to the number."""
    return *of(connection, WAITING), deliveries.c.number <= through(connection)


def unsent(connection: Of) -> tuple[ColumnElement[bool], ...]:
    own = or_(deliveries.c.state != WAITING, deliveries.c.number > through(connection))
    return deliveries.c.connection_id == connection, deliveries.c.state != SENT, own


async def mark(tx: Transaction, connection_id: str, sent: Sequence[int], now: datetime) -> None:
    """These numbers, in order, were sent. Whatever waits among them and is not one of them goes on waiting."""
    first, last = sent[0], sent[-1]
    given: Json = {"connection": connection_id, "last": last}
    if last - first == len(sent) - 1:
        await tx.connection.execute(_LATE, {**given, "first": first, "now": now})
        await tx.connection.execute(_PASSED_OVER, {**given, "last": first - 1})
    else:
        numbers = list(sent) if tx.postgres else json.dumps(sent)
        await tx.connection.execute(_LATE_OF[tx.postgres], {**given, "first": first, "numbers": numbers, "now": now})
        await tx.connection.execute(_PASSED_OVER_BUT[tx.postgres], {**given, "numbers": numbers})
    await tx.connection.execute(_RAISED, {**given, "day": now.date()})


# One list for all: there are thousands, and as many parameters would take longer than the change.
_LISTED = {False: "(SELECT value FROM json_each(:numbers))", True: "(SELECT unnest(CAST(:numbers AS bigint[])))"}
_FRESH = f"""connection_id = :connection AND state = '{WAITING}' AND number <= :last AND number >
    (SELECT coalesce(max(number), 0) FROM sent_through WHERE connection_id = :connection)"""  # noqa: S608
_MOMENT = bindparam("now", type_=UtcDateTime())


def _late(among: str = "") -> TextClause:
    return text(
        f"""UPDATE deliveries SET state = '{SENT}', sent_at = :now, reason = '' WHERE connection_id = :connection
        AND state IN ('{AGAIN}', '{SET_ASIDE}') AND number BETWEEN :first AND :last {among}"""  # noqa: S608
    ).bindparams(_MOMENT)


def _passed_over(but: str = "") -> TextClause:
    return text(f"UPDATE deliveries SET state = '{AGAIN}' WHERE {_FRESH} {but}")  # noqa: S608


# The plus signs keep the databases from looking for each of the numbers by itself.
_LATE, _PASSED_OVER = _late(), _passed_over()
_LATE_OF = {postgres: _late(f"AND +number IN {listed}") for postgres, listed in _LISTED.items()}
_PASSED_OVER_BUT = {postgres: _passed_over(f"AND +number NOT IN {listed}") for postgres, listed in _LISTED.items()}
_RAISED = text(
    f"""INSERT INTO sent_through (connection_id, day, number)
    SELECT connection_id, :day, number FROM deliveries WHERE {_FRESH} ORDER BY number DESC LIMIT 1
    ON CONFLICT (connection_id, day) DO UPDATE SET number = excluded.number"""  # noqa: S608
).bindparams(bindparam("day", type_=Date()))
