"""Marks: where each transfer must get to before we may say "caught up". Taken at the moment of reauthorization."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.memory.memory import Tx
from bot.outages.flaps import recovering
from bot.words.connection import Connection, Event, Flow, Json, Outage, Transfer
from bot.words.interfaces import AdTagger, Platform


def account_day(moment: datetime, time_zone: str) -> date:
    """The day it is in the account's own zone; an unknown zone counts as UTC."""
    try:
        return moment.astimezone(ZoneInfo(time_zone or "UTC")).date()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment.date()


def stopped_flows(platform: Platform, scopes: Sequence[str]) -> list[Flow]:
    """The flows whose scopes were not granted. Where the platform does not say what it granted, none."""
    if not scopes:
        return []
    return [flow for flow in platform.flows if not set(platform.needs.get(flow, ())) <= set(scopes)]


def running_flows(connection: Connection, platform: Platform) -> list[Flow]:
    """The flows that really run: tagging only where a person switched it on, and none whose scopes were not granted."""
    stopped = stopped_flows(platform, connection.scopes)
    wanted = [flow for flow in platform.flows if flow is not Flow.TAGGING or connection.autotagging]
    return [flow for flow in wanted if flow not in stopped]


def taggable(platform: Platform, scopes: Sequence[str], *, opted_in: bool) -> bool:
    """Whether new ads can get their parameters, should a person want that. Where it takes an opt-in, not before it."""
    waits = isinstance(platform, AdTagger) and bool(platform.by_hand) and not opted_in
    return not waits and Flow.TAGGING not in stopped_flows(platform, scopes)


def shown(connection: Connection, platform: Platform) -> Connection:
    """As people are to see it: the status never says autotagging where none can happen."""
    return replace(connection, taggable=taggable(platform, connection.scopes, opted_in=connection.opted_in))


async def begin_catch_up(
    tx: Tx, outage: Outage, connections: Sequence[Connection], platform: Platform, *, by: str, now: datetime
) -> None:
    """Turn an outage from lost to catching up: marks, status, timeline, message and thread reply, in one transaction.

    The marks stay where they are while traffic goes on, so new traffic cannot keep an outage open for ever.
    """
    await tx.outages.reauthorized(outage.id, by, now)
    enabled = {c.id: c for c in connections if c.enabled}
    transfers = await tx.transfers.of_connections(list(enabled))
    # Those of an earlier catch-up: whatever does not run any more is not waited for.
    await tx.transfers.clear_marks(outage.id)
    for transfer in transfers:
        connection = enabled[transfer.connection_id]
        if transfer.flow in running_flows(connection, platform):
            mark, total = await _mark(tx, connection, transfer, outage, now)
            await tx.transfers.mark(outage.id, connection.id, transfer.flow, mark, total)
    await tx.connections.set_catching_up(list(enabled), True)
    revision = await tx.outages.event(outage.id, Event(now, "reauthorized", by))
    await tx.outbox.say_message(outage.id, revision, now)
    await recovering(tx, outage, revision, by, now)


async def _mark(tx: Tx, connection: Connection, transfer: Transfer, outage: Outage, now: datetime) -> tuple[Json, int]:
    """The mark of one transfer, and how many days or records lie before it (0: not known before looking).

    Where the connection dropped again while it caught up, the mark reaches back as far as the one before, and `earlier` is
    what was moved until then: the receipt is about the whole outage.
    """
    before: Json = (transfer.mark or {}) if transfer.mark_outage == outage.id else {}
    earlier = before.get("earlier", 0) + transfer.done if before else 0
    if transfer.flow is Flow.COST:
        since = cost_since(transfer, connection, outage.dropped_at)
        since = min(since, date.fromisoformat(before["since"])) if before else since
        until = account_day(now, connection.account.time_zone)
        days = (until - since).days + 1
        return {"as_of": now.isoformat(), "since": since.isoformat(), "until": until.isoformat()}, days
    if transfer.flow is Flow.TAGGING:
        # Ads made since the last complete pass ran untagged too, although nobody had noticed the drop yet.
        begun = [moment for moment in (transfer.cursor.get("as_of"), before.get("since")) if moment]
        first_untagged = min([outage.dropped_at, *(datetime.fromisoformat(moment) for moment in begun)])
        return {"as_of": now.isoformat(), "since": first_untagged.isoformat(), "earlier": earlier}, 0
    top = await tx.touchpoints.top(connection.id)
    waiting = await tx.touchpoints.waiting(connection.id, through=top)
    after = (await tx.touchpoints.first_waiting(connection.id) or top + 1) - 1
    after = min(after, before.get("after", after))
    return {"as_of": now.isoformat(), "after": after, "through": top, "earlier": earlier}, waiting


def cost_since(transfer: Transfer, connection: Connection, dropped_at: datetime) -> date:
    """The first account day whose cost is missing or not complete."""
    through = transfer.cursor.get("through")
    lost_day = account_day(dropped_at, connection.account.time_zone)
    if not through:
        return lost_day
    return min(date.fromordinal(date.fromisoformat(through).toordinal() + 1), lost_day)
