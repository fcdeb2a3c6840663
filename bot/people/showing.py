"""What the pages show: the connections in two tables, one connection in full. Facts only; the words are handlers/web's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from bot.memory.history import Down, UntaggedAd
from bot.words.connection import Connection, Flow, Kind, Outage
from bot.words.facts import OutageFacts

STRIP_DAYS = 90


@dataclass(frozen=True)
class Shown:
    """One connection with what its calendar knows of the last 90 days."""

    connection: Connection
    platform_name: str
    downs: tuple[Down, ...] = ()
    stopped: tuple[Flow, ...] = ()  # flows that do not run, because their permissions were not given


@dataclass(frozen=True)
class Sheet:
    """One page of one of the two tables."""

    kind: Kind
    rows: tuple[Shown, ...] = ()
    total: int = 0
    found: int = 0
    red: int = 0
    page: int = 1
    pages: int = 1


@dataclass(frozen=True)
class CostDay:
    """Cost of one account day. `missed`: an outage lay over it, so that it was recovered, is missing, or is lost. `late`:
    that outage is not confirmed caught up, so what we hold may be what came before it, and not all of the day.
    """

    day: date
    micros: int | None  # None: we hold nothing for it
    missed: bool = False
    late: bool = False


@dataclass(frozen=True)
class ConnectionPage:
    """Everything the page of one connection tells. Where a part does not exist on this platform, it is None."""

    shown: Shown
    now: datetime
    channel: str
    outages: tuple[Outage, ...] = ()
    costs: tuple[CostDay, ...] | None = None
    waiting: int | None = None
    set_aside: int = 0
    untagged: tuple[UntaggedAd, ...] | None = None
    utm: str = ""  # the parameters in force; empty where ads cannot be tagged


@dataclass(frozen=True)
class Previewed:
    """Where one ad leads now, and where it would lead. `note`: why it would be left alone."""

    name: str
    before: str
    after: str
    note: str = ""


class TagDesk(Protocol):
    """How a connection tags its ads. Raises NotFound, and Refused for parameters that cannot be."""

    async def save(self, connection_id: str, *, autotagging: bool, utm: str) -> None: ...
    async def preview(self, connection_id: str, utm: str) -> list[Previewed]: ...


class Gallery(Protocol):
    """What the pages ask. Changes nothing."""

    def now(self) -> datetime: ...
    async def sheets(self, pages: Mapping[Kind, int], search: str = "") -> dict[Kind, Sheet]: ...
    async def connection(self, connection_id: str) -> ConnectionPage:
        """Raises NotFound."""

    async def untagged(self, connection_id: str) -> tuple[UntaggedAd, ...]:
        """All of them, for a download. Raises NotFound."""

    async def outage(self, outage_id: str) -> OutageFacts:
        """Raises NotFound."""
