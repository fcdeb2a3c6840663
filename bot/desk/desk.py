"""What a person asked for, done: lists, a check, a claim, a pause. Implements bot.people.people.Desk."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, time

from bot.announce.leavers import Leavers
from bot.desk.rerouting import Rerouting
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Route, Routes
from bot.outages.gathering import Facts
from bot.outages.marks import shown
from bot.outages.meter import last_days
from bot.people.people import NoConnection, NotFound, Reachable, Removed, RouteFacts
from bot.reauthorize.connect import Connect
from bot.reauthorize.guests import Guests
from bot.reauthorize.remove import Remove
from bot.watch.watch import Watch
from bot.words.connection import Connection, Event, Outage
from bot.words.errors import AuthorizationLost
from bot.words.facts import CheckAnswer, ConnectionFacts, OutageFacts
from bot.words.interfaces import Clock, Gateway

ANSWER_WITHIN = 30.0  # seconds a check may take when the running bot does it


class FrontDesk:
    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        facts: Facts,
        watch: Watch,
        connect: Connect,
        routes: Routes,
        leavers: Leavers,
        guests: Guests,
        now: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._facts = facts
        self._watch = watch
        self._connect = connect
        self._remove = Remove(memory, gateways, now)
        self._rerouting = Rerouting(memory, gateways, connect, routes, now)
        self._leavers = leavers
        self._guests = guests
        self._now = now
        self._sleep = sleep

    def platforms(self) -> dict[str, str]:
        return {key: gateway.platform.name for key, gateway in self._gateways.items()}

    async def connections(self) -> list[ConnectionFacts]:
        async with self._memory.read() as tx:
            return await self._connect.listed(tx, await tx.connections.all())

    async def connection(self, connection_id: str) -> ConnectionFacts:
        return await self._listed(await self._connection(connection_id))

    async def outages(self, *, open_only: bool = False) -> list[OutageFacts]:
        async with self._memory.read() as tx:
            return [await self._facts.gather(tx, o) for o in await tx.outages.latest(open_only=open_only)]

    async def past(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Outage]:
        async with self._memory.read() as tx:
            return await tx.outages.latest(limit=limit, after=after)

    async def outage(self, outage_id: str) -> OutageFacts | None:
        return await self._facts.of(outage_id)

    async def connect_link(self, platform: str, asked_by: str) -> str:
        return await self._connect.link(platform, asked_by)

    async def reachable(self, platform: str) -> list[Reachable]:
        return await self._connect.reachable(platform)

    async def watch(self, grant_id: str, account_ids: Sequence[str], who: str) -> list[ConnectionFacts]:
        return await self._connect.watch(grant_id, account_ids, who)

    async def check(self, connection_id: str | None = None) -> list[CheckAnswer]:
        """Paused connections and dead logins are not probed: a dead credential is never tried again by us. What may heal
        without a new login is.
        """
        if connection_id is not None:
            chosen = [await self._connection(connection_id)]
        else:
            async with self._memory.read() as tx:
                chosen = [c for c in await tx.connections.all() if c.platform in self._gateways]
        async with self._memory.read() as tx:
            probed = [c for c in chosen if c.enabled and (c.authorized or await self._may_heal(tx, c))]
            running = await tx.replicas.alive(self._now())
        if running:
            await self._ask(probed)
        else:
            await asyncio.gather(*(self._watch.check(c) for c in probed))
        if connection_id is None:
            chosen = await self._remaining(chosen)
        return [await self._answer(c) for c in chosen]

    async def _remaining(self, connections: list[Connection]) -> list[Connection]:
        """Without those that somebody has removed meanwhile."""
        async with self._memory.read() as tx:
            left = {c.id for c in await tx.connections.all()}
        return [c for c in connections if c.id in left]

    async def _may_heal(self, tx: Tx, connection: Connection) -> bool:
        outage = await tx.outages.get(connection.outage_id) if connection.outage_id else None
        return outage is not None and outage.remedy != AuthorizationLost.__name__

    async def _ask(self, connections: list[Connection]) -> None:
        """Let the running bot probe, so that two processes never hold one login, and wait for its answers."""
        asked = self._now()
        waiting = {c.id: c.authorized for c in connections}
        async with self._memory.begin() as tx:
            await tx.connections.ask_check(list(waiting), asked)
        for _ in range(int(ANSWER_WITHIN / 0.1)):
            await self._sleep(0.1)
            async with self._memory.read() as tx:
                there = {c.id: c for c in await tx.connections.all()}  # who is not among them is waited for no longer
            waiting = {
                each: was for each, was in waiting.items() if each in there and not _answered(there[each], was, asked)
            }
            if not waiting:
                return

    async def _answer(self, connection: Connection) -> CheckAnswer:
        fresh = await self._connection(connection.id)
        if not fresh.enabled:
            return CheckAnswer(fresh, "paused, so it was not probed")
        if not fresh.authorized:
            async with self._memory.read() as tx:
                outage = await tx.outages.open_of_connection(fresh.id)
            return CheckAnswer(fresh, outage.cause.words if outage else "it must be authorized again")
        if fresh.last_good_at is None or (fresh.checked_at and fresh.last_good_at < fresh.checked_at):
            return CheckAnswer(fresh, "the platform did not answer properly; it is tried again")
        return CheckAnswer(fresh)

    async def _connection(self, connection_id: str) -> Connection:
        async with self._memory.read() as tx:
            connection = await tx.connections.get(connection_id)
        if connection is None or connection.removed_at is not None or connection.platform not in self._gateways:
            raise NoConnection(connection_id)
        return shown(connection, self._gateways[connection.platform].platform)

    async def claim(self, outage_id: str, who: str) -> OutageFacts:
        """Handled once: a second click by the same person, or one on a closed outage, changes nothing."""
        now = self._now()
        async with self._memory.begin() as tx:
            outage = await tx.outages.held(outage_id)
            if outage is None:
                raise NotFound(f"there is no outage {outage_id}")
            if outage.closed_at is None and outage.claimed_by != who:
                await tx.outages.claim(outage_id, who, now)
                tx.audit.note("claimed", who=who, subject=outage_id)
                revision = await tx.outages.event(outage_id, Event(now, "claimed", who))
                await tx.outbox.say_message(outage_id, revision, now)
                await tx.outbox.say_reply(outage_id, "claimed", revision, {"who": who}, now)
        return await self._facts_of(outage_id)

    async def snooze(self, outage_id: str, who: str, until: datetime) -> OutageFacts:
        now = self._now()
        async with self._memory.begin() as tx:
            outage = await tx.outages.held(outage_id)
            if outage is None:
                raise NotFound(f"there is no outage {outage_id}")
            last = (await last_days(tx, self._gateways, [outage], now)).get(outage_id)
            until = until if last is None else min(until, datetime.combine(last, time(), UTC))
            if outage.closed_at is None and outage.snoozed_until != until and until > now:
                await tx.outages.snooze(outage_id, until)
                tx.audit.note("snoozed", who=who, subject=outage_id, until=until.isoformat())
                revision = await tx.outages.event(outage_id, Event(now, "snoozed", who, until.isoformat()))
                await tx.outbox.say_message(outage_id, revision, now)
        return await self._facts_of(outage_id)

    async def _facts_of(self, outage_id: str) -> OutageFacts:
        facts = await self._facts.of(outage_id)
        assert facts is not None
        return facts

    async def pause(self, connection_id: str, who: str) -> ConnectionFacts:
        """Everything is kept. An outage that was only about this connection ends with it, unconfirmed but quiet."""
        connection, now = await self._connection(connection_id), self._now()
        async with self._memory.begin() as tx:
            await tx.grants.held(connection.grant_id)
            about = await tx.outages.open_of_connection(connection_id)
            outage = await tx.outages.held(about.id) if about is not None else None
            await tx.connections.set_enabled(connection_id, False)
            if connection.enabled:
                tx.audit.note("paused", who=who, subject=connection_id)
            if outage is not None and outage.closed_at is None:
                revision = await tx.outages.event(outage.id, Event(now, "paused", who, connection.account.name))
                await tx.connections.set_catching_up([connection_id], False)
                if len(outage.connection_ids) > 1:
                    await tx.outages.leave(outage.id, [connection_id])
                else:
                    await tx.outages.close(outage.id, {}, {}, now, caught_up=False)
                    await tx.transfers.clear_marks(outage.id)
                await tx.outbox.say_message(outage.id, revision, now)
        return await self._listed(await self._connection(connection_id))

    async def resume(self, connection_id: str, who: str) -> ConnectionFacts:
        """If its login died while it was paused, it alerts now.

        If it is not authorized although its login lives, the reason may be over: it is looked at now, and alerts if it is not.
        """
        found, now = await self._connection(connection_id), self._now()
        async with self._memory.begin() as tx:
            grant = await tx.grants.held(found.grant_id)
            connection = await tx.connections.get(connection_id)
            if grant is not None and connection is not None and not connection.enabled:
                await tx.connections.set_enabled(connection_id, True)
                tx.audit.note("resumed", who=who, subject=connection_id)
                if not connection.authorized and grant.lost_at is not None:
                    await self._watch.losses.found_dead(tx, connection)
                else:
                    await tx.connections.set_authorized([connection_id], True)
                    await tx.connections.ask_check([connection_id], now)
        return await self._listed(await self._connection(connection_id))

    async def remove(self, connection_id: str, who: str) -> Removed:
        gone, login = await self._remove.run(await self._connection(connection_id), who)
        return Removed(await self._listed(gone), login)

    async def _listed(self, connection: Connection) -> ConnectionFacts:
        async with self._memory.read() as tx:
            return (await self._connect.listed(tx, [connection]))[0]

    async def route(self, platform: str, connection_id: str = "") -> RouteFacts:
        return await self._rerouting.look(platform, connection_id)

    async def reroute(self, platform: str, connection_id: str, to: Route, who: str) -> RouteFacts:
        return await self._rerouting.change(platform, connection_id, to, who)

    async def ask_guest(self, outage_id: str, who: str, *, same_login: bool) -> str:
        return await self._guests.ask(outage_id, who, same_login=same_login)

    async def take_back(self, link_id: str, who: str) -> bool:
        return await self._guests.take_back(link_id, who)

    async def left(self, who: str, name: str, email: str) -> None:
        await self._leavers.left(who, name, email)

    async def newest_click(self, subject: str, clicked_micros: int) -> bool:
        async with self._memory.begin() as tx:
            return await tx.clicks.newest(subject, clicked_micros, self._now())


def _answered(connection: Connection, was_authorized: bool, asked: datetime) -> bool:
    """Whether a check that was asked for then has come to something."""
    probed = connection.checked_at is not None and connection.checked_at >= asked
    return probed or (was_authorized and not connection.authorized) or not connection.enabled
