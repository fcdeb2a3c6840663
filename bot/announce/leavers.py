"""Somebody's Slack account is deactivated: what rests on their login is named once, while another can still take over."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.outages.calling import Presence, who_can_fix
from bot.words.announced import LeaverFacts, LeaverLine
from bot.words.connection import Connection, Event, Grant
from bot.words.interfaces import Clock, Gateway

KIND = "leaver"
MANY = 10_000


class Leavers:
    """One message for each channel that their connections belong to. A teller of bot/announce/announce.py."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], routes: Routes, public_url: str, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._routes = routes
        self._public_url = public_url.rstrip("/")
        self._now = now

    async def run(self, presence: Presence) -> None:
        """Events of Slack are hints, and one may be missed: ask about everybody who has given a login that lives."""
        async with self._memory.read() as tx:
            people = {g.authorized_by for g in await tx.grants.all() if g.authorized_by and g.lost_at is None}
        for who in sorted(people):
            if await presence.gone(who):
                await self.left(who, "", "")

    async def left(self, who: str, name: str, email: str) -> None:
        """Their logins are those they gave while Slack told us who they were, and those in their e-mail's name."""
        now = self._now()
        async with self._memory.begin() as tx:
            routes = self._routes.over(await tx.routes.all())
            by_channel: dict[str, list[Connection]] = defaultdict(list)
            for connection in await self._resting_on(tx, who, email):
                by_channel[routes.channel(connection)].append(connection)
            for channel, connections in by_channel.items():
                about = {"who": who, "name": name, "email": email, "channel": channel}
                told = {**about, "connections": {c.id: c.grant_id for c in connections}}
                await tx.announcements.announce(f"{KIND}:{who}:{channel}".lower(), KIND, channel, told, now)
            await self._give_back(tx, who, now)
            await tx.sessions.end(who, now)

    async def _resting_on(self, tx: Tx, who: str, email: str) -> list[Connection]:
        """The healthy connections of the logins that this person gave."""
        given = [grant for grant in await tx.grants.all() if _gave(grant, who, email)]
        resting: list[Connection] = []
        for grant in given:
            if grant.platform in self._gateways:
                resting += [each for each in await tx.connections.of_grant(grant.id) if _healthy(each)]
        return resting

    async def _give_back(self, tx: Tx, who: str, now: datetime) -> None:
        """What they had said they would take care of is open to everybody again."""
        for found in await tx.outages.latest(open_only=True, limit=MANY):
            outage = await tx.outages.held(found.id) if found.claimed_by == who else None
            if outage is None or outage.claimed_by != who or outage.closed_at or outage.reauthorized_at:
                continue
            await tx.outages.claim(outage.id, None, now)
            revision = await tx.outages.event(outage.id, Event(now, "claim_lapsed", who, "0"))
            await tx.outbox.say_message(outage.id, revision, now)
            await tx.outbox.say_reply(outage.id, "claim_lapsed", revision, {"who": who}, now)

    async def facts(self, tx: Tx, told: Announcement) -> LeaverFacts | None:
        about = told.about
        then: dict[str, str] = about["connections"]
        shown = await tx.connections.some(list(then))
        by_grant: dict[str, list[Connection]] = defaultdict(list)
        for connection in sorted(shown, key=lambda c: (c.platform, c.account.name, c.id)):
            by_grant[then[connection.id]].append(connection)
        lines = [
            await self._line(tx, about["who"], about["email"], grant_id, connections)
            for grant_id, connections in by_grant.items()
        ]
        routes = self._routes.over(await tx.routes.all())
        called = [who for who in await who_can_fix(tx, shown, routes) if who != about["who"]]
        return LeaverFacts(
            name=about["name"],
            lines=tuple(line for line in lines if line is not None),
            mentions=tuple(called),
            otherwise=routes.fallback,
            connections_url=f"{self._public_url}/connections",
        )

    async def _line(
        self, tx: Tx, who: str, email: str, grant_id: str, connections: Sequence[Connection]
    ) -> LeaverLine | None:
        grant = await tx.grants.get(grant_id)
        gateway = self._gateways.get(connections[0].platform)
        if grant is None or gateway is None:
            return None
        resting = [c for c in connections if c.grant_id == grant_id and _gave(grant, who, email) and _healthy(c)]
        moved = [c for c in connections if c.removed_at is None and c.enabled and c.authorized and c not in resting]
        shown = resting or moved or connections
        return LeaverLine(
            state="rests" if resting else "moved" if moved else "off",
            platform_name=gateway.platform.name,
            login=shown[0].login,
            accounts=tuple(c.account.name or c.account.id for c in shown),
            renew_url=f"{self._public_url}/reauthorize/{shown[0].id}?login=another",
        )


def _gave(grant: Grant, who: str, email: str) -> bool:
    if grant.lost_at is not None:
        return False
    return grant.authorized_by == who or bool(email and grant.identity.login.casefold() == email.casefold())


def _healthy(connection: Connection) -> bool:
    """What is paused, removed or in an outage is not told of: nobody needs it now, or its alert tells of it."""
    return connection.enabled and connection.authorized and not (connection.outage_id or connection.removed_at)
