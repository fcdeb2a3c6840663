"""The words of the product: connection, grant, transfer, outage, mark. Pure values; the status is derived here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn

Json = dict[str, Any]
RESTLESS = timedelta(hours=1)
SLACK = "slack"  # stands as the platform of one login: the bot's own, where its token rotates


class Kind(StrEnum):
    """What a platform is to its users: where money is spent, or where customers are kept."""

    ADS = "ads"
    CRM = "crm"


class Flow(StrEnum):
    """The three things a connection carries. A transfer is one flow of one connection."""

    COST = "cost"
    TAGGING = "tagging"
    TOUCHPOINTS = "touchpoints"


class Status(StrEnum):
    """What people see. Always derived from what is stored, never stored itself."""

    AUTHORIZATION_REQUIRED = "Authorization Required"
    DISCONNECTED = "Disconnected"
    CATCHING_UP = "Catching Up"
    CONNECTED_WITH_AUTOTAGGING = "Connected with Autotagging"
    CONNECTED = "Connected"


def status_of(*, enabled: bool, authorized: bool, autotagging: bool, catching_up: bool) -> Status:
    """A lost authorization outranks everything: even a paused connection needs a login before it can work again."""
    if not authorized:
        return Status.AUTHORIZATION_REQUIRED
    if not enabled:
        return Status.DISCONNECTED
    if catching_up:
        return Status.CATCHING_UP
    return Status.CONNECTED_WITH_AUTOTAGGING if autotagging else Status.CONNECTED


@dataclass(frozen=True)
class Secret:
    """A string that must not be seen. Only `reveal` gives it, so a log line or a traceback cannot."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


@dataclass(frozen=True)
class TokenSet:
    """A checked token response. `kept` holds the non-secret fields a platform asked to keep (Salesforce: instance_url)."""

    access_token: Secret
    refresh_token: Secret | None = None
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Identity:
    """Who consented: the platform's stable id, and the login name a person would recognise."""

    id: str
    login: str


@dataclass(frozen=True)
class Account:
    """One account a login can reach: a Google customer, a Salesforce org. `parent` is the manager it is reached
    through.
    """

    id: str
    name: str
    currency: str = ""
    time_zone: str = "UTC"
    parent: str = ""


@dataclass(frozen=True)
class Grant:
    """One person's consent on one platform, without its tokens. `generation` counts token changes: compare, then swap."""

    id: str
    platform: str
    identity: Identity
    generation: int
    scopes: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    refreshed_at: datetime | None = None
    refresh_started_at: datetime | None = None  # an intent: a refresh began and its result was never stored
    lost_at: datetime | None = None
    refreshable: bool = False  # there is a refresh token, so the access token's end is nobody's business
    authorized_by: str = ""  # the Slack user who gave it last, where that is known

    @property
    def ends_at(self) -> datetime | None:
        """When a person must have logged in again, where that is known. `Connection.expires_at` is the same."""
        return self.refresh_expires_at if self.refreshable else self.expires_at


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A connection whose check was claimed: only what looking at it takes, as there may be thousands.

    `generation`: its login's when it was claimed, so that a refusal of older tokens is known for what it is.
    """

    id: str
    platform: str
    account: Account
    grant_id: str
    authorized: bool
    generation: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check found, and when the next one is due."""

    id: str
    at: datetime
    next_at: datetime
    good: bool | None
    """None: it had no turn, so nothing is known, and it counts as not checked."""


