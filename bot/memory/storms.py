"""A storm: many logins lost at once. What is remembered of it is read and written by the hundred, not one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from bot.words.connection import Cause, Connection, Json, Outage
from bot.words.facts import Storm, StormAccount, StormLine


class StormRule(NamedTuple):
    """From `after` outages of one platform and channel within `window` on, further ones share one message."""

    after: int = 5
    window: timedelta = timedelta(seconds=30)


USUAL_STORM = StormRule()


@dataclass(frozen=True)
class LostLogin:
    """One that was lost just now, with its accounts that are on. From `after` outages on, it shares a message."""

    connections: Sequence[Connection]
    remedy: str
    cause: Cause
    last_good_at: datetime | None
    channel: str
    after: int


@dataclass(frozen=True)
class Opened:
    """An outage that began, and the one whose message tells of it."""

    outage_id: str
    platform: str
    cause: str
    storm: str | None

    @property
    def told_by(self) -> str:
        return self.storm or self.outage_id


class Storms(Protocol):
    async def lose(
        self, generations: Mapping[str, int], lately: datetime, now: datetime
    ) -> Mapping[str, Sequence[Connection]]:
        """Mark those of these logins lost, and their accounts unauthorized, of which no outage tells: none that is open, none
        that ended well since `lately`. Gives the accounts of each that are on. All others stay as they are.
        """

    async def open(self, lost: Sequence[LostLogin], window: timedelta, now: datetime) -> Sequence[Opened]:
        """One outage for each, with its first timeline line. Nothing tells of them yet: see `lose`."""

    async def gather(self, outage: Outage, after: int, window: timedelta, now: datetime) -> None:
        """From `after` outages of a platform and channel within the window on, further ones share one message."""

    async def told(self, outage_id: str, lines: int) -> Storm:
        """What this outage's message tells of: counts, and the first of those that are still lost."""

    async def lines(self, outage_id: str, first: int, most: int) -> Sequence[StormLine]:
        """Some of all of them, in a lasting order."""

    async def accounts(self, outage_id: str) -> Sequence[StormAccount]:
        """All of them, account by account."""

    async def losing(self, outage_id: str, most: int) -> list[str]:
        """The accounts, as connections, of a storm's logins that are still lost: the first ones."""

    async def receipts(self, outage_id: str) -> Sequence[tuple[Json, Json]]:
        """What came back and what did not, of each that has been caught up."""

    async def people(self, outage_id: str, limit: int) -> list[tuple[str, str]]:
        """(connection, who authorized its login last or "") of a storm's logins that are still lost, the first ones."""
