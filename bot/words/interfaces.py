"""What we need from a platform, and an authorized way to it. Everything here is implemented in platforms/."""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, SecretStr

from bot.words.connection import Account, Flow, Identity, Json, Kind, Secret, TokenSet
from bot.words.errors import RedkeyError, TryLater
from bot.words.freight import Ad, CostRow, Pushed, TagChange, Touchpoint
from bot.words.oauth import Inspection, OAuth, Tokens
from bot.words.pace import Quota

Clock = Callable[[], datetime]  # aware UTC


class PlatformSettings(BaseModel):
    """`[platforms.<file name>]`: what every platform has. A platform file extends it with its own keys and defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    authorize_url: str = ""
    token_url: str = ""
    revoke_url: str = ""
    api_url: str = ""
    client_secret_ends: date | None = None
    version_ends: date | None = None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole and size-capped. Only 2xx answers reach platform code, unless it asked for others."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    def json(self) -> Any:
        """Decode the body. Garbage where JSON was due is the platform's trouble, not a verdict: TryLater."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise TryLater(f"the answer was not JSON (HTTP {self.status})") from error

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Fetch(Protocol):
    """An already authorized HTTP call. A first 401 refreshes and repeats inside; errors come classified
    (bot/words/errors.py).
    """

    @property
    def kept(self) -> Mapping[str, str]:
        """Non-secret fields of the token response, such as instance_url. Empty before the first call."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[int] = (),
        authorized: bool = True,
    ) -> Answer:
        """A `url` that begins with / is completed by `Platform.base_url`.

        `accept`: non-2xx statuses the caller wants to read itself. `json` numbers may be int, str or Decimal-as-str only.
        `authorized` False: no token goes along, for download links, which are keys themselves and lead elsewhere.
        """


@dataclass(frozen=True)
class CostPage:
    """Rows of whole account days, in day order. `through`: every day up to and including it has now been given."""

    rows: Sequence[CostRow]
    through: date


@dataclass(frozen=True)
class TagResult:
    """What the platform said about one change; `problem` is empty when it was applied."""

    ad: str
    problem: str = ""


class Notes(Protocol):
    """What a platform must remember across a crash, such as the id of a running bulk job. Saved before it is relied on."""

    @property
    def value(self) -> Json: ...

    async def save(self, value: Json) -> None: ...


class Platform(ABC):
    """One platform: its OAuth as data, who and what a login reaches, how to read an error. One file each in platforms/."""

    key: ClassVar[str] = ""  # the file's name; set by discovery
    name: ClassVar[str]
    kind: ClassVar[Kind]
    flows: ClassVar[tuple[Flow, ...]]
    Settings: ClassVar[type[PlatformSettings]] = PlatformSettings
    quota: ClassVar[Quota | None] = (
        None  # calls it takes for each account, where that is a fixed number (bot/logins/turns.py)
    )

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        self.settings = settings
        self.now = now

    @property
    @abstractmethod
    def oauth(self) -> OAuth:
        """The OAuth data, with the operator's overrides applied."""

    def base_url(self, kept: Mapping[str, str]) -> str:
        """Where relative URLs given to `fetch` lead. Raises Misconfigured when `kept` names a foreign host."""
        return self.settings.api_url

    @property
    def version_ends(self) -> date | None:
        """When the API version in use is switched off, where that is set or announced."""
        return self.settings.version_ends

    @property
    def needs(self) -> Mapping[Flow, tuple[str, ...]]:
        """The scopes each flow needs. A flow whose scopes were not granted does not run; the others do."""
        return {}

    @abstractmethod
    async def identify(self, fetch: Fetch) -> Identity:
        """Say who consented, by the platform's stable id."""

    @abstractmethod
    async def accounts(self, fetch: Fetch) -> list[Account]:
        """List every account this login can reach, managers' clients included, managers themselves not."""

    @abstractmethod
    async def probe(self, fetch: Fetch, account: Account) -> None:
        """Make the cheapest call that proves this login still reaches this account."""

    @abstractmethod
    def read_error(self, answer: Answer) -> RedkeyError:
        """Classify an API answer that was not accepted. AuthorizationLost here means "try one refresh first"."""

    @abstractmethod
    def read_refusal(self, answer: Answer) -> RedkeyError:
        """Classify a token endpoint's answer that held no token. Only definite refusals are AuthorizationLost."""

    def read_inspection(self, answer: Answer) -> Inspection:
        """Read what `oauth.inspect` was answered. Raises as `read_refusal` does, garbage included."""
        raise NotImplementedError


