"""What we remember: grants, connections, transfers, outages and what they carry, on SQLite or Postgres."""

import asyncio
from collections.abc import Callable, Sequence

from bot.memory.memory import Work
from bot.unloaded import stood_in
from bot.webhooks.happenings import NOBODY, Subscriptions
from bot.words.interfaces import Clock

# Before anything of ours asks for SQLAlchemy's connections: they bring its object mapper along, which we have no use for, and
# which takes six megabytes.
with stood_in("sqlalchemy.ext.asyncio.scoping", "sqlalchemy.ext.asyncio.session"):
    import sqlalchemy.ext.asyncio  # noqa: F401

from storage.database import Database, OnlyOne, refuse_damage, setup_faults
from storage.places import make_place, place_of
from storage.reseal import Resealed
from storage.sealing import Keys, new_key
from storage.sql_memory import SqlMemory, WakeUps
from storage.upgrade import upgrade

__all__ = ["Resealed", "SqlMemory", "make_place", "new_key", "open_memory", "place_of"]


async def open_memory(
    url: str,
    keys: Sequence[str],
    *,
    on_due: Callable[[set[Work]], None] | None,
    now: Clock,
    exclusive: bool = False,
    subscriptions: Subscriptions = NOBODY,
) -> SqlMemory:
    """Open the database of `database.url`, migrated to the newest version.

    subscriptions: which endpoints hear of what happens to outages.
    exclusive: this is `redkey run`, so nobody else may run on the same SQLite file. Other commands go beside it.
    Raises SetupError: one line that names the thing and the cure, and never a password.
    """
    ring = Keys(keys)
    database = Database(url)
    claim = None
    try:
        if exclusive and database.path is not None:
            with setup_faults(database):
                claim = OnlyOne(database.path)
            await asyncio.to_thread(refuse_damage, database.path, database.shown)
        await upgrade(database)
    except BaseException:
        await database.close()
        if claim is not None:
            claim.close()
        raise
    return SqlMemory(database, ring, on_due, now, claim, _wake_ups(database), subscriptions)


def _wake_ups(database: Database) -> WakeUps | None:
    """Imported where there can be several replicas only: it costs a start on SQLite a third of a second."""
    if database.path is not None:
        return None
    from storage import wake_ups  # noqa: PLC0415

    return wake_ups.Jobs(database.url)
