"""What a person may ask for: lists, a check, a claim, a pause. Every answer is facts; the words are the handlers'."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from bot.memory.routes import Route
from bot.words.connection import Account, Connection, Flow, Outage
from bot.words.facts import CheckAnswer, ConnectionFacts, Freshness, OutageFacts
from bot.words.freight import CostRow, Touchpoint


class NotFound(Exception):
    """There is no such connection, outage or platform; the text names what was asked for."""


class NoConnection(NotFound):
    """There is none with that id, or not any more."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"there is no connection {connection_id}")


class LoginEnd(StrEnum):
    """What became of the login of a removed connection."""

    REVOKED = "revoked"  # it is ended at its platform too
    SHARED = "shared"  # other connections need it
    FORGOTTEN = "forgotten"  # the platform takes no login back: it is only forgotten here
    DEAD = "dead"  # it had stopped working: nothing is tried with it again


@dataclass(frozen=True)
class Removed:
    """A connection that was taken out, and what became of its login."""

    facts: ConnectionFacts
    login: LoginEnd


@dataclass(frozen=True)
class RouteFacts:
    """Where alerts of a platform, or of one connection, go, and who is asked first; `made` is what people chose in Slack."""

    platform: str
    platform_name: str
    connection: ConnectionFacts | None
    channel: str
    owners: tuple[str, ...]
    made: Route | None = None


@dataclass(frozen=True)
class Reachable:
    """A login that is here, and the accounts it reaches that nobody watches yet."""

    grant_id: str
    login: str
    accounts: tuple[Account, ...]


class Desk(Protocol):
    """What handlers/slack and the commands call. `who` is a Slack user id, or a name from the command line."""

    async def connections(self) -> list[ConnectionFacts]: ...
    async def connection(self, connection_id: str) -> ConnectionFacts:
        """One of them. Raises NotFound."""

    async def outages(self, *, open_only: bool = False) -> list[OutageFacts]: ...
    async def outage(self, outage_id: str) -> OutageFacts | None: ...
    async def past(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Outage]:
        """Outages, open and past, newest first; `after`: when the last one of the page before opened, and its id."""

    def platforms(self) -> dict[str, str]:
        """Key -> name of every platform that is switched on."""

    async def connect_link(self, platform: str, asked_by: str) -> str:
        """A one-time link that connects a new login. Raises NotFound, naming the platforms there are."""

    async def reachable(self, platform: str) -> list[Reachable]:
        """The living logins of a platform, each with the accounts that could be watched too."""

    async def watch(self, grant_id: str, account_ids: Sequence[str], who: str) -> list[ConnectionFacts]:
        """Watch these accounts through that login. Raises NotFound for a login that is lost, or accounts it does not reach."""

    async def check(self, connection_id: str | None = None) -> list[CheckAnswer]:
        """Probe now and wait for the answers. Raises NotFound."""

    async def claim(self, outage_id: str, who: str) -> OutageFacts:
        """Say that this person takes care of it. Raises NotFound."""

    async def snooze(self, outage_id: str, who: str, until: datetime) -> OutageFacts:
        """Until then, but not into the last day on which the missing days can be had. Raises NotFound."""

    async def pause(self, connection_id: str, who: str) -> ConnectionFacts:
        """Switch off: no probes, no transfers, no alerts; everything is kept. Raises NotFound."""

    async def resume(self, connection_id: str, who: str) -> ConnectionFacts: ...
    async def remove(self, connection_id: str, who: str) -> Removed:
        """Take it out for good; its history stays. Connecting the account again brings it back. Raises NotFound."""

    async def route(self, platform: str, connection_id: str = "") -> RouteFacts:
        """Of one connection, or, without one, of a platform. Raises NotFound."""

    async def reroute(self, platform: str, connection_id: str, to: Route, who: str) -> RouteFacts:
        """`to` says channel and owners; one that says neither gives the settings their say back. Raises NotFound."""

    async def ask_guest(self, outage_id: str, who: str, *, same_login: bool) -> str:
        """A link for somebody outside Slack, for this outage alone. Raises NotFound for one that is over."""

    async def take_back(self, link_id: str, who: str) -> bool:
        """False if that link was used or over already."""

    async def left(self, who: str, name: str, email: str) -> None:
        """This person's Slack account is deactivated. `email` is empty where Slack does not tell it."""

    async def newest_click(self, subject: str, clicked_micros: int) -> bool:
        """True for exactly one caller, and only if no later click on this subject was handled already."""


