"""What messages tell that are about no outage, such as a login that ends soon. The words are the handlers'."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.words.connection import Json


@dataclass(frozen=True)
class EndingFacts:
    """One known date, as one channel hears of it.

    what: what ends, as bot/announce/dates.py names it. days: the nearest of the steps at which it is told, 30, 14, 7, 2 or 1.
    state: soon, renewed, lost (the alert tells of it), paused (nothing here needs it now) or passed.
    login and accounts are the platform's text, and empty where it is about the platform's app.
    """

    what: str
    at: datetime
    days: int
    state: str
    platform_name: str
    now: datetime
    login: str = ""
    accounts: tuple[str, ...] = ()
    renew_url: str = ""
    mentions: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()  # who is called where none of them is there
    renewed_by: str = ""
    next_at: datetime | None = None  # renewed: when it ends now, where that is known

    @property
    def stamp(self) -> str:
        """What a reader would notice a change of."""
        told = (self.state, self.days, self.renewed_by, self.next_at and self.next_at.date(), *self.accounts)
        ended = ("over",) if self.over and self.state in {"lost", "paused"} else ()
        return "|".join(map(str, (*told, *ended)))

    @property
    def idle(self) -> bool:
        """Where nothing was posted yet, there is nothing to post."""
        return self.state != "soon"

    @property
    def over(self) -> bool:
        """What is paused or lost may come back until its day."""
        return self.state in {"renewed", "passed"} or self.now >= self.at


@dataclass(frozen=True)
class EndingsFacts:
    """Several logins that end on one day, in one channel. Each line is one of them; who is called stands here."""

    lines: tuple[EndingFacts, ...]
    days: int
    connections_url: str
    mentions: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()

    @property
    def soon(self) -> tuple[EndingFacts, ...]:
        """Those that somebody should still renew."""
        return tuple(line for line in self.lines if line.state == "soon")

    @property
    def stamp(self) -> str:
        return f"{self.days} " + " / ".join(line.stamp for line in self.lines)

    @property
    def idle(self) -> bool:
        return not self.soon

    @property
    def over(self) -> bool:
        return all(line.over for line in self.lines)


@dataclass(frozen=True)
class BlindFacts:
    """Nobody watched for a while. `watched`: connections that are looked at since; `checked`: those done; `lost`: those that
    need attention now.
    """

    since: datetime
    until: datetime
    watched: int
    checked: int
    lost: int

    @property
    def stamp(self) -> str:
        return f"{self.over}|{self.watched}|{self.lost}"

    @property
    def idle(self) -> bool:
        """Where nothing is connected, nothing was missed."""
        return not self.watched

    @property
    def over(self) -> bool:
        return self.checked >= self.watched


@dataclass(frozen=True)
class LeaverLine:
    """One login. state: rests (on whoever left), moved (to another login, or given anew by somebody else), off."""

    state: str
    platform_name: str
    login: str
    accounts: tuple[str, ...]
    renew_url: str


@dataclass(frozen=True)
class LeaverFacts:
    """Somebody who has left Slack, and what rests on their logins in one channel. `name` is empty where nobody told it."""

    name: str
    lines: tuple[LeaverLine, ...]
    connections_url: str
    mentions: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()

    @property
    def stamp(self) -> str:
        return "|".join(f"{line.state} {line.login} {len(line.accounts)}" for line in self.lines)

    @property
    def idle(self) -> bool:
        return not any(line.state == "rests" for line in self.lines)

    @property
    def over(self) -> bool:
        return self.idle


STRIP_DAYS = 30


@dataclass(frozen=True)
class DigestOutage:
    """One outage of the week. state: open, or as the outage has it. `lost` is its receipt's."""

    platform_name: str
    accounts: tuple[str, ...]
    down: timedelta
    state: str
    by: str
    lost: Json
    url: str


@dataclass(frozen=True)
class DigestEnding:
    """A known date to come; `login` is empty where it is about the platform's app."""

    what: str
    platform_name: str
    login: str
    at: datetime


@dataclass(frozen=True)
class Strip:
    """The last days of one connection, oldest first: red, amber, green, or none where it was not connected yet."""

    name: str
    platform_name: str
    tones: tuple[str, ...]

    @property
    def red(self) -> int:
        return self.tones.count("red")


@dataclass(frozen=True)
class DigestFacts:
    """A week. `more`: outages beyond those listed; `connections`: how many there are, strips or not."""

    since: datetime
    until: datetime
    outages: tuple[DigestOutage, ...]
    endings: tuple[DigestEnding, ...]
    strips: tuple[Strip, ...]
    connections: int
    url: str
    more: int = 0
    idle = False
    over = True

    @property
    def stamp(self) -> str:
        return self.until.isoformat()


@dataclass(frozen=True)
class PlatformDownFacts:
    """A platform that answers nobody. `waiting`: connections of one channel; `back_at`: its first good answer since then.
    `in_thread`: it is the reply that says so.
    """

    platform_name: str
    since: datetime
    waiting: int
    back_at: datetime | None = None
    in_thread: bool = False

    @property
    def stamp(self) -> str:
        return f"{self.over}|{self.waiting}"

    @property
    def idle(self) -> bool:
        """It came back before anybody was told."""
        return self.over and not self.in_thread

    @property
    def over(self) -> bool:
        return self.back_at is not None


class _WellOrNot:
    """Told once when it is not well, and once more when it is."""

    well: bool

    @property
    def stamp(self) -> str:
        return str(self.well)

    @property
    def idle(self) -> bool:
        return self.well

    @property
    def over(self) -> bool:
        return self.well


@dataclass(frozen=True)
class EndpointFacts(_WellOrNot):
    """A receiver of webhooks was switched off. `why` is ours; `well`: it takes them again, or is not subscribed any more."""

    name: str
    why: str
    well: bool


@dataclass(frozen=True)
class MutedFacts(_WellOrNot):
    """Slack does not renew the bot's own token, which lives `until` then. `well`: it has done so since."""

    until: datetime
    well: bool


@dataclass(frozen=True)
class BorrowedFacts:
    """Accounts that `who` had watched through somebody else's login."""

    who: str
    login: str
    platform_name: str
    accounts: tuple[str, ...]
    stamp = ""
    idle = False
    over = True


@dataclass(frozen=True)
class StandstillFacts:
    """The database takes nothing that is written, since then; or `over`: it does again."""

    since: datetime | None
    over: bool
    stamp = ""
    idle = False


Announced = (
    EndingFacts
    | EndingsFacts
    | BlindFacts
    | LeaverFacts
    | DigestFacts
    | PlatformDownFacts
    | EndpointFacts
    | BorrowedFacts
    | MutedFacts
    | StandstillFacts
)
