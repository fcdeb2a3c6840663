"""The workspaces that installed the app beside home. A part of memory.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.words.connection import Secret


@dataclass(frozen=True)
class Installed:
    """What Slack tells of an installation. `channel`: chosen by whoever installed, else that person's direct messages."""

    team: str
    name: str
    channel: str
    installer: str
    bot_token: Secret
    refresh_token: Secret | None = None


@dataclass(frozen=True)
class Neighbour:
    """A workspace beside home. `generation` grows with each installation; one that rests has no token any more."""

    team: str
    name: str
    channel: str
    installer: str
    generation: int
    installed_at: datetime
    rested_at: datetime | None = None


class Workspaces(Protocol):
    async def install(self, installed: Installed, now: datetime) -> None:
        """One row for each workspace: what was there before is over, and one that rested is awake."""

    async def all(self) -> Sequence[Neighbour]: ...
    async def get(self, team: str) -> Neighbour | None: ...
    async def tokens(self, team: str) -> tuple[Secret, Secret | None]:
        """The bot's token and, where it rotates, its refresh token. Raises SealBroken."""

    async def rest(self, team: str, generation: int, now: datetime) -> bool:
        """It was uninstalled: the token is forgotten. False where it was installed anew meanwhile, or rests already."""
