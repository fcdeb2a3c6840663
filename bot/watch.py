"""Verb 1, watch: normal traffic is the first sensor, quiet connections are probed, and a loss is noticed once."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.connection import Connection, Event, Grant, Outage, Reach
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.interfaces import Clock, Fetch, Gateway
from bot.marks import begin_catch_up
from bot.memory import Memory, Tx
from bot.refresh import KNOWN_LOST, GrantTokens, Refresher
from bot.routes import Routes

log = structlog.get_logger()


@dataclass(frozen=True)
class Pace:
    """How often to look, and how long to stay away after trouble."""

    check_every: timedelta
    retry_max: timedelta

    def next_check(self) -> timedelta:
        """Jittered, so that a thousand connections made in one minute are not probed in one second."""
        return self.check_every * random.uniform(0.9, 1.1)  # noqa: S311  # spreading load, not a secret

    def back_off(self, attempts: int, after: timedelta | None) -> timedelta:
        """Full jitter, at most retry_max, but at least what the platform asked for."""
        longest = min(self.retry_max, timedelta(seconds=0.5) * 2 ** min(attempts, 20))
        pause: timedelta = longest * random.uniform(0.5, 1)  # noqa: S311
        return max(pause, after or timedelta(0))


class Watch:
    """Every use of a connection passes through `using`, so every refusal is noticed here and nowhere else."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        refresher: Refresher,
        routes: Routes,
        pace: Pace,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._refresher = refresher
        self._routes = routes
        self._pace = pace
        self._now = now

    @asynccontextmanager
    async def using(self, connection: Connection) -> AsyncIterator[Fetch]:
        """An authorized fetch for this connection. Losses met inside are recorded before they are raised on."""
        async with self._memory.read() as tx:
            grant = await tx.grants.get(connection.grant_id)
        assert grant is not None  # a connection's grant row is never deleted
        tokens = GrantTokens(self._refresher, grant)
        try:
            yield self._gateways[connection.platform].fetch(tokens)
        except (AuthorizationLost, Misconfigured) as error:
            await self.lost(grant.id, tokens.generation, error)
            raise
        except AccessDenied as error:
            await self.denied(connection, error)
            raise

    async def check(self, connection: Connection) -> str:
        """Probe one connection; returns the problem in words, or "". Also how an outage nobody can click away heals."""
        platform = self._gateways[connection.platform].platform
        try:
            async with self.using(connection) as fetch:
                await platform.probe(fetch, connection.account)
        except TryLater as error:
            await self._checked(connection, good=False, pause=self._pace.back_off(3, error.after))
            return str(error)
        except RedkeyError as error:
            await self._checked(connection, good=False, pause=self._pace.next_check())
            return str(error)
        await self._checked(connection, good=True, pause=self._pace.next_check())
        if not connection.authorized:
            await self._healed(connection)
        return ""

    async def renew(self, grant: Grant) -> None:
        """Refresh ahead of expiry, or because it has been idle. A refusal is a drop like any other."""
        try:
            await self._refresher.renewed(grant.id, grant.generation)
        except (AuthorizationLost, Misconfigured) as error:
            await self.lost(grant.id, grant.generation, error)
        except TryLater as error:
            log.info("refresh put off", grant=grant.id, platform=grant.platform, why=str(error))
            async with self._memory.begin() as tx:
                await tx.grants.renew_at(grant.id, self._now() + self._pace.back_off(5, error.after))

    async def lost(self, grant_id: str, generation: int, error: AuthorizationLost | Misconfigured) -> None:
        """Record that a grant stopped working, once per generation, and open its outage in the same transaction."""
        now = self._now()
        async with self._memory.begin() as tx:
            grant = await tx.grants.get(grant_id)
            if grant is None or grant.generation > generation:
                return  # someone logged in again meanwhile: the refusal was about older tokens
            if isinstance(error, AuthorizationLost) and not await tx.grants.mark_lost(grant, now):
                return
            connections = await tx.connections.of_grant(grant_id)
            await tx.connections.set_authorized([c.id for c in connections], False)
            await self._open(tx, Reach.GRANT, [c for c in connections if c.enabled], error)

    async def denied(self, connection: Connection, error: AccessDenied) -> None:
        """The login lives, this one account is lost to it."""
        async with self._memory.begin() as tx:
            fresh = await tx.connections.get(connection.id)
            if fresh is None or not fresh.enabled or fresh.grant_id != connection.grant_id:
                return
            if not fresh.authorized:
                return
            await tx.connections.set_authorized([connection.id], False)
            await self._open(tx, Reach.ACCOUNT, [fresh], error)

    async def found_dead(self, tx: Tx, connection: Connection) -> None:
        """A connection was resumed whose login died while it was paused: say so now."""
        error = AuthorizationLost(KNOWN_LOST)
        current = await tx.outages.open_of_grant(connection.grant_id)
        if current is None:
            await self._open(tx, Reach.GRANT, [connection], error)
            return
        await tx.outages.join(current.id, [connection.id])
        revision = await tx.outages.event(current.id, Event(self._now(), "joined", "", connection.account.name))
        await tx.outbox.say_message(current.id, revision, self._now())

    async def _open(
        self,
        tx: Tx,
        reach: Reach,
        connections: Sequence[Connection],
        error: AuthorizationLost | Misconfigured | AccessDenied,
    ) -> None:
        if not connections:
            return  # everything on this login is paused: it alerts when someone resumes it
        now = self._now()
        first = connections[0]
        standing = await _standing(tx, reach, first)
        if standing is not None:
            await self._drop_again(tx, standing, error)
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
            channel=self._routes.channel(first),
            now=now,
        )
        if outage is not None:
            log.warning("connection lost", platform=first.platform, outage=outage.id, cause=error.cause.code)
            await tx.outbox.say_message(outage.id, outage.revision, now)

    async def _drop_again(
        self, tx: Tx, outage: Outage, error: AuthorizationLost | Misconfigured | AccessDenied
    ) -> None:
        """A drop during the catch-up: the same outage, the same message, and the progress stays."""
        if outage.reauthorized_at is None:
            return
        now = self._now()
        await tx.outages.lost_again(outage.id, error.cause, type(error).__name__, now)
        await tx.connections.set_catching_up(outage.connection_ids, False)
        revision = await tx.outages.event(outage.id, Event(now, "reopened", "", error.cause.words))
        await tx.outbox.say_message(outage.id, revision, now)
        await tx.outbox.say_reply(outage.id, "reopened", revision, {}, now)

    async def _checked(self, connection: Connection, *, good: bool, pause: timedelta) -> None:
        now = self._now()
        async with self._memory.begin() as tx:
            await tx.connections.checked(connection.id, now, now + pause, good=good)

    async def _healed(self, connection: Connection) -> None:
        """The probe of a lost connection succeeded: an administrator gave the rights back, or the operator acted."""
        now = self._now()
        async with self._memory.begin() as tx:
            fresh = await tx.connections.get(connection.id)
            if fresh is None or fresh.authorized:
                return
            outage = await tx.outages.open_of_connection(connection.id)
            healed = (
                [fresh] if outage is None else [c for i in outage.connection_ids if (c := await tx.connections.get(i))]
            )
            await tx.connections.set_authorized([c.id for c in healed], True)
            if outage is not None:
                await begin_catch_up(tx, outage, healed, self._gateways[fresh.platform].platform, by="", now=now)


async def _standing(tx: Tx, reach: Reach, connection: Connection) -> Outage | None:
    if reach is Reach.GRANT:
        return await tx.outages.open_of_grant(connection.grant_id)
    return await tx.outages.open_of_connection(connection.id)
