"""Verb 1, watch: normal traffic is the first sensor, quiet connections are probed, and a loss is noticed once."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.connection import Checked, Connection, DueCheck, Event, Grant, Outage, Reach
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.findings import Findings
from bot.flaps import reopen
from bot.interfaces import Clock, Fetch, Gateway
from bot.marks import begin_catch_up
from bot.memory import Memory, SealBroken, Tx
from bot.refresh import KEY_LOST, KNOWN_LOST, NO_REFRESH_TOKEN, GrantTokens, OnItsWay, Refresher
from bot.routes import Routes
from bot.traces import span

log = structlog.get_logger()

Loss = AuthorizationLost | AccessDenied | Misconfigured


@dataclass(frozen=True)
class Pace:
    """How often to look, and how long to stay away after trouble."""

    check_every: timedelta
    retry_max: timedelta

    def next_check(self) -> timedelta:
        """Jittered, so that a thousand connections made in one minute are not probed in one second."""
        return self.check_every * random.uniform(0.9, 1.1)  # noqa: S311  # spreading load, not a secret

    def check_again(self, after: timedelta | None) -> timedelta:
        """After trouble no sooner than usual: a platform in trouble needs no more requests than one that is well."""
        return max(min(self.next_check(), self.retry_max), after or timedelta(0))

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
        storms: tuple[int, timedelta] = (5, timedelta(seconds=30)),
    ) -> None:
        self._storms = storms  # from so many outages of a platform and channel within so long on
        self._memory = memory
        self._findings = Findings(memory)
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
        tokens = GrantTokens(self._refresher, connection.grant_id, grant.generation)
        try:
            yield self._gateways[connection.platform].fetch(tokens)
        except (AuthorizationLost, Misconfigured, AccessDenied) as error:
            await self._noticed(connection, tokens, error)
            raise

    async def _noticed(self, connection: Connection | DueCheck, tokens: GrantTokens, error: Loss) -> None:
        if isinstance(error, AccessDenied) and error is not tokens.denial:
            await self.denied(connection, error, tokens.generation)
        else:
            await self.lost(connection.grant_id, tokens.generation, error)

    async def check(self, connection: Connection) -> str:
        """Probe one connection now; returns the problem in words, or ""."""
        async with self._memory.read() as tx:
            grant = await tx.grants.get(connection.grant_id)
        assert grant is not None  # a connection's grant row is never deleted
        c = connection
        self._findings.expect(1)
        problem = await self.check_due(
            DueCheck(c.id, c.platform, c.account, c.grant_id, c.authorized, grant.generation)
        )
        await self._findings.write()
        return problem

    async def claim(self, limit: int) -> list[DueCheck]:
        """Due checks, for `check_due` or `put_back`."""
        async with self._memory.begin(lasting=False) as tx:
            due = await tx.connections.claim_checks(self._now(), limit)
        self._findings.expect(len(due))
        return due

    async def put_back(self, due: Sequence[DueCheck]) -> None:
        """Claimed, but we stop before they were begun."""
        self._findings.expect(-len(due))
        async with self._memory.begin() as tx:
            await tx.connections.unclaim_checks([each.id for each in due], self._now())

    async def check_due(self, due: DueCheck) -> str:
        """Probe a connection whose check was claimed. Also how an outage nobody can click away heals."""
        try:
            with span("probe", platform=due.platform, connection=due.id) as step:
                problem, pause = await self._probed(due)
                step.set("well", not problem)
        finally:
            self._findings.expect(-1)
        now = self._now()
        await self._findings.add(Checked(due.id, now, now + pause, good=not problem))
        if not problem and not due.authorized:
            await self._healed(due)
        return problem

    async def _probed(self, due: DueCheck) -> tuple[str, timedelta]:
        """The problem, or "", and how long to stay away."""
        gateway = self._gateways.get(due.platform)
        if gateway is None:
            return "its platform is not switched on", self._pace.next_check()
        tokens = GrantTokens(self._refresher, due.grant_id, due.generation)
        try:
            if not due.authorized and await self._login_was_refused(due):
                # Its access token may live on: that alone would prove nothing.
                await tokens.tested()
            await gateway.platform.probe(gateway.fetch(tokens), due.account)
        except TryLater as error:
            return str(error), self._pace.check_again(error.after)
        except RedkeyError as error:
            if isinstance(error, Loss):
                return await self._lost_in_check(due, tokens, error)
            return str(error), self._pace.next_check()
        return "", self._pace.next_check()

    async def _lost_in_check(self, due: DueCheck, tokens: GrantTokens, error: Loss) -> tuple[str, timedelta]:
        try:
            await self._noticed(due, tokens, error)
        except TryLater as trouble:  # it could not be written down: seen again soon
            return str(trouble), self._pace.check_again(trouble.after)
        return str(error), self._pace.next_check()

    async def _login_was_refused(self, connection: DueCheck) -> bool:
        async with self._memory.read() as tx:
            outage = await tx.outages.open_of_connection(connection.id)
        return outage is not None and outage.reach is Reach.GRANT

    async def renew(self, grant: Grant) -> None:
        """Refresh ahead of expiry, or because it has been idle. A refusal is a drop like any other."""
        if grant.platform not in self._gateways:
            return
        try:
            await self._refresher.renewed(grant.id, grant.generation)
        except (AuthorizationLost, Misconfigured, AccessDenied) as error:
            if error.cause is NO_REFRESH_TOKEN and grant.expires_at and grant.expires_at > self._now():
                await self._renew_at(grant, grant.expires_at)  # it cannot be renewed, but it has not run out yet
            else:
                await self.lost(grant.id, grant.generation, error)
        except RedkeyError as error:
            log.info("refresh put off", grant=grant.id, platform=grant.platform, why=str(error))
            after = error.after if isinstance(error, TryLater) else None
            pause = self._pace.back_off(10, after)
            if isinstance(error, OnItsWay) and after is not None:
                pause = after
            await self._renew_at(grant, self._now() + pause)

    async def _renew_at(self, grant: Grant, at: datetime) -> None:
        async with self._memory.begin() as tx:
            await tx.grants.renew_at(grant.id, at)

    async def lost(self, grant_id: str, generation: int, error: Loss, *, together: bool = False) -> None:
        """Record that a login stopped working, once per generation, and open its outage in the same transaction.

        `together`: it is known to be one of several, so they share one message from the first on.
        An AccessDenied here is one that the token endpoint raised: everything that this login carries is lost.
        """
        now = self._now()
        async with self._memory.begin() as tx:
            grant = await tx.grants.held(grant_id)
            if grant is None or grant.generation > generation:
                return  # someone logged in again meanwhile: the refusal was about older tokens
            if isinstance(error, AuthorizationLost) and not await tx.grants.mark_lost(grant, now):
                return
            standing = await _held(tx, await tx.outages.open_of_grant(grant_id))
            connections = await tx.connections.of_grant(grant_id)
            await tx.connections.set_authorized([c.id for c in connections], False)
            await self._login_lost(tx, standing, [c for c in connections if c.enabled], error, together=together)

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
            own = await _held(tx, await tx.outages.get(outage_id))
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
            standing = await _held(tx, await tx.outages.open_of_connection(fresh.id))
            await tx.connections.set_authorized([fresh.id], False)
            if standing is not None and len(standing.connection_ids) == 1:
                await self._drop_again(tx, standing, error)
                return
            if standing is not None:
                await self._part(tx, standing, fresh)
            await self._open(tx, Reach.ACCOUNT, [fresh], error)

    async def _part(self, tx: Tx, outage: Outage, connection: Connection) -> None:
        now, name = self._now(), connection.account.name
        await tx.outages.leave(outage.id, [connection.id])
        await tx.connections.set_catching_up([connection.id], False)
        revision = await tx.outages.event(outage.id, Event(now, "partly", "", name))
        await tx.outbox.say_message(outage.id, revision, now)
        await tx.outbox.say_reply(outage.id, "partly", revision, {"missing": [name]}, now)

    async def found_dead(self, tx: Tx, connection: Connection) -> None:
        """A connection was resumed whose login died while it was paused: say so now."""
        current = await _held(tx, await tx.outages.open_of_grant(connection.grant_id))
        if current is None:
            await self._open(tx, Reach.GRANT, [connection], AuthorizationLost(KNOWN_LOST))
        else:
            await self._join(tx, current, [connection])

    async def unlock(self) -> None:
        """Logins that did not open are looked at again once their key is back: from then on they heal by themselves."""
        async with self._memory.read() as tx:
            locked = [o for o in await tx.outages.latest(open_only=True) if o.cause.code == KEY_LOST.code]
        for outage in locked:
            async with self._memory.begin() as tx:
                grant = await tx.grants.held(outage.grant_id)
                try:
                    tokens = await tx.grants.tokens(outage.grant_id)
                except SealBroken:
                    continue
                current = await _held(tx, outage)
                if grant is None or grant.lost_at is None or tokens is None or current is None:
                    continue
                await tx.grants.replace(grant, tokens, self._now())
                await tx.grants.renew_at(grant.id, self._now())
                await tx.outages.lost_again(current.id, KEY_LOST, Misconfigured.__name__, self._now())
                await tx.connections.ask_check(current.connection_ids, self._now())

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
            many, window = self._storms
            await tx.outages.gather(outage, 1 if together else many, window, now)
            log.warning("connection lost", platform=first.platform, outage=outage.id, cause=error.cause.code)
            await tx.outbox.say_message(outage.id, outage.revision, now)

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

    async def _healed(self, connection: DueCheck) -> None:
        """The probe of a lost connection succeeded: an administrator gave the rights back, or the operator acted.

        Where the login itself had been refused, all its accounts are back, the paused ones too.
        """
        now = self._now()
        async with self._memory.begin() as tx:
            await tx.grants.held(connection.grant_id)
            fresh = await tx.connections.get(connection.id)
            if fresh is None or fresh.authorized or fresh.grant_id != connection.grant_id:
                return
            outage = await _held(tx, await tx.outages.open_of_connection(connection.id))
            back = [fresh]
            if outage is not None and outage.reach is Reach.GRANT:
                of_grant = await tx.connections.of_grant(fresh.grant_id)
                back = [c for c in of_grant if c.outage_id in {None, outage.id}]
            await tx.connections.set_authorized([c.id for c in back], True)
            if outage is not None and outage.reauthorized_at is None:
                missed = [c for c in back if c.id in outage.connection_ids]
                await begin_catch_up(tx, outage, missed, self._gateways[fresh.platform].platform, by="", now=now)


async def _held(tx: Tx, outage: Outage | None) -> Outage | None:
    """The outage as it stands now, held, or None if it is over."""
    held = await tx.outages.held(outage.id) if outage is not None else None
    return held if held is not None and held.closed_at is None else None
