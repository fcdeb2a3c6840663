"""Which channel hears of a connection, and who is asked first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.connection import Connection


@dataclass(frozen=True)
class Route:
    """`[[routes]]`: a platform or one connection, the channel its alerts go to, the people mentioned in the first post."""

    platform: str = ""
    connection: str = ""
    channel: str = ""
    owners: tuple[str, ...] = ()
    escalate_to: str = ""
    escalate_after: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Routes:
    """A route for the connection outranks one for its platform; without either, the default channel."""

    default_channel: str
    routes: Sequence[Route] = ()

    def channel(self, connection: Connection) -> str:
        return next((r.channel for r in self._fitting(connection) if r.channel), self.default_channel)

    def channel_of(self, platform: str) -> str:
        """For what is about a platform as a whole."""
        own = (r.channel for r in self.routes if r.platform == platform and r.channel)
        return next(own, self.default_channel)

    def owners(self, connection: Connection) -> tuple[str, ...]:
        return next((r.owners for r in self._fitting(connection) if r.owners), ())

    def escalation(self, connection: Connection) -> tuple[str, timedelta]:
        """Whom to call when nobody has acted, and after how long; nobody: empty."""
        fitting = next((r for r in self._fitting(connection) if r.escalate_to), Route())
        return fitting.escalate_to, fitting.escalate_after

    def _fitting(self, connection: Connection) -> list[Route]:
        own = [r for r in self.routes if r.connection == connection.id]
        return own + [r for r in self.routes if not r.connection and r.platform == connection.platform]