class CostSource(ABC):
    """An ad platform that can tell what was spent."""

    restate_days: int  # how many past account days are re-read because the platform still changes them
    look_back_days: ClassVar[int]  # what lies further back is gone for good

    @abstractmethod
    def cost(self, fetch: Fetch, account: Account, since: date, until: date) -> AsyncIterator[CostPage]:
        """Give the cost per ad and account day, `since` to `until` inclusive, whole days, oldest first."""

    @abstractmethod
    async def cost_totals(self, fetch: Fetch, account: Account, since: date, until: date) -> dict[date, int]:
        """Ask the account's own total per day, in micros, by another query: the check against the source."""


class AdTagger(ABC):
    """An ad platform whose ads can carry UTM parameters."""

    tags_campaigns: ClassVar[bool] = False  # an Ad stands for a whole campaign here, and its id is the campaign's

    utm: str  # the default parameters, with the platform's own macros
    autotagging: bool  # whether new connections are tagged
    # Where tagging costs something: what a person can do instead, {} standing for the parameters. Then ads are only named
    # until somebody has opted in for the connection. `forbidden`: why nobody can; empty where they can.
    by_hand: ClassVar[str] = ""
    forbidden: str = ""
    domains: tuple[str, ...]  # our own domains; ads that lead elsewhere are left alone. Empty: every domain is ours

    @abstractmethod
    def ads(self, fetch: Fetch, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        """Give ads made or changed since then (None: all), paused ones included, removed ones not."""

    @abstractmethod
    async def tag(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        """Write the wanted suffixes. Repeating it is harmless."""


class TouchpointSink(ABC):
    """A CRM that takes touchpoints, keyed by their id, so that a repeat changes nothing."""

    @property
    def pauses_on_refusal(self) -> bool:
        """Whether a refused record stops the push there, instead of being set aside."""
        return False

    @abstractmethod
    def batch_size(self, waiting: int) -> int:
        """How many records to hand to one `push` when this many wait."""

    @abstractmethod
    def calls_for(self, records: int) -> int:
        """How many of the daily credits a push of so many records uses."""

    @property
    @abstractmethod
    def daily_credits(self) -> int:
        """Calls this product may spend per day; 0 means no cap of ours."""

    @abstractmethod
    async def push(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint], notes: Notes) -> Pushed:
        """Upsert by external id and report each record. Resumes the job in `notes` if it holds one for these records."""

    @abstractmethod
    async def find(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint]) -> set[str]:
        """Which of these ids the CRM holds: the check against the source."""


class Gateway(Protocol):
    """A platform with its wires: OAuth and authorized HTTP. Built by platforms/, one per platform that is switched on."""

    @property
    def platform(self) -> Platform: ...
    @property
    def rotates(self) -> bool: ...

    def consent_url(self, *, state: str, redirect_uri: str, verifier: Secret | None, login_hint: str = "") -> str: ...

    async def exchange(self, *, code: Secret, redirect_uri: str, verifier: Secret | None) -> TokenSet:
        """Trade the code for a checked token response. Raises Refused for a bad code, else as `refresh`."""

    async def refresh(self, refresh_token: Secret) -> TokenSet:
        """One refresh, never redirected, never repeated. Raises AuthorizationLost, Misconfigured, TryLater(unclear=…)."""

    async def revoke(self, token: Secret) -> None:
        """Revoke at the platform. Already invalid counts as done. Raises TryLater."""

    def fetch(self, tokens: Tokens) -> Fetch: ...
