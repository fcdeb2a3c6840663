"""A platform that answers nobody any more is said once per channel, and so is its return. No login is lost by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.words.announced import PlatformDownFacts
from bot.words.connection import Connection
from bot.words.interfaces import Clock, Gateway

log = structlog.get_logger()
KIND = "platform down"
MANY = 10_000


@dataclass(frozen=True)
class Silence:
    """The last good answer of a platform, and since when this process has seen checks fail after it."""

    good_at: datetime
    since: datetime


class PlatformDown:
    """A silence is known by the last good answer before it, so all replicas mean the same one. A teller of announce.py.

    Only what this process has seen counts: after a stop, or a night without network, the wait begins anew.
    """

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], routes: Routes, after: timedelta, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._routes = routes
        self._after = after
        self._now = now
        self._silences: dict[str, Silence] = {}

    async def run(self) -> None:
        """Look at what the checks of each platform's living logins have found lately."""
        async with self._memory.read() as tx:
            down = await self._down(tx)
            back = [
                told for told in await tx.announcements.living(MANY) if told.kind == KIND and await self._back(tx, told)
            ]
        for silence, platform in down:
            async with self._memory.begin() as tx:
                await self._tell(tx, platform, silence)
        for told in back:
            async with self._memory.begin() as tx:
                key = f"{told.key}:back"
                await tx.announcements.announce(key, KIND, told.channel, told.about, self._now(), parent=told.key)

    async def _down(self, tx: Tx) -> list[tuple[Silence, str]]:
        found = []
        answers = await tx.connections.answers()
        for platform in self._gateways:
            good_at, checked_at = answers.get(platform, (None, None))
            if good_at is None or checked_at is None or checked_at <= good_at:
                self._silences.pop(platform, None)
                continue
            silence = self._silences.get(platform)
            if silence is None or silence.good_at != good_at:
                silence = self._silences[platform] = Silence(good_at, max(checked_at, good_at))
            if checked_at - silence.since >= self._after:
                found.append((silence, platform))
        return found

    async def _tell(self, tx: Tx, platform: str, silence: Silence) -> None:
        routes, now = self._routes.over(await tx.routes.all()), self._now()
        channels = {routes.channel(c) for c in await tx.connections.all() if c.platform == platform and _counts(c)}
        for channel in sorted(channels):
            key = f"{KIND}:{platform}:{channel}:{silence.good_at.isoformat()}".replace(" ", "_").lower()
            about = {"platform": platform, "channel": channel, "good_at": silence.good_at.isoformat()}
            if await tx.announcements.announce(key, KIND, channel, about, now):
                log.warning("a platform answers nobody", platform=platform, since=silence.good_at.isoformat())

    async def _back(self, tx: Tx, told: Announcement) -> bool:
        facts = await self.facts(tx, told)
        return facts is not None and facts.back_at is not None and told.ts is not None

    async def facts(self, tx: Tx, told: Announcement) -> PlatformDownFacts | None:
        gateway = self._gateways.get(told.about["platform"])
        if gateway is None:
            return None
        routes, good_at = self._routes.over(await tx.routes.all()), datetime.fromisoformat(told.about["good_at"])
        of_platform = [c for c in await tx.connections.all() if c.platform == told.about["platform"] and _counts(c)]
        answered = [c.last_good_at for c in of_platform if c.last_good_at is not None and c.last_good_at > good_at]
        return PlatformDownFacts(
            platform_name=gateway.platform.name,
            since=good_at,
            waiting=sum(routes.channel(c) == told.about["channel"] for c in of_platform),
            back_at=min(answered, default=None),
            in_thread=bool(told.parent),
        )


def _counts(connection: Connection) -> bool:
    """What is paused or lost is not asked, or its refusal is no sign of a platform in trouble."""
    return connection.enabled and connection.authorized and connection.removed_at is None
