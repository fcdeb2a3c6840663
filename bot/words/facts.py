"""What is true about an outage right now, ready to be put into words. No Slack, no SQL, no sentences in here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.words.connection import Connection, Flow, Json, Kind, Outage, Status
from bot.words.loss import Loss

# Whether ads may be tagged: of a platform, the scopes given, and whether somebody has opted in.
Taggable = Callable[[str, Sequence[str], bool], bool]


@dataclass(frozen=True)
class AccountFact:
    """One account of an outage. `name` is the platform's text, so hostile until escaped."""

    connection_id: str
    account_id: str
    name: str
    status: Status


@dataclass(frozen=True)
class Progress:
    """How far one transfer has come towards its mark. total 0 means not known yet."""

    flow: Flow
    account: str
    done: int
    total: int
    passed: bool
    verified: bool


PAGE = 40  # logins that a storm's message lists, and each continuation in its thread
PAGES = 20  # continuations at most; a storm that is larger has a file of all


@dataclass(frozen=True)
class StormLine:
    """One outage as the digest of its storm lists it. `account` is the first one's name, of `accounts`."""

    outage_id: str
    login: str
    account: str
    accounts: int
    lost: bool
    over: bool


@dataclass(frozen=True)
class StormAccount:
    """One account of a storm, for whoever wants all of them. Its texts are the platform's."""

    outage_id: str
    login: str
    account_id: str
    account: str
    lost: bool
    over: bool


@dataclass(frozen=True)
class Storm:
    """All outages that one message tells of: how many, how many of them are lost, how many not over. `lines`: the first ones
    that are lost, or those of a page of its thread. `newest`: when the last one joined. `as_one`: as if all accounts that are
    still lost had one outage; once none goes on, its outage carries what came back and what did not, of all of them.
    """

    every: int
    lost: int
    going: int
    lines: tuple[StormLine, ...] = ()
    newest: datetime | None = None
    as_one: "OutageFacts | None" = None

    @property
    def overflows(self) -> bool:
        """Its thread has no room for all of them."""
        return self.every > PAGE * (PAGES + 1)


@dataclass(frozen=True)
class OutageFacts:
    """Everything the living message, the start page and the outage page tell.

    cost_since: the first account day whose cost is missing or incomplete; None when no cost flows here.
    untagged: new ads run without their UTM parameters while this lasts.
    waiting: touchpoints that wait for this connection now; None when none flow here.
    """

    outage: Outage
    platform_name: str
    kind: Kind
    accounts: tuple[AccountFact, ...]
    now: datetime
    start_url: str
    cost_since: date | None = None
    untagged: bool = False
    waiting: int | None = None
    progress: tuple[Progress, ...] = ()
    eta: timedelta | None = None
    mentions: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()  # who is called where none of `mentions` is there
    checked_at: datetime | None = None
    loss: Loss = field(default_factory=Loss)
    storm: Storm | None = None  # where this outage's message tells of a storm

    @property
    def living(self) -> bool:
        """Whether its message still tells of something that goes on."""
        return self.storm.going > 0 if self.storm else self.outage.closed_at is None

    @property
    def connections_url(self) -> str:
        return self.start_url.removesuffix(f"/reauthorize/{self.outage.id}") + "/connections"

    @property
    def fraction(self) -> float:
        """How much of the catch-up is done, 0 to 1; whole transfers count where rows cannot be counted."""
        if not self.progress:
            return 0.0
        parts = [1.0 if p.passed else (min(p.done / p.total, 1.0) if p.total else 0.0) for p in self.progress]
        return sum(parts) / len(parts)


@dataclass(frozen=True)
class ConnectionFacts:
    """One line of a list of connections."""

    connection: Connection
    platform_name: str
    channel: str
    reauthorize_url: str
    owners: tuple[str, ...] = ()
    stopped: tuple[Flow, ...] = ()
    """Flows that do not run, because their permissions were not given; the others do."""

    @property
    def page_url(self) -> str:
        return (
            self.reauthorize_url.removesuffix(f"/reauthorize/{self.connection.id}")
            + f"/connections/{self.connection.id}"
        )


@dataclass(frozen=True)
class CheckAnswer:
    """What a check found. problem is empty when the connection is alive."""

    connection: Connection
    problem: str = ""


@dataclass(frozen=True)
class Freshness:
    """Whether a connection's data may be relied on."""

    connection_id: str
    fresh: bool
    status: Status
    last_data_at: datetime | None
    why: str = ""


@dataclass(frozen=True)
class Reply:
    """One thread reply to be put into words: what happened, who did it, and the numbers that belong to it."""

    what: str  # claimed, reauthorized, caught_up, stalled, reopened, wrong_account, partly, declined
    who: str = ""
    detail: Json = field(default_factory=dict)
    revision: int | None = None  # the outage's revision it reports; None: the current one