@dataclass(frozen=True)
class StartPage:
    """What the page behind a Reauthorize button shows. `outage` is None for a healthy connection that may be renewed.

    `ref` is the one to post to: an old or closed outage's link leads on to the current one.
    """

    ref: str
    platform: str
    platform_name: str
    login: str
    accounts: tuple[Account, ...]
    outage: OutageFacts | None = None
    closed: OutageFacts | None = None  # the outage the link was made for, when that one is over


@dataclass(frozen=True)
class ConnectPage:
    """What the page behind a connect link shows: first the way to the platform, after the consent the accounts."""

    token: str
    platform: str
    platform_name: str
    login: str = ""
    accounts: tuple[Account, ...] = ()  # empty before the consent
    watched: frozenset[str] = frozenset()  # account ids that are connected already
    stopped: tuple[Flow, ...] = ()  # flows that will not run, because their permissions were not given


@dataclass(frozen=True)
class GuestPage:
    """What somebody outside Slack sees who was asked to log in: the platform and the accounts, no more."""

    token: str
    platform: str
    platform_name: str
    accounts: tuple[Account, ...]


@dataclass(frozen=True)
class Begun:
    """A consent has begun: send the browser to `url` and let it keep `browser` in the state cookie."""

    url: str
    browser: str = field(repr=False)


class Ending(StrEnum):
    """How a trip to the consent page ended."""

    RESTORED = "restored"
    PARTLY = "partly"  # some accounts of the outage came back, this login does not reach the others
    ALREADY = "already"  # someone else was quicker
    WRONG_ACCOUNT = "wrong_account"
    DECLINED = "declined"  # the person said no; nothing has changed
    CHOOSE = "choose"  # a new login: choose the accounts to watch
    UNKNOWN = "unknown"  # no such state, used, expired or another browser's
    FAILED = "failed"  # the platform did not answer properly; nothing has changed, try again


@dataclass(frozen=True)
class Outcome:
    """What the result page tells. All names in it are the platform's text."""

    ending: Ending
    platform: str
    platform_name: str
    used_login: str = ""
    expected_login: str = ""
    accounts: tuple[Account, ...] = ()  # restored; for WRONG_ACCOUNT the expected ones
    missing: tuple[Account, ...] = ()
    who: str = ""  # ALREADY: who it was
    ref: str = ""  # where to try again
    why: str = ""
    stopped: tuple[Flow, ...] = ()  # flows that do not run, because their permissions were not given
    connect: ConnectPage | None = None


class Door(Protocol):
    """What the web pages call to let a login in."""

    async def start_page(self, ref: str) -> StartPage | None:
        """`ref` is an outage's or a connection's id; it carries no rights. Changes nothing."""

    async def begin(self, ref: str, who: str = "", *, another: bool = False) -> Begun:
        """Begin the consent; `another`: with any login but the one that is known. Raises NotFound."""

    async def connect_page(self, token: str) -> ConnectPage | None:
        """None for an unknown, used or expired link. Changes nothing."""

    async def connect(self, token: str) -> Begun:
        """Begin the consent for a new login. Raises NotFound."""

    async def choose(self, token: str, account_ids: Sequence[str]) -> list[ConnectionFacts]:
        """Watch these accounts of the new login. Raises NotFound for a used link or an account it does not reach."""

    async def guest_page(self, token: str) -> GuestPage | None:
        """None for a link that opens nothing any more. Changes nothing."""

    async def guest(self, token: str) -> Begun:
        """Begin the consent of somebody outside Slack. Raises NotFound."""

    async def finish(self, platform: str, params: Mapping[str, str], browser: str | None) -> Outcome:
        """The browser came back from the platform. Never raises for what a stranger may send."""


class Ledger(Protocol):
    """What the API reads and takes in."""

    async def accept(self, touchpoints: Sequence[Touchpoint]) -> tuple[int, int, int]:
        """(accepted, duplicates, waiting for a first CRM). Durable when it returns; all or nothing."""

    def costs(self, since: date | None, until: date | None) -> AsyncIterator[tuple[Connection, CostRow, bool]]:
        """Every cost row with its `complete` flag, in a stable order."""

    async def freshness(self, connection_id: str) -> Freshness:
        """Raises NotFound."""
