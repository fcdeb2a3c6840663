"""What other programs can subscribe to: what a webhook says, and which events of an outage it is said for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.words.connection import Connection, Event, Json, Outage
from bot.words.listing import outage_fields, stamp


class Happening(StrEnum):
    """The types of webhooks. `reopened`: lost again, while it caught up or soon after. `closed`: it ended unconfirmed."""

    OPENED = "outage.opened"
    REOPENED = "outage.reopened"
    REAUTHORIZED = "outage.reauthorized"
    CAUGHT_UP = "outage.caught_up"
    CLOSED = "outage.closed"
    EXPIRING = "connection.expiring"


TEST = "webhook.test"  # what `redkey webhooks test` sends; nobody need subscribe to it

_OF_EVENT = {
    "dropped": Happening.REOPENED,
    "reopened": Happening.REOPENED,
    "reauthorized": Happening.REAUTHORIZED,
    "caught_up": Happening.CAUGHT_UP,
    "paused": Happening.CLOSED,
    "removed": Happening.CLOSED,
}


@dataclass(frozen=True)
class Subscriptions:
    """Which endpoint hears of what, by its name. `public_url` is where the links in a webhook lead."""

    endpoints: Mapping[str, frozenset[str]] = field(default_factory=dict)
    public_url: str = ""

    def to(self, happening: Happening) -> list[str]:
        return [name for name, wanted in self.endpoints.items() if happening.value in wanted]


NOBODY = Subscriptions()


@dataclass(frozen=True)
class Happened:
    """One webhook: its id, the same for every endpoint and attempt, and what it says."""

    id: str
    type: Happening
    body: Json


def happened(outage: Outage, revision: int, public_url: str) -> Happened | None:
    """What this line of an outage's timeline is to other programs; None for what is nobody's business."""
    event = outage.timeline[revision - 1]
    kind = _kind(event, revision, outage)
    if kind is None:
        return None
    data = {**outage_fields(outage), "revision": revision, "reauthorize_url": f"{public_url}/reauthorize/{outage.id}"}
    return Happened(f"{outage.id}_{revision}", kind, said(kind, event.at, data))


def expiring(connections: Sequence[Connection], ends_at: datetime, url: str, now: datetime) -> Happened:
    """Their login ends by itself soon. Renewing any of them renews it."""
    first = connections[0]
    told = [{"id": c.id, "account": c.account.id, "name": c.account.name} for c in connections]
    data: Json = {"platform": first.platform, "login": first.login, "connections": told}
    data |= {"expires_at": stamp(ends_at), "reauthorize_url": f"{url}/reauthorize/{first.id}"}
    key = f"{first.grant_id}_ends_{ends_at:%Y%m%d}"
    return Happened(key, Happening.EXPIRING, said(Happening.EXPIRING, now, data))


def said(kind: str, at: datetime, data: Json) -> Json:
    """The body, as Standard Webhooks proposes it."""
    return {"type": str(kind), "timestamp": stamp(at), "data": data}


def _kind(event: Event, revision: int, outage: Outage) -> Happening | None:
    if event.what == "disconnected" and revision == 1:  # later ones say only that its cause has changed
        return Happening.OPENED
    kind = _OF_EVENT.get(event.what)
    if kind is Happening.CLOSED and outage.closed_at is None:  # others of the outage's accounts are still lost
        return None
    return kind
