"""What ends by itself is told before it does: 30, 14, 7, 2 and 1 days ahead, once each, while a new login costs nothing."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.alert.remind import Quiet
from bot.announce.dates import KnownDate, known_dates, of_grant, of_platform
from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.outages.calling import who_can_fix
from bot.words.announced import EndingFacts
from bot.words.connection import Connection, Grant, Json
from bot.words.interfaces import Clock, Gateway

KIND = "ending"
STEPS = (30, 14, 7, 2, 1)  # days ahead
SAME_DATE = timedelta(days=1)  # a date told by "in so many seconds" trembles with every refresh
MANY = 10_000


@dataclass(frozen=True)
class _Due:
    known: KnownDate
    days: int
    channel: str
    connections: tuple[str, ...] = ()

    @property
    def about(self) -> Json:
        known = self.known
        told: Json = {
            "grant": known.grant_id,
            "what": known.what.value,
            "platform": known.platform,
            "login": known.login,
        }
        told |= {"at": known.at.isoformat(), "days": self.days, "channel": self.channel}
        return {**told, "connections": list(self.connections)}

    @property
    def thing(self) -> tuple[str, ...]:
        return self.known.platform, self.known.grant_id, self.known.what.value, self.channel


class Endings:
    """One message for each date and channel: posted at the first step, edited at the others, with a reply in its thread.

    Whoever was away for days tells the nearest step only. A teller of bot/announce/announce.py.
    """

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        routes: Routes,
        public_url: str,
        quiet: Quiet | None,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._routes = routes
        self._public_url = public_url.rstrip("/")
        self._quiet = quiet
        self._now = now

    async def run(self) -> None:
        """Look whether a step has come. Not in quiet hours: nothing ends so suddenly."""
        now = self._now()
        if self._quiet is not None and self._quiet.holds(now):
            return
        async with self._memory.read() as tx:
            standing = {_thing(a): a for a in await tx.announcements.living(MANY) if a.kind == KIND}
            due = [each async for each in self._due(tx, now) if not _told(standing.get(each.thing), each)]
        for each in due:
            async with self._memory.begin() as tx:
                await self._tell(tx, each, standing.get(each.thing), now)

    async def _tell(self, tx: Tx, due: _Due, standing: Announcement | None, now: datetime) -> None:
        key = standing.key if standing and _same_date(standing, due) else _key(due)
        if await tx.announcements.announce(key, KIND, due.channel, due.about, now):
            return
        held = await tx.announcements.held(key)
        if held is None or held.over or held.about["days"] <= due.days:
            return
        await tx.announcements.change(key, due.about, now)
        await tx.announcements.announce(f"{key}:{due.days}", KIND, due.channel, due.about, now, parent=key)

    async def _due(self, tx: Tx, now: datetime) -> AsyncIterator[_Due]:
        routes = self._routes.over(await tx.routes.all())
        for known in await known_dates(tx, self._gateways):
            days = _step(known, now)
            if days and known.grant_id:
                for channel, connections in (await self._hearing(tx, known.grant_id, routes)).items():
                    yield _Due(known, days, channel, tuple(c.id for c in connections))
            elif days and await self._in_use(tx, known.platform):
                yield _Due(known, days, routes.channel_of(known.platform))

    async def _in_use(self, tx: Tx, platform: str) -> bool:
        return any(c.platform == platform and c.enabled for c in await tx.connections.all())

    async def _hearing(self, tx: Tx, grant_id: str, routes: Routes) -> dict[str, list[Connection]]:
        """Those that need this login now, by channel. What is in an outage has a message already."""
        found: dict[str, list[Connection]] = defaultdict(list)
        for connection in await tx.connections.of_grant(grant_id):
            if connection.enabled and connection.authorized and connection.outage_id is None:
                found[routes.channel(connection)].append(connection)
        return found

    async def facts(self, tx: Tx, told: Announcement) -> EndingFacts | None:
        about = told.about
        gateway = self._gateways.get(about["platform"])
        if gateway is None:
            return None
        grant = await tx.grants.get(about["grant"]) if about["grant"] else None
        known = of_grant(grant, gateway.platform) if grant else of_platform(gateway.platform)
        next_at = next((k.at for k in known if k.what.value == about["what"]), None)
        carried = await tx.connections.of_grant(grant.id) if grant else []
        routes = self._routes.over(await tx.routes.all())
        here = [c for c in carried if c.enabled and routes.channel(c) == about["channel"]]
        before = [c for c in await tx.connections.some(about["connections"]) if c.removed_at is None]
        shown = here or before
        state = self._state(about, grant, here, before, next_at)
        return EndingFacts(
            what=about["what"],
            at=_at(about),
            days=about["days"],
            state=state,
            platform_name=gateway.platform.name,
            now=self._now(),
            login=about["login"],
            accounts=tuple(c.account.name or c.account.id for c in shown),
            renew_url=f"{self._public_url}/reauthorize/{shown[0].id}" if shown else "",
            mentions=tuple(await who_can_fix(tx, here, routes)),
            otherwise=routes.fallback,
            renewed_by=shown[0].login if shown and state == "renewed" else "",
            next_at=next_at if state == "renewed" else None,
        )

    def _state(
        self,
        about: Json,
        grant: Grant | None,
        here: Sequence[Connection],
        before: Sequence[Connection],
        next_at: datetime | None,
    ) -> str:
        moved_on = [c for c in before if c.grant_id != about["grant"] and c.authorized]
        if about["grant"] and not here:
            return "renewed" if moved_on else "paused"
        if about["grant"] and (grant is None or grant.lost_at is not None or not any(c.authorized for c in here)):
            return "lost"
        if next_at is None or next_at - _at(about) >= SAME_DATE:
            return "renewed"
        return "passed" if self._now() >= _at(about) else "soon"


def _step(known: KnownDate, now: datetime) -> int:
    """The nearest step that has come; 0 before the first one and after the end.

    Where the date moves on by itself, its first tenth is no news: a step further away than the rest is none.
    """
    left = known.at - now
    if left <= timedelta(0):
        return 0
    usual = (known.at - known.since) * 0.9 if known.since is not None else None
    reached = [d for d in STEPS if left <= timedelta(days=d) and (usual is None or timedelta(days=d) < usual)]
    return min(reached, default=0)


def _key(due: _Due) -> str:
    known = due.known
    return f"{KIND}:{known.grant_id or known.platform}:{known.what.name}:{known.at.date()}:{due.channel}".lower()


def _thing(told: Announcement) -> tuple[str, ...]:
    about = told.about
    return about["platform"], about["grant"], about["what"], about["channel"]


def _same_date(told: Announcement, due: _Due) -> bool:
    return abs(_at(told.about) - due.known.at) < SAME_DATE


def _told(standing: Announcement | None, due: _Due) -> bool:
    return standing is not None and _same_date(standing, due) and int(standing.about["days"]) <= due.days


def _at(about: Json) -> datetime:
    return datetime.fromisoformat(about["at"])
