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
from bot.outages.calling import STORM_CALLED as CALLED
from bot.outages.calling import who_can_fix
from bot.words.announced import EndingFacts, EndingsFacts
from bot.words.connection import Connection, Grant, Json
from bot.words.interfaces import Clock, Gateway

KIND = "ending"
STEPS = (30, 14, 7, 2, 1)  # days ahead
SAME_DATE = timedelta(days=1)  # a date told by "in so many seconds" trembles with every refresh
MANY = 10_000


@dataclass(frozen=True)
class _End:
    """One known date, as one channel hears of it. `days`: 0 where its first step is yet to come, within a day."""

    known: KnownDate
    days: int
    channel: str
    connections: tuple[str, ...] = ()

    @property
    def line(self) -> Json:
        known = self.known
        told: Json = {"grant": known.grant_id, "what": known.what.value, "platform": known.platform}
        return {**told, "login": known.login, "at": known.at.isoformat(), "connections": list(self.connections)}

    @property
    def thing(self) -> tuple[str, ...]:
        return _thing(self.line, self.channel)

    @property
    def day(self) -> str:
        return str(self.known.at.date())

    @property
    def shared(self) -> tuple[str, ...]:
        """Logins of one channel that end on one day have one message; what the operator must change has its own."""
        return (self.channel, self.day) if self.known.grant_id else self.thing

    @property
    def key(self) -> str:
        known = self.known
        return f"{KIND}:{known.grant_id or known.platform}:{known.what.name}:{self.day}:{self.channel}".lower()


@dataclass(frozen=True)
class _Due:
    """What a message is to tell: a new one, or that which stands under this key."""

    key: str
    days: int
    ends: tuple[_End, ...]

    @property
    def channel(self) -> str:
        return self.ends[0].channel

    @property
    def about(self) -> Json:
        told: Json = {"days": self.days, "channel": self.channel}
        if len(self.ends) == 1:
            return {**self.ends[0].line, **told}
        return {**told, "day": self.ends[0].day, "lines": [end.line for end in self.ends]}

    def after(self, before: Json) -> Json:
        """What the message tells from now on that told this before."""
        days = min(self.days or before["days"], before["days"])
        if "lines" not in before:
            return {**self.ends[0].line, "days": days, "channel": self.channel}
        lines = {_thing(line, self.channel): line for line in [*before["lines"], *(end.line for end in self.ends)]}
        return {**before, "days": days, "lines": list(lines.values())}


class Endings:
    """One message for each day and channel: posted at the first step, edited at the others, with a reply in its thread.

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
            standing = [told for told in await tx.announcements.living(MANY) if told.kind == KIND]
            due = _to_tell(standing, [end async for end in self._ends(tx, now)])
        for each in due:
            async with self._memory.begin() as tx:
                await self._tell(tx, each, now)

    async def _tell(self, tx: Tx, due: _Due, now: datetime) -> None:
        if await tx.announcements.announce(due.key, KIND, due.channel, due.about, now):
            return
        held = await tx.announcements.held(due.key)
        if held is None or held.over:
            return
        nearer = 0 < due.days < held.about["days"]
        if not nearer and {end.thing for end in due.ends} <= _things(held.about):
            return
        about = due.after(held.about)
        await tx.announcements.change(due.key, about, now)
        if nearer:
            await tx.announcements.announce(f"{due.key}:{due.days}", KIND, due.channel, about, now, parent=due.key)

    async def _ends(self, tx: Tx, now: datetime) -> AsyncIterator[_End]:
        """What has come to a step; and logins that do within a day, for they may end on the same one."""
        routes = self._routes.over(await tx.routes.all())
        for known in await known_dates(tx, self._gateways):
            days = _step(known, now)
            if known.grant_id and (days or _step(known, now + SAME_DATE)):
                for channel, connections in (await self._hearing(tx, known.grant_id, routes)).items():
                    yield _End(known, days, channel, tuple(c.id for c in connections))
            elif days and await self._in_use(tx, known.platform):
                yield _End(known, days, routes.channel_of(known.platform))

    async def _in_use(self, tx: Tx, platform: str) -> bool:
        return any(c.platform == platform and c.enabled for c in await tx.connections.all())

    async def _hearing(self, tx: Tx, grant_id: str, routes: Routes) -> dict[str, list[Connection]]:
        """Those that need this login now, by channel. What is in an outage has a message already."""
        found: dict[str, list[Connection]] = defaultdict(list)
        for connection in await tx.connections.of_grant(grant_id):
            if connection.enabled and connection.authorized and connection.outage_id is None:
                found[routes.channel(connection)].append(connection)
        return found

    async def facts(self, tx: Tx, told: Announcement) -> EndingFacts | EndingsFacts | None:
        about = told.about
        if "lines" not in about:
            return await self._one(tx, about)
        shared = {"days": about["days"], "channel": about["channel"]}
        lines = [facts for line in about["lines"] if (facts := await self._one(tx, {**line, **shared}))]
        if not lines:
            return None
        called = dict.fromkeys(who for line in lines if line.state == "soon" for who in line.mentions)
        url = f"{self._public_url}/connections"
        return EndingsFacts(tuple(lines), about["days"], url, tuple(called)[:CALLED], lines[0].otherwise)

    async def _one(self, tx: Tx, about: Json) -> EndingFacts | None:
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


def _to_tell(standing: Sequence[Announcement], ends: Sequence[_End]) -> list[_Due]:
    """What messages that stand do not say yet, then what no message says."""
    messages = {told.key: told for told in standing}
    saying = {thing: (told.key, at) for told in standing for thing, at in _dates(told.about).items()}
    told: dict[str, list[_End]] = defaultdict(list)
    new: dict[tuple[str, ...], list[_End]] = defaultdict(list)
    for end in ends:
        key, at = saying.get(end.thing, ("", end.known.at))
        if key and abs(at - end.known.at) < SAME_DATE:
            told[key].append(end)
        else:
            new[end.shared].append(end)
    together = {(t.about["channel"], t.about["day"]): t.key for t in standing if "lines" in t.about}
    due = [_Due(key, _nearest(some), tuple(some)) for key, some in told.items()]
    for shared, some in new.items():
        if shared in together:
            due.append(_Due(together[shared], _nearest(some), tuple(some)))
        elif _nearest(some):
            due.append(_in_one(some))
    return [each for each in due if _news(each, messages.get(each.key))]


def _in_one(some: Sequence[_End]) -> _Due:
    ends = sorted(some, key=lambda end: end.thing)
    return _Due(ends[0].key + (":together" if len(ends) > 1 else ""), _nearest(ends), tuple(ends))


def _nearest(ends: Sequence[_End]) -> int:
    return min((end.days for end in ends if end.days), default=0)


def _news(due: _Due, told: Announcement | None) -> bool:
    """A step that was not told yet, or a login that its message does not name."""
    if told is None:
        return True
    return 0 < due.days < int(told.about["days"]) or not {end.thing for end in due.ends} <= _things(told.about)


def _things(about: Json) -> set[tuple[str, ...]]:
    return set(_dates(about))


def _dates(about: Json) -> dict[tuple[str, ...], datetime]:
    """Each thing that a message tells of, and when it ends."""
    return {_thing(line, about["channel"]): _at(line) for line in about.get("lines", [about])}


def _thing(line: Json, channel: str) -> tuple[str, ...]:
    return line["platform"], line["grant"], line["what"], channel


def _at(about: Json) -> datetime:
    return datetime.fromisoformat(about["at"])