@dataclass(frozen=True)
class Connection:
    """One account reached through a grant. Its id, history and settings survive every reauthorization."""

    id: str
    platform: str
    kind: Kind
    account: Account
    grant_id: str
    login: str
    enabled: bool
    authorized: bool
    autotagging: bool
    catching_up: bool
    utm: str = ""
    scopes: tuple[str, ...] = ()  # what its grant was given; empty where the platform does not say
    checked_at: datetime | None = None
    last_good_at: datetime | None = None
    last_data_at: datetime | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None
    outage_id: str | None = None
    taggable: bool = True  # False: its permission to tag was not given, or nobody has opted in where somebody must
    opted_in: bool = False  # its ads may be made anew for their tags, where that is the only way
    previewed_at: datetime | None = None  # when somebody last saw what tagging would do
    removed_at: datetime | None = None  # a person took it out; the row stays for the history

    @property
    def status(self) -> Status:
        return status_of(
            enabled=self.enabled,
            authorized=self.authorized,
            autotagging=self.autotagging and self.taggable,
            catching_up=self.catching_up,
        )


@dataclass(frozen=True)
class Transfer:
    """One flow of one connection. `fence` is the claim: a save with an older fence is refused.

    cursor: what has been moved for certain. cost: {"through": account day, "as_of": UTC instant the pass began};
    tagging: {"as_of": UTC instant}; touchpoints: {"through": delivery number}.
    notes: what a platform must remember across a crash (the id of a running bulk job).
    mark: where the transfer must get to before we may say "caught up"; None outside a catch-up.
    """

    connection_id: str
    flow: Flow
    cursor: Json
    notes: Json
    fence: int
    attempts: int = 0
    mark: Json | None = None
    mark_outage: str | None = None
    done: int = 0
    total: int = 0
    passed_at: datetime | None = None
    verified_at: datetime | None = None


class Reach(StrEnum):
    """Whom an outage is about: everything a grant carries, or the one account that lost access."""

    GRANT = "grant"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Cause:
    """Why authorization was lost. `words` and `cure` are ours and translatable; `vendor` is the platform's own, hostile
    text.
    """

    code: str
    words: str
    cure: str
    vendor: str = ""


@dataclass(frozen=True)
class Event:
    """One line of an outage's timeline."""

    at: datetime
    what: str
    who: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Outage:
    """From the first sign of a drop to the confirmation."""

    id: str
    platform: str
    reach: Reach
    grant_id: str
    remedy: str  # the error's name: AuthorizationLost, AccessDenied or Misconfigured; it decides the first button
    cause: Cause
    opened_at: datetime
    revision: int
    login: str = ""
    last_good_at: datetime | None = None
    alerted_at: datetime | None = None
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    snoozed_until: datetime | None = None
    reauthorized_at: datetime | None = None
    reauthorized_by: str | None = None
    stalled_at: datetime | None = None
    caught_up_at: datetime | None = None
    closed_at: datetime | None = None
    recovered: Json = field(default_factory=dict)
    lost: Json = field(default_factory=dict)
    channel: str = ""
    ts: str | None = None
    storm: str | None = None  # the outage whose message tells of this one too, where many dropped at once
    connection_ids: tuple[str, ...] = ()
    timeline: tuple[Event, ...] = ()

    @property
    def dropped_at(self) -> datetime:
        """When the loss began that goes on now: an outage that was caught up and dropped again has more than one."""
        return max([self.opened_at, *(event.at for event in self.timeline if event.what == "dropped")])

    @property
    def restless(self) -> bool:
        """It dropped again within an hour of being caught up."""
        dropped: datetime | None = None
        for event in reversed(self.timeline):
            if event.what == "dropped":
                dropped = event.at
            elif event.what == "caught_up" and dropped is not None:
                return dropped - event.at < RESTLESS
        return False

    @property
    def state(self) -> str:
        """disconnected, claimed, catching_up, stalled, caught_up or paused: what the message shows."""
        if self.closed_at:
            return "caught_up" if self.caught_up_at else "paused"
        if self.reauthorized_at:
            return "stalled" if self.stalled_at else "catching_up"
        return "claimed" if self.claimed_by else "disconnected"


@dataclass(frozen=True)
class Consent:
    """One trip to a platform's consent page, begun by one browser."""

    id: str
    platform: str
    purpose: str  # "reauthorize" or "connect"
    ref: str  # outage or connection id; for connect, the link's id
    verifier: Secret | None
    created_at: datetime
    started_by: str = ""
