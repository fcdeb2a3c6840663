"""Connections, outages and costs as plain values: what `--json`, the API and the cost export all show."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from bot.words.connection import Connection, Event, Outage
from bot.words.facts import ConnectionFacts, Freshness
from bot.words.freight import CostRow

Costs = AsyncIterator[tuple[Connection, CostRow, bool]]

COST_COLUMNS = (
    "platform",
    "connection",
    "account",
    "date",
    "campaign",
    "campaign_name",
    "ad_group",
    "ad",
    "currency",
    "cost_micros",
    "clicks",
    "impressions",
    "complete",
)
CHUNK = 64 * 1024  # characters gathered before a piece of an export is given on


def stamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, with a Z, as in the examples of the API."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def connection_item(facts: ConnectionFacts) -> dict[str, Any]:
    """One line of `redkey connections --json`. The status is in English whatever the language of the pages."""
    connection = facts.connection
    return {
        "id": connection.id,
        "platform": connection.platform,
        "kind": connection.kind.value,
        "account": connection.account.id,
        "name": connection.account.name,
        "login": connection.login,
        "status": connection.status.value,
        "enabled": connection.enabled,
        "authorized": connection.authorized,
        "autotagging": connection.autotagging,
        "channel": facts.channel,
        "checked_at": stamp(connection.checked_at),
        "last_data_at": stamp(connection.last_data_at),
        "expires_at": stamp(connection.expires_at),
        "outage": connection.outage_id,
    }


def outage_item(outage: Outage) -> dict[str, Any]:
    """One line of `redkey outages --json`."""
    return {**outage_fields(outage), "timeline": [_event_item(event) for event in outage.timeline]}


def outage_fields(outage: Outage) -> dict[str, Any]:
    """An outage without its timeline. The platform's own words about the cause stay inside."""
    return {
        "id": outage.id,
        "platform": outage.platform,
        "connections": list(outage.connection_ids),
        "cause": outage.cause.words,
        "cure": outage.cause.cure,
        "opened_at": stamp(outage.opened_at),
        "alerted_at": stamp(outage.alerted_at),
        "claimed_by": outage.claimed_by,
        "reauthorized_at": stamp(outage.reauthorized_at),
        "reauthorized_by": outage.reauthorized_by,
        "caught_up_at": stamp(outage.caught_up_at),
        "closed_at": stamp(outage.closed_at),
        "recovered": dict(outage.recovered),
        "lost": dict(outage.lost),
    }


def _event_item(event: Event) -> dict[str, Any]:
    return {"at": stamp(event.at), "what": event.what, "who": event.who}


def freshness_item(freshness: Freshness) -> dict[str, Any]:
    return {
        "connection": freshness.connection_id,
        "fresh": freshness.fresh,
        "status": freshness.status.value,
        "last_data_at": stamp(freshness.last_data_at),
        "why": freshness.why,
    }


def cost_item(connection: Connection, row: CostRow, *, complete: bool) -> dict[str, Any]:
    """One cost row under its column names; `cost_micros` is an integer."""
    return {
        "platform": connection.platform,
        "connection": connection.id,
        "account": connection.account.id,
        "date": row.day.isoformat(),
        "campaign": row.campaign,
        "campaign_name": row.campaign_name,
        "ad_group": row.ad_group,
        "ad": row.ad,
        "currency": row.currency,
        "cost_micros": row.cost_micros,
        "clicks": row.clicks,
        "impressions": row.impressions,
        "complete": complete,
    }


def cost_csv(costs: Costs) -> AsyncIterator[str]:
    """The export as CSV, piece by piece, with a header even when nothing follows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COST_COLUMNS)

    def write(item: dict[str, Any]) -> None:
        writer.writerow([cell(item[column]) for column in COST_COLUMNS])

    return _pieces(costs, buffer, write)


def cost_ndjson(costs: Costs) -> AsyncIterator[str]:
    """The export as one JSON object a line, piece by piece."""
    buffer = io.StringIO()

    def write(item: dict[str, Any]) -> None:
        buffer.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")

    return _pieces(costs, buffer, write)


async def _pieces(costs: Costs, buffer: io.StringIO, write: Callable[[dict[str, Any]], None]) -> AsyncIterator[str]:
    async for connection, row, complete in costs:
        write(cost_item(connection, row, complete=complete))
        if buffer.tell() >= CHUNK:
            yield _emptied(buffer)
    if buffer.tell():
        yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def cell(value: Any) -> Any:
    """A campaign called `=HYPERLINK(…)` must stay text when somebody opens the file in a spreadsheet.

    https://owasp.org/www-community/attacks/CSV_Injection. NDJSON gives every name exactly as it is.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
