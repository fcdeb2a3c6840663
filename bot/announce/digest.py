"""The week in one message: what broke, how long, who mended it, what was lost, what ends next, and the last 30 days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.announce.dates import known_dates
from bot.memory.announcements import Announcement
from bot.memory.history import tones_of
from bot.memory.memory import Memory, Tx
from bot.words.announced import STRIP_DAYS, DigestEnding, DigestFacts, DigestOutage, Strip
from bot.words.connection import Connection, Outage
from bot.words.interfaces import Clock, Gateway

KIND = "digest"
WEEK = timedelta(days=7)
TOO_LATE = timedelta(days=1)  # a bot that was off for longer leaves that week out
AHEAD = timedelta(days=30)
MOST = 1000  # outages looked at
SHOWN = 10  # outages, and dates
STRIPS = 24


@dataclass(frozen=True)
class Weekly:
    """A day of the week (0: Monday) and an hour, in one place's time."""

    weekday: int
    at: time
    zone: ZoneInfo

    def latest(self, now: datetime) -> datetime:
        """When it came round last."""
        local = now.astimezone(self.zone)
        day = local.date() - timedelta(days=(local.weekday() - self.weekday) % 7)
        came = datetime.combine(day, self.at, self.zone)
        return (came if came <= local else datetime.combine(day - WEEK, self.at, self.zone)).astimezone(UTC)


class Digest:
    """Once a week, whoever looks and however often: the week is the key. A teller of bot/announce/announce.py."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        weekly: Weekly | None,
        channel: str,
        public_url: str,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._weekly = weekly
        self._channel = channel
        self._public_url = public_url.rstrip("/")
        self._now = now

    async def run(self) -> None:
        if self._weekly is None:
            return
        now = self._now()
        due = self._weekly.latest(now)
        if now - due > TOO_LATE:
            return
        year, week, _ = due.astimezone(self._weekly.zone).isocalendar()
        key, about = f"{KIND}:{year}-{week:02}", {"until": due.isoformat()}
        async with self._memory.read() as tx:
            if await tx.announcements.get(key) is not None:
                return
            known = [c for c in await tx.connections.all() if c.created_at and c.created_at < due]
        if not known:  # nothing was connected in that week: there is nothing to tell
            return
        async with self._memory.begin() as tx:
            if await tx.announcements.announce(key, KIND, self._channel, about, now):
                picture = {**about, "picture": True}
                await tx.announcements.announce(f"{key}:picture", KIND, self._channel, picture, now, parent=key)

    async def facts(self, tx: Tx, told: Announcement) -> DigestFacts | None:
        until = datetime.fromisoformat(told.about["until"])
        connections = [c for c in await tx.connections.all() if c.platform in self._gateways]
        some = [o for o in await tx.outages.latest(limit=MOST) if o.opened_at < until]
        recent = [o for o in some if o.closed_at is None or o.closed_at >= until - WEEK]
        recent.sort(key=lambda outage: _down(outage, until), reverse=True)
        return DigestFacts(
            since=until - WEEK,
            until=until,
            outages=tuple([await self._outage(tx, o, until) for o in recent[:SHOWN]]),
            more=max(len(recent) - SHOWN, 0),
            endings=tuple(await self._endings(tx, until)),
            strips=tuple(await self._strips(tx, some, connections, until)),
            connections=len(connections),
            url=f"{self._public_url}/connections",
        )

    async def _outage(self, tx: Tx, outage: Outage, until: datetime) -> DigestOutage:
        connections = await tx.connections.some(outage.connection_ids)
        return DigestOutage(
            platform_name=self._name(outage.platform),
            accounts=tuple(c.account.name or c.account.id for c in connections),
            down=_down(outage, until),
            state="open" if outage.closed_at is None and outage.reauthorized_at is None else outage.state,
            by=outage.reauthorized_by or "",
            lost=outage.lost,
            url=f"{self._public_url}/reauthorize/{outage.id}",
        )

    def _name(self, platform: str) -> str:
        return self._gateways[platform].platform.name if platform in self._gateways else platform

    async def _endings(self, tx: Tx, until: datetime) -> list[DigestEnding]:
        """The nearest dates. What moves on with every refresh of ours is none to wait for."""
        found: list[DigestEnding] = []
        for known in await known_dates(tx, self._gateways):
            if known.since is not None or not until < known.at <= until + AHEAD:
                continue
            if known.grant_id and not any(c.enabled for c in await tx.connections.of_grant(known.grant_id)):
                continue
            found.append(DigestEnding(known.what.value, self._name(known.platform), known.login, known.at))
            if len(found) == SHOWN:
                break
        return found

    async def _strips(
        self, tx: Tx, outages: Sequence[Outage], connections: Sequence[Connection], until: datetime
    ) -> list[Strip]:
        """Those that were down first, the others by name as far as there is room."""
        since = until - timedelta(days=STRIP_DAYS)
        met = {i for o in outages if o.closed_at is None or o.closed_at >= since for i in o.connection_ids}
        order = sorted(connections, key=lambda c: (c.id not in met, c.platform, c.account.name, c.id))[:STRIPS]
        downs = await tx.history.downs([c.id for c in order], since)
        return [
            Strip(
                c.account.name or c.account.id,
                self._name(c.platform),
                tuple(tones_of(c.created_at, [d for d in downs if d.connection_id == c.id], until.date(), STRIP_DAYS)),
            )
            for c in order
        ]


def _down(outage: Outage, until: datetime) -> timedelta:
    return max((outage.reauthorized_at or outage.closed_at or until) - outage.dropped_at, timedelta(0))
