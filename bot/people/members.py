"""Who looks at the pages, where Sign in with Slack guards them: a trip to Slack and back, and a sealed session."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.connection import Secret

SESSION_LASTS = timedelta(hours=12)  # whether anything is done in it or not


@dataclass(frozen=True)
class Member:
    """A person of the workspace. `form` is what the forms we show to this person carry, so that no other site can post."""

    user: str
    name: str
    form: str = field(repr=False)


@dataclass(frozen=True)
class Trip:
    """A sign-in has begun: `state` and `nonce` go to Slack, `browser` stays in this browser."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    browser: str = field(repr=False)


class SignIns(Protocol):
    """What remembers sign-ins under way and sessions that were ended, and seals sessions."""

    def now(self) -> datetime: ...
    async def begin(self, then: str) -> Trip: ...
    async def finish(self, state: str, browser: str) -> tuple[str, Secret] | None:
        """Where the person wanted to go, and the nonce. Used up: one caller ever gets it."""

    def seal(self, text: str) -> str: ...
    def unseal(self, sealed: str) -> str | None:
        """None for what we did not seal."""

    async def came(self, user: str, instead_of: Member | None) -> None:
        """Somebody signed in. `instead_of`: the session that this browser had, which is over now."""

    async def left(self, user: str) -> None:
        """Somebody signed out: every session of this person is over, in other browsers too."""

    async def living(self, member: Member, began: datetime) -> bool:
        """Whether the session was not ended meanwhile."""
