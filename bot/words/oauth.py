"""A platform's OAuth as data, and the tokens that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.words.connection import Secret


@dataclass(frozen=True)
class Inspect:
    """How a platform is asked about a token it gave: a POST of the token under the name `field`, sent as `bearer`."""

    url: str
    field: str
    bearer: Secret


@dataclass(frozen=True)
class Inspection:
    """What a platform says about a token: when it ends, when a person must log in again at the latest, what it may."""

    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OAuth:
    """A platform's OAuth as data. Platform files carry no OAuth code."""

    authorize_url: str
    token_url: str
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    pkce: bool = True
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()  # non-secret token response fields to keep, such as Salesforce's instance_url
    issuer: str = ""  # compared with `iss` in the callback wherever one is sent
    refresh_ttl: int | None = None  # seconds a login lives, where the platform has a rule but sends no date
    refresh_slides: bool = False  # ... counted from the last refresh, not from the consent
    rotates: bool = False  # a refresh may replace the refresh token, so a lost answer may have cost us the old one
    scope_on_refresh: bool = False  # the scopes are named again with every refresh (Microsoft)
    revokes_person: bool = False  # revoking one token ends all of that person's grants for this app (Google)
    access_ttl: int | None = None  # seconds, assumed where the platform sends no expires_in
    # Without refresh tokens: the grant type that trades a living token for a longer-lived one, and its parameter's name.
    # A code's token is traded at once, and what comes back is kept as the refresh token too.
    extends: str = ""
    inspect: Inspect | None = None  # asked about every new token; Platform.read_inspection reads the answer
    proof: str = ""  # the parameter in which every call shows an HMAC-SHA256 of its token, keyed with the client secret
    revoke_method: str = "POST"  # RFC 7009; DELETE: the address itself is deleted, authorized by the token to revoke


@dataclass(frozen=True)
class AccessToken:
    """A usable access token and the grant generation it belongs to.

    `waited`: it is not quite fresh. It could not be stored at first, and may have ended by the time it could.
    """

    secret: Secret
    generation: int
    kept: Mapping[str, str] = field(default_factory=dict)
    waited: bool = False


class Tokens(Protocol):
    """The only way to a token: read at use time, refreshed by one worker at a time."""

    async def current(self) -> AccessToken:
        """A token believed good now. Raises AuthorizationLost, Misconfigured or TryLater."""

    async def renewed(self, refused: int) -> AccessToken:
        """A token of a later generation than the refused one. Raises the same."""
