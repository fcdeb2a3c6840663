"""Which channel hears of a connection, and who is asked first: what people chose in Slack, and what the settings say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, Self

from bot.words.connection import Connection


@dataclass(frozen=True)
class Route:
    """`[[routes]]`: a platform or one connection, the channel its alerts go to, the people mentioned in the first post."""

    platform: str = ""
    connection: str = ""
    channel: str = ""
    owners: tuple[str, ...] = ()
    escalate_to: str = ""
    escalate_after: timedelta = timedelta(days=1)
    made_by: str = ""  # a Slack user, of a route made in Slack
    made_at: datetime | None = None

    @property
    def empty(self) -> bool:
        return not (self.channel or self.owners or self.escalate_to)


class MadeRoutes(Protocol):
    """Routes that people made in Slack, one at most for each platform and for each connection."""

    async def all(self) -> list[Route]: ...
    async def put(self, route: Route, who: str, now: datetime) -> None:
        """In place of the one there was. An empty one takes it away."""


@dataclass(frozen=True)
class Routes:
    """A route for the connection outranks one for its platform, and of two alike the one made in Slack outranks the settings'.
    What a route leaves open the next one says; in the end there is the default channel.
    """

    default_channel: str
    routes: Sequence[Route] = ()
    made: Sequence[Route] = ()
    fallback: tuple[str, ...] = ()  # called where nobody who could fix it is known, or there

    def over(self, made: Sequence[Route]) -> Self:
        """With what people made in Slack."""
        return replace(self, made=made)

    @property
    def escalates(self) -> bool:
        return any(route.escalate_to for route in (*self.made, *self.routes))

    def channel(self, connection: Connection) -> str:
        return self.channel_of(connection.platform, connection.id)

    def owners(self, connection: Connection) -> tuple[str, ...]:
        return self.owners_of(connection.platform, connection.id)

    def channel_of(self, platform: str, connection_id: str = "") -> str:
        """Without a connection: of the platform's connections that have no route of their own."""
        fitting = self._fitting(platform, connection_id)
        return next((r.channel for r in fitting if r.channel), self.default_channel)

    def owners_of(self, platform: str, connection_id: str = "") -> tuple[str, ...]:
        return next((r.owners for r in self._fitting(platform, connection_id) if r.owners), ())

    def escalation(self, connection: Connection) -> tuple[str, timedelta]:
        """Whom to call when nobody has acted, and after how long; nobody: empty."""
        fitting = (r for r in self._fitting(connection.platform, connection.id) if r.escalate_to)
        found = next(fitting, Route())
        return found.escalate_to, found.escalate_after

    def made_for(self, platform: str, connection_id: str = "") -> Route | None:
        """What people made in Slack for exactly this."""
        return next((r for r in self.made if (r.platform, r.connection) == _subject(platform, connection_id)), None)

    def _fitting(self, platform: str, connection_id: str) -> list[Route]:
        every = [*self.made, *self.routes]
        own = [r for r in every if connection_id and r.connection == connection_id]
        return own + [r for r in every if not r.connection and r.platform == platform]


def _subject(platform: str, connection_id: str) -> tuple[str, str]:
    return ("", connection_id) if connection_id else (platform, "")
