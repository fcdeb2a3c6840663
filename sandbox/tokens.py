"""The nouns of the practice world's OAuth: people, apps, consents, codes and tokens, and why a server says no."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Problem(StrEnum):
    """Why a token endpoint refuses, before any vendor has put it in its own words."""

    MISSING_PARAMETER = "missing_parameter"
    UNSUPPORTED_GRANT = "unsupported_grant"
    UNKNOWN_CLIENT = "unknown_client"
    WRONG_SECRET = "wrong_secret"
    UNKNOWN_CODE = "unknown_code"
    EXPIRED_CODE = "expired_code"
    USED_CODE = "used_code"
    FOREIGN_CODE = "foreign_code"
    WRONG_REDIRECT = "wrong_redirect"
    MISSING_VERIFIER = "missing_verifier"
    WRONG_VERIFIER = "wrong_verifier"
    UNKNOWN_REFRESH = "unknown_refresh"
    FOREIGN_REFRESH = "foreign_refresh"
    REVOKED = "revoked"
    REUSED = "reused"
    PASSWORD_CHANGED = "password_changed"
    PUSHED_OUT = "pushed_out"
    IDLE = "idle"
    SESSION_ENDED = "session_ended"
    ACCOUNT_DELETED = "account_deleted"
    PERSON_LOCKED = "person_locked"
    UNKNOWN_TOKEN = "unknown_token"


class Refusal(Exception):
    """The server says no."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.detail = detail


@dataclass
class Person:
    """Someone who can log in. `accounts` are the platform's ids this person reaches."""

    sub: str
    email: str
    name: str
    accounts: list[str] = field(default_factory=list)


@dataclass
class Client:
    """An app registered at the platform; a redirect URI counts only if it is listed here letter by letter."""

    id: str
    secret: str
    redirect_uris: set[str] = field(default_factory=set)


@dataclass
class RefreshToken:
    """`name` is what the ledger calls it; `dead` says why it no longer works."""

    text: str
    name: str
    issued_at: datetime
    used_at: datetime
    dead: Problem | None = None


@dataclass
class Grant:
    """One consent: everything descended from one login (what the specifications call a token family)."""

    name: str
    person: Person
    client_id: str
    scopes: tuple[str, ...]
    dead: Problem | None = None
    refresh: list[RefreshToken] = field(default_factory=list)

    @property
    def live_refresh(self) -> RefreshToken | None:
        live = [token for token in self.refresh if token.dead is None]
        return live[-1] if live and self.dead is None else None


@dataclass
class AccessToken:
    text: str
    name: str
    grant: Grant
    expires_at: datetime
    dead: Problem | None = None


@dataclass
class Code:
    text: str
    grant: Grant
    redirect_uri: str
    challenge: str | None
    expires_at: datetime
    offline: bool
    nonce: str | None = None
    used: bool = False


@dataclass(frozen=True)
class Checked:
    """What a bearer token is worth now: whose it is, or why it is worth nothing."""

    person: Person | None
    grant: Grant | None
    scopes: tuple[str, ...] = ()
    reason: str | None = None
    """None: valid. Else "missing", "unknown", "expired" or "revoked"."""

    @property
    def ok(self) -> bool:
        return self.reason is None

    @property
    def who(self) -> Person:
        """The person behind a valid token."""
        if self.person is None:
            raise LookupError(self.reason)
        return self.person


@dataclass
class Lifetimes:
    """How long things live, and how many of them."""

    access: timedelta = timedelta(hours=1)
    code: timedelta = timedelta(seconds=60)
    idle: timedelta | None = None
    live_refresh: int | None = None
    """So many live refresh tokens per person and client; one more silently kills the oldest."""
