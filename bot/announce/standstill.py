"""When the database takes nothing that is written, Slack is told once: nobody would be told of a loss meanwhile.

What is said elsewhere is a row first. This cannot be one, as a row is what cannot be written: so it is found again by its
metadata, by other replicas and by whoever comes after us. Two that post it at the same moment look again afterwards, and
the later one is taken back.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bot.announce.announce import Announcer
from bot.memory.announcements import Announcement
from bot.words.announced import StandstillFacts
from bot.words.errors import TryLater
from bot.words.interfaces import Clock
from bot.words.voice import ChannelGone, MessageGone, PostUnclear, SlackRefused, Voice

log = structlog.get_logger()

KIND = "standstill"
AFTER = timedelta(minutes=1)  # a restart of Postgres, or a backup that holds the file, is no news
SAME = timedelta(hours=1)  # what comes again within it is told in the message that is there
LEFT = timedelta(days=1)  # how far back one is looked for that a process before us has left
LOOKS = 3


def stands_still(since: datetime | None, now: datetime) -> bool:
    """Long enough to be told. A moment that is still to come means that the clock was set back."""
    return since is not None and not timedelta() <= now - since < AFTER


class Standstill:
    """`failing`: since when nothing could be written, as far as this process has seen."""

    def __init__(
        self, failing: Callable[[], datetime | None], announcer: Announcer, voice: Voice, channel: str, now: Clock
    ) -> None:
        self._failing = failing
        self._announcer = announcer
        self._voice = voice
        self._channel = channel
        self._now = now
        self._said: tuple[str, str] | None = None  # channel and ts of a message that says it now
        self._looks = LOOKS
        self._rivals = 0  # how often to look yet whether another replica has said it before us

    async def run(self) -> None:
        since = self._failing()
        try:
            await self._give_way()
            if since is None:
                await self._is_over()
            elif self._said is None and stands_still(since, self._now()):
                await self._tell(since)
        except (TryLater, PostUnclear, ChannelGone, SlackRefused) as error:
            log.warning("Slack was not told that the database takes nothing, or takes it again", why=str(error))

    async def _tell(self, since: datetime) -> None:
        spoken = self._announcer.message(self._announcement(), StandstillFacts(since, over=False))
        ts = await self._find(SAME)
        if ts is None:
            self._said = await self._voice.post(spoken)
            log.error("the database takes nothing that is written", since=since.isoformat())
        else:
            await self._edit(ts, StandstillFacts(since, over=False))
            self._said = self._channel, ts
        self._rivals = LOOKS

    async def _give_way(self) -> None:
        """There is no row to agree by, so all go by what Slack says came first."""
        if self._said is None or self._rivals <= 0:
            return
        self._rivals -= 1
        channel, ours = self._said
        first = next(iter(await self._voice.posts(channel, KIND, self._now() - SAME)), ours)
        if float(first) < float(ours) and await self._voice.take_back(channel, ours):
            self._said, self._rivals = (channel, first), 0

    async def _is_over(self) -> None:
        """A process that was started anew, as one is after a disk was full, does not know whether it was said."""
        if self._said is None and self._looks > 0:
            self._looks -= 1
            ts = await self._find(LEFT)
            self._looks = 0
            self._said = (self._channel, ts) if ts is not None else None
        if self._said is not None:
            await self._edit(self._said[1], StandstillFacts(None, over=True))
            self._said = None

    async def _find(self, back: timedelta) -> str | None:
        return await self._voice.find(self._channel, KIND, None, None, self._now() - back)

    async def _edit(self, ts: str, facts: StandstillFacts) -> None:
        try:
            await self._voice.update(self._announcer.message(self._announcement(), facts), self._channel, ts)
        except MessageGone:
            log.info("somebody deleted the message about the database")

    def _announcement(self) -> Announcement:
        return Announcement(KIND, KIND, self._channel, {}, 1, 0)
