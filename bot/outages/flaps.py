"""Flaps: what drops again soon after it was caught up keeps its outage and its message, and a restless one is told once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.memory.memory import Tx
from bot.words.connection import Connection, Event, Outage, Reach
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured

SAME_OUTAGE = timedelta(hours=24)  # a drop this soon after "caught up" is the same story going on
SETTLED = timedelta(minutes=5)  # a restless outage must hold a state this long before the thread is told


async def reopen(
    tx: Tx,
    reach: Reach,
    connections: Sequence[Connection],
    error: AuthorizationLost | AccessDenied | Misconfigured,
    now: datetime,
) -> bool:
    """Go on with the outage that these connections were caught up from lately. False: there is none.

    Its message turns red where it stands; nobody gets a second one to look after.
    """
    ids = [c.id for c in connections]
    before = await tx.outages.lately_caught_up(ids, reach, now - SAME_OUTAGE)
    if before is None:
        return False
    remedy, grant_id = type(error).__name__, connections[0].grant_id
    await tx.outages.reopen(before.id, ids, grant_id, connections[0].login, error.cause, remedy)
    revision = await tx.outages.event(before.id, Event(now, "dropped", "", error.cause.code))
    await tx.outbox.say_message(before.id, revision, now)
    outage = await tx.outages.get(before.id)
    assert outage is not None
    await tx.outbox.unsay(outage.id, "caught_up")
    await tx.outbox.say_reply(outage.id, "reopened", revision, {}, _when(outage, now))
    return True


async def recovering(tx: Tx, outage: Outage, revision: int, who: str, now: datetime) -> None:
    """The thread hears of a recovery, unless the outage is restless: then only of the state it settles in."""
    if outage.restless:
        await tx.outbox.unsay(outage.id, "reopened")
    else:
        await tx.outbox.say_reply(outage.id, "reauthorized", revision, {"who": who}, now)


async def caught_up(tx: Tx, outage: Outage, revision: int, now: datetime) -> None:
    await tx.outbox.say_reply(outage.id, "caught_up", revision, {}, _when(outage, now))


def _when(outage: Outage, now: datetime) -> datetime:
    return now + SETTLED if outage.restless else now
