"""Checks that are due, and what they found: the two statements that run for every connection all day long.

With a hundred thousand connections nothing else costs as much, so the statements are built once, go along an index, and
take and give a hundred rows at a time.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from bot.words.connection import Account, Checked, DueCheck
from bot.words.errors import AuthorizationLost
from storage.bulk import moment
from storage.columns import UtcDateTime
from storage.transaction import Transaction

HELD_FOR = timedelta(minutes=5)  # a check nobody finished is taken up again after this


async def claim_checks(tx: Transaction, now: datetime, limit: int, owner: str | None) -> list[DueCheck]:
    given = {"now": now, "until": now + HELD_FOR, "limit": limit, "owner": owner}
    rows = await tx.connection.execute(_CLAIM[tx.postgres], given)
    return [
        DueCheck(i, platform, Account(account, name, currency, zone, parent), grant, bool(authorized), generation)
        for i, platform, account, name, currency, zone, parent, grant, authorized, generation in rows
    ]


async def write_findings(tx: Transaction, found: Sequence[Checked], *, good: bool | None) -> None:
    """All of them count as ended when the first one did, moments before: so nothing that was asked for since is missed."""
    if not found:
        return
    ended = min(each.at for each in found)
    if tx.postgres:
        given: dict[str, Any] = {"ids": [c.id for c in found], "dates": [c.next_at for c in found]}
    else:
        given = {"found": json.dumps([(c.id, moment(c.next_at)) for c in found])}
    await tx.connection.execute(_WRITTEN[good, tx.postgres], given | {"ended": ended})


def _claim(*, postgres: bool) -> TextClause:
    """Claimed and read by one statement. On Postgres, rows that another claim has locked are skipped; SQLite has one writer
    at a time.
    """
    locked = "FOR UPDATE OF connections SKIP LOCKED" if postgres else ""
    aware = UtcDateTime()
    return text(
        f"""WITH picked AS (
            SELECT id FROM connections WHERE next_check_at <= :now AND enabled AND (authorized OR EXISTS (
                SELECT 1 FROM outage_connections JOIN outages ON outages.id = outage_connections.outage_id
                WHERE outage_connections.connection_id = connections.id
                AND outages.closed_at IS NULL AND outages.remedy <> :login))
            ORDER BY next_check_at LIMIT :limit {locked})
        UPDATE connections SET next_check_at = :until, check_owner = :owner WHERE id IN (SELECT id FROM picked)
        RETURNING id, platform, account_id, account_name, currency, time_zone, parent, grant_id, authorized,
            (SELECT generation FROM grants WHERE grants.id = connections.grant_id)"""  # noqa: S608 - nothing from outside
    ).bindparams(bindparam("now", type_=aware), bindparam("until", type_=aware), login=AuthorizationLost.__name__)


def _written(*more: str, postgres: bool) -> TextClause:
    one = "unnest(CAST(:ids AS text[]), CAST(:dates AS timestamptz[])) AS found (id, next_at)"
    other = """(SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS next_at
        FROM json_each(:found)) AS found"""
    noted = "".join(f"{name} = :ended, " for name in more)
    return text(
        f"""UPDATE connections SET {noted}check_owner = NULL, next_check_at =
            CASE WHEN connections.check_asked_at > :ended THEN connections.next_check_at ELSE found.next_at END
        FROM {one if postgres else other} WHERE connections.id = found.id"""  # noqa: S608 - nothing from outside is in it
    ).bindparams(bindparam("ended", type_=UtcDateTime()))


_CLAIM = {on_postgres: _claim(postgres=on_postgres) for on_postgres in (True, False)}
_NOTED = {True: ("checked_at", "last_good_at"), False: ("checked_at",), None: ()}
_WRITTEN = {
    (good, on_postgres): _written(*noted, postgres=on_postgres)
    for good, noted in _NOTED.items()
    for on_postgres in (True, False)
}
