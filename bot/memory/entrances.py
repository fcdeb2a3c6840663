"""People on their way in: consents begun, links that were asked for, sessions that were ended. A part of memory.py."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.words.connection import Consent

EVERYBODY = "*"
LINK_OVER = "this link was used already, taken back, or is too old"


class ConnectLink(NamedTuple):
    """A living link for a new login. `grant_id`: the login, once its consent is done; before that empty."""

    id: str
    platform: str
    grant_id: str


@dataclass(frozen=True)
class GuestLink:
    """A way in for somebody outside Slack, for one outage. `same_login`: only the login it was so far is taken."""

    id: str
    outage_id: str
    asked_by: str
    same_login: bool
    expires_at: datetime


class Consents(Protocol):
    async def begin(self, consent: Consent, state_hash: str, browser_hash: str, expires_at: datetime) -> None: ...
    async def under_way(self, state_hash: str) -> bool:
        """Whether there is a consent with that state at all. Changes nothing."""

    async def take(self, platform: str, state_hash: str, browser_hash: str, now: datetime) -> Consent | None:
        """Use it up. One caller ever gets it; None for an unknown, used, expired or foreign one (foreign uses nothing
        up).
        """

    async def add_link(
        self, link_id: str, platform: str, token_hash: str, asked_by: str, expires_at: datetime
    ) -> None: ...
    async def link(self, token_hash: str, now: datetime) -> ConnectLink | None:
        """One that lives: not used, not too old."""

    async def asked_by(self, link_id: str) -> str:
        """Who asked for the link."""

    async def link_granted(self, link_id: str, grant_id: str, token_hash: str) -> bool:
        """The consent is done, the accounts are still to be chosen, by whoever has the new token: the old one is dead.
        False if the link was used already.
        """

    async def link_used(self, link_id: str, now: datetime) -> bool: ...
    async def add_guest(self, link: GuestLink, token_hash: str) -> None: ...
    async def guest(self, token_hash: str, now: datetime) -> GuestLink | None:
        """One that lives: not used, not taken back, not too old."""

    async def guest_by_id(self, link_id: str, now: datetime) -> GuestLink | None: ...
    async def guest_over(self, link_id: str, now: datetime) -> bool:
        """It opens nothing any more. True for exactly one caller, and only while it lived."""

    async def sweep(self, now: datetime) -> None: ...


class Sessions(Protocol):
    """Those on the pages that were ended before their time. `whose`: a person, EVERYBODY, or the digest of one session."""

    async def end(self, whose: str, now: datetime) -> None:
        """All that began until now."""

    async def ended_at(self, whose: Collection[str]) -> datetime | None:
        """When last, of any of these."""

    async def sweep(self, before: datetime) -> None:
        """Forget what ended no session that could still live."""
