"""A loss, however it was noticed, is written down once, with the outage and the message it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.logins.intents import KNOWN_LOST
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.memory.storms import LostLogin, Opened, StormRule
from bot.outages.flaps import SAME_OUTAGE, reopen
from bot.words.connection import Connection, DueCheck, Event, Outage, Reach
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, TryLater
from bot.words.interfaces import Clock
from bot.work.together import Together

log = structlog.get_logger()

A_ROUND = timedelta(minutes=10)  # of checks, and more

Loss = AuthorizationLost | AccessDenied | Misconfigured


@dataclass(frozen=True)
class _Lost:
    grant_id: str
    generation: int
    error: Loss
    together: bool


class Losses:
    """Opens outages, adds to them, and takes up again those that had begun to heal."""

    def __init__(self, memory: Memory, routes: Routes, storms: StormRule, now: Clock) -> None:
        self._memory = memory
        self._routes = routes
        self._storms = storms
        self._now = now
        self._written = Together(self._write)

    async def lost(self, grant_id: str, generation: int, error: Loss, *, together: bool = False) -> None:
        """Record that a login stopped working, once per generation, and open its outage in the same transaction.

        `together`: it is known to be one of several, so they share one message from the first on.
        An AccessDenied here is one that the token endpoint raised: everything that this login carries is lost.
        """
        await self._written(_Lost(grant_id, generation, error, together))

    async def _write(self, lost: Sequence[_Lost]) -> list[Exception | None]:
        """Those that come at the same time are written together. What cannot be written with others is written alone."""
        try:
            async with self._memory.begin() as tx:
                for each in await self._most(tx, lost):
                    await self._one(tx, each)
        except TryLater:
            raise
        except Exception:
            if len(lost) == 1:
                raise
            log.warning("losses could not be written together", exc_info=True)
            return [await self._alone(each) for each in lost]
        return [None] * len(lost)

    async def _alone(self, lost: _Lost) -> Exception | None:
        try:
            async with self._memory.begin() as tx:
                await self._one(tx, lost)
        except Exception as error:  # noqa: BLE001 - for whoever noticed this one, not for the others
            return error
        return None

    async def _most(self, tx: Tx, lost: Sequence[_Lost]) -> list[_Lost]:
        """Logins that nothing is told of yet, by few statements for all of them. Gives those that want a closer look."""
        now = self._now()
        first: dict[str, _Lost] = {}
        for each in lost:
            if isinstance(each.error, AuthorizationLost):
                first.setdefault(each.grant_id, each)
        ours = {grant_id: each.generation for grant_id, each in first.items()}
        fresh = await tx.storms.lose(ours, now - SAME_OUTAGE, now) if ours else {}
        routes = self._routes.over(await tx.routes.all())
        begun = [
            self._login(first[grant_id], connections, routes)
            for grant_id, connections in fresh.items()
            if connections  # if all are paused there is none at all: it alerts when someone resumes one
        ]
        told: dict[str, Opened] = {}
        for opened in await tx.storms.open(begun, self._storms.window, now) if begun else ():
            log.warning("connection lost", platform=opened.platform, outage=opened.outage_id, cause=opened.cause)
            if opened.told_by not in told or opened.told_by == opened.outage_id:
                told[opened.told_by] = opened
        for opened in told.values():
            await tx.outbox.say_message(opened.outage_id, 1, now)
        return [each for each in lost if each.grant_id not in fresh]

    def _login(self, lost: _Lost, connections: Sequence[Connection], routes: Routes) -> LostLogin:
        return LostLogin(
            connections=connections,
            remedy=type(lost.error).__name__,
            cause=lost.error.cause,
            last_good_at=max((c.last_good_at for c in connections if c.last_good_at), default=None),
            channel=routes.channel(connections[0]),
            after=1 if lost.together else self._storms.after,
        )

    async def _one(self, tx: Tx, lost: _Lost) -> None:
        """Once per generation; its outage is opened, or goes on, in the same transaction."""
        grant = await tx.grants.held(lost.grant_id)
        if grant is None or grant.generation > lost.generation:
            return  # someone logged in again meanwhile: the refusal was about older tokens
        if isinstance(lost.error, AuthorizationLost) and not await tx.grants.mark_lost(grant, self._now()):
            return
        standing = await still_open(tx, await tx.outages.open_of_grant(lost.grant_id))
        connections = await tx.connections.of_grant(lost.grant_id)
        await tx.connections.set_authorized([c.id for c in connections], False)
        enabled = [c for c in connections if c.enabled]
        await self._login_lost(tx, standing, enabled, lost.error, together=lost.together)

    async def _login_lost(
        self, tx: Tx, standing: Outage | None, connections: Sequence[Connection], error: Loss, *, together: bool
    ) -> None:
        """One outage for the login. An account that has one of its own already keeps it: it is lost for two reasons.

        If all are paused there is none at all: it alerts when someone resumes one.
        """
        free = [c for c in connections if c.outage_id is None]
        if standing is not None:
            await self._join(tx, standing, free)
            await self._drop_again(tx, standing, error)
        elif free:
            await self._open(tx, Reach.GRANT, free, error, together=together)
        for outage_id in {c.outage_id for c in connections if c.outage_id} - {standing.id if standing else ""}:
            own = await still_open(tx, await tx.outages.get(outage_id))
            if own is not None and (own.reauthorized_at or not (free or standing)):
                await self._drop_again(tx, own, error)

    async def denied(
        self, connection: Connection | DueCheck, error: AccessDenied, generation: int | None = None
    ) -> None:
        """The login lives, this one account is lost to it. Its siblings go on, also those it was catching up with."""
        async with self._memory.begin() as tx:
            grant = await tx.grants.held(connection.grant_id)
            fresh = await tx.connections.get(connection.id)
            if grant is None or (generation is not None and grant.generation > generation):
                return  # tokens are newer by now: if they are refused as well, that will be said then
            if fresh is None or fresh.grant_id != grant.id or not fresh.enabled or not fresh.authorized:
                return
            standing = await still_open(tx, await tx.outages.open_of_connection(fresh.id))
            await tx.connections.set_authorized([fresh.id], False)
            if standing is not None and len(standing.connection_ids) == 1:
                await self._drop_again(tx, standing, error)
                return
            if standing is not None:
                await self._part(tx, standing, fresh)
            await self._open(tx, Reach.ACCOUNT, [fresh], error)

    async def found_dead(self, tx: Tx, connection: Connection) -> None:
        """A connection was resumed whose login died while it was paused: say so now."""
        current = await still_open(tx, await tx.outages.open_of_grant(connection.grant_id))
        if current is None:
            await self._open(tx, Reach.GRANT, [connection], AuthorizationLost(KNOWN_LOST))
        else:
            await self._join(tx, current, [connection])

    async def _part(self, tx: Tx, outage: Outage, connection: Connection) -> None:
        now, name = self._now(), connection.account.name
        await tx.outages.leave(outage.id, [connection.id])
        await tx.connections.set_catching_up([connection.id], False)
        revision = await tx.outages.event(outage.id, Event(now, "partly", "", name))
        await tx.outbox.say_message(outage.id, revision, now)
        await tx.outbox.say_reply(outage.id, "partly", revision, {"missing": [name]}, now)

    async def _open(
        self, tx: Tx, reach: Reach, connections: Sequence[Connection], error: Loss, *, together: bool = False
    ) -> None:
        now, first = self._now(), connections[0]
        if await reopen(tx, reach, connections, error, now):
            return
        outage = await tx.outages.open(
            platform=first.platform,
            reach=reach,
            grant_id=first.grant_id,
            login=first.login,
            connection_ids=[c.id for c in connections],
            remedy=type(error).__name__,
            cause=error.cause,
            last_good_at=max((c.last_good_at for c in connections if c.last_good_at), default=None),
            channel=self._routes.over(await tx.routes.all()).channel(first),
            now=now,
        )
        if outage is not None:
            rule = self._rule(error, together=together)
            await tx.storms.gather(outage, rule.after, rule.window, now)
            log.warning("connection lost", platform=first.platform, outage=outage.id, cause=error.cause.code)
            await tx.outbox.say_message(outage.id, outage.revision, now)

    def _rule(self, error: Loss, *, together: bool) -> StormRule:
        """What is wrong with our app is wrong for every login of a platform: one message tells it, one is for all others."""
        after, window = self._storms
        if isinstance(error, Misconfigured):
            return StormRule(1 if together else min(after, 2), max(window, A_ROUND))
        return StormRule(1 if together else after, window)

    async def _join(self, tx: Tx, outage: Outage, connections: Sequence[Connection]) -> None:
        """Accounts of the same login that its outage does not tell of yet: connected or resumed since it began."""
        now = self._now()
        for connection in connections:
            await tx.outages.join(outage.id, [connection.id])
            revision = await tx.outages.event(outage.id, Event(now, "joined", "", connection.account.name))
            await tx.outbox.say_message(outage.id, revision, now)

    async def _drop_again(self, tx: Tx, outage: Outage, error: Loss) -> None:
        """A drop during the catch-up: the same outage, the same message, and the progress stays.

        Before the catch-up only one thing is news: that what others were to mend has come to need a new login.
        """
        reopened = outage.reauthorized_at is not None
        if not reopened and (outage.remedy == AuthorizationLost.__name__ or not isinstance(error, AuthorizationLost)):
            return
        now = self._now()
        await tx.outages.lost_again(outage.id, error.cause, type(error).__name__, now)
        await tx.connections.set_catching_up(outage.connection_ids, False)
        what, why = ("reopened", error.cause.words) if reopened else ("disconnected", error.cause.code)
        revision = await tx.outages.event(outage.id, Event(now, what, "", why))
        await tx.outbox.say_message(outage.id, revision, now)
        if reopened:
            await tx.outbox.say_reply(outage.id, "reopened", revision, {}, now)


async def still_open(tx: Tx, outage: Outage | None) -> Outage | None:
    """The outage as it stands now, held, or None if it is over."""
    held = await tx.outages.held(outage.id) if outage is not None else None
    return held if held is not None and held.closed_at is None else None
