"""Messages that are about no outage, as rows: each is posted once in its channel, edited afterwards, and at last over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.words.connection import Json


@dataclass(frozen=True)
class Announcement:
    """`about` holds ids and dates, from which its facts are gathered when it is said. `parent`: the key of the message in
    whose thread it is a reply. `stamp`: what it told when it was said last.
    """

    key: str
    kind: str
    channel: str
    about: Json
    revision: int
    fence: int
    parent: str = ""
    ts: str | None = None
    stamp: str = ""
    over: bool = False
    attempts: int = 0
    started_at: datetime | None = None  # set while a post is under way; found set = its outcome is unclear


class Announcements(Protocol):
    async def announce(
        self, key: str, kind: str, channel: str, about: Json, now: datetime, *, parent: str = ""
    ) -> bool:
        """Queue it. False if this key was announced already, whenever that was."""

    async def change(self, key: str, about: Json, now: datetime) -> None:
        """It tells of something else now."""

    async def get(self, key: str) -> Announcement | None: ...
    async def held(self, key: str) -> Announcement | None:
        """And nobody else changes it until this transaction ends."""

    async def living(self, limit: int) -> list[Announcement]:
        """Messages that are not over, replies left out."""

    async def again(self, key: str, now: datetime) -> None:
        """What it tells is not true any more: say it again."""

    async def claim(self, now: datetime, limit: int, owner: str, lease: timedelta) -> list[Announcement]:
        """Due ones; a reply only once its message stands in the channel. Adds 1 to the fence."""

    async def posting(self, told: Announcement, at: datetime) -> None:
        """Record that the post is about to be sent. Raises Fenced."""

    async def said(self, told: Announcement, channel: str, ts: str | None, *, stamp: str, over: bool) -> None:
        """Done, unless it was changed meanwhile. Raises Fenced."""

    async def later(self, told: Announcement, due_at: datetime, *, unclear: bool = False) -> None:
        """Raises Fenced."""

    async def moved(self, told: Announcement, channel: str, now: datetime) -> None:
        """Its channel takes nothing: it is posted in this one. Raises Fenced."""

    async def unposted(self, told: Announcement) -> None:
        """Somebody deleted it, and there is something new to tell: it is posted anew. Raises Fenced."""

    async def free(self, owners_alive: Sequence[str]) -> None: ...
