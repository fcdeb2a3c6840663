"""What we ask of Slack: to post, to edit, to find what was posted; and the ways in which it may not be done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.words.connection import Json


class Voice(Protocol):
    """How we speak in Slack. Raises TryLater or the four below; never repeats an unclear post by itself."""

    async def post(self, message: "Spoken") -> tuple[str, str]:
        """Post and give (channel, ts) as Slack answered them."""

    async def update(self, message: "Spoken", channel: str, ts: str) -> None: ...

    async def share(self, file: "File", channel: str, thread: str) -> None:
        """Put a file into a thread. TryLater means that it is not there for certain."""

    async def find(
        self, channel: str, outage: str, revision: int | None, thread: str | None, since: datetime
    ) -> str | None:
        """Look for our own post by its metadata, after a post whose outcome is unclear. None: not there."""

    async def posts(self, channel: str, subject: str, since: datetime) -> Sequence[str]:
        """Each post of ours about that, in any process, the oldest first. Raises PostUnclear where nobody can look."""

    async def take_back(self, channel: str, ts: str) -> bool:
        """Delete a message of ours. False: it still stands there."""


@dataclass(frozen=True)
class Spoken:
    """A message ready for Slack: full plain sentence, blocks, one coloured attachment, ids-only metadata."""

    channel: str
    text: str
    blocks: Sequence[Json] = ()
    attachments: Sequence[Json] = ()
    metadata: Json = field(default_factory=dict)
    thread: str | None = None
    broadcast: bool = False


@dataclass(frozen=True)
class File:
    """A file ready for Slack. `alt`: what a picture shows, in words; `legend` stands beside it, and is mrkdwn."""

    name: str
    title: str
    alt: str
    legend: str
    data: bytes = field(repr=False)
    media: str = "image/png"


class MessageGone(Exception):
    """The message to edit or reply to does not exist any more: post it anew."""


class ChannelGone(Exception):
    """The channel cannot be posted to: archived, deleted, or the bot is not in it."""


class SlackRefused(Exception):
    """Slack refuses the token for good. Alerts wait; /readyz says so."""


class PostUnclear(Exception):
    """The post may have been made: look before posting again. `answered`: Slack is done with it, so nothing comes later."""

    def __init__(self, why: str, *, answered: bool = False) -> None:
        super().__init__(why)
        self.answered = answered
