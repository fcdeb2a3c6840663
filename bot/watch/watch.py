"""Verb 1, watch: normal traffic is the first sensor, quiet connections are probed, and a loss is noticed once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog

from bot.logins.intents import KEY_LOST
from bot.logins.refresh import NO_REFRESH_TOKEN, GrantTokens, OnItsWay, Refresher
from bot.logins.resuming import InTurn, Resuming
from bot.logins.turns import Turns
from bot.memory.memory import Memory, SealBroken
from bot.memory.routes import Routes
from bot.memory.storms import USUAL_STORM, StormRule
from bot.outages.marks import begin_catch_up
from bot.traces import span
from bot.watch.findings import Findings
from bot.watch.losses import Loss, Losses, still_open
from bot.words.connection import Checked, Connection, DueCheck, Grant, Reach
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.words.interfaces import Clock, Fetch, Gateway, Platform
from bot.words.pace import Pace

log = structlog.get_logger()

UNCERTAIN = timedelta(seconds=10)  # within which a login comes back for its turn whose token may have got lost


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
        storms: StormRule = USUAL_STORM,
        owner: str | None = None,
    ) -> None:
        self._memory = memory
        self._findings = Findings(memory)
        self._turns = Turns(memory, now)
        self._gateways = gateways
        self._refresher = refresher
        self.losses = Losses(memory, routes, storms, now)
        self._pace = pace
        self._now = now
        self._owner = owner
        self.resuming = Resuming(memory, now, pace.retry_max)

    @asynccontextmanager
    async def using(self, connection: Connection, *, in_turn: bool = False) -> AsyncIterator[Fetch]:
        """An authorized fetch for this connection. Losses met inside are recorded before they are raised on.

        `in_turn`: no person waits for it, so after a platform's trouble its requests take their turns.
        """
        async with self._memory.read() as tx:
            grant = await tx.grants.get(connection.grant_id)
        assert grant is not None  # a connection's grant row is never deleted
        tokens = GrantTokens(self._refresher, connection.grant_id, grant.generation)
        try:
            gateway = self._gateways[connection.platform]
            fetch = gateway.fetch(tokens)
            yield self._in_turn(gateway.platform, connection, fetch) if in_turn else fetch
        except (AuthorizationLost, Misconfigured, AccessDenied) as error:
            await self._noticed(connection, tokens, error)
            raise

    def _in_turn(self, platform: Platform, connection: Connection | DueCheck, fetch: Fetch) -> Fetch:
        paced = self.resuming.paced(connection.platform, connection.id, fetch)
        return self._turns.of(platform, connection.account, paced)

    async def _noticed(self, connection: Connection | DueCheck, tokens: GrantTokens, error: Loss) -> None:
        if isinstance(error, AccessDenied) and error is not tokens.denial:
            await self.losses.denied(connection, error, tokens.generation)
        else:
            await self.losses.lost(connection.grant_id, tokens.generation, error)

    async def check(self, connection: Connection) -> str:
        """Probe one connection now; returns the problem in words, or ""."""
        async with self._memory.read() as tx:
            grant = await tx.grants.get(connection.grant_id)
        assert grant is not None  # a connection's grant row is never deleted
        due = DueCheck(
            connection.id,
            connection.platform,
            connection.account,
            connection.grant_id,
            connection.authorized,
            grant.generation,
        )
        self._findings.expect(1)
        problem = await self.check_due(due)
        await self._findings.write()
        return problem

    async def claim(self, limit: int) -> list[DueCheck]:
        """Due checks, for `check_due` or `put_back`."""
        async with self._memory.begin(lasting=False) as tx:
            due = await tx.connections.claim_checks(self._now(), limit, self._owner)
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
        except InTurn as error:
            await self._findings.add(self._found(due, error.pause, good=None))
            return str(error)
        finally:
            self._findings.expect(-1)
        await self._findings.add(self._found(due, pause, good=not problem))
        if not problem and not due.authorized:
            await self._healed(due)
        return problem

    def _found(self, due: DueCheck, pause: timedelta, *, good: bool | None) -> Checked:
        return Checked(due.id, self._now(), self._now() + pause, good=good)

    async def _probed(self, due: DueCheck) -> tuple[str, timedelta]:
        """The problem, or "", and how long to stay away. Raises InTurn."""
        gateway = self._gateways.get(due.platform)
        if gateway is None:
            return "its platform is not switched on", self._pace.next_check()
        tokens = GrantTokens(self._refresher, due.grant_id, due.generation)
        try:
            if not due.authorized and await self._login_was_refused(due):
                # Its access token may live on: that alone would prove nothing.
                await tokens.tested()
            fetch = self._in_turn(gateway.platform, due, gateway.fetch(tokens))
            await gateway.platform.probe(fetch, due.account)
        except InTurn:
            raise
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
            # Where a token may have got lost, somebody may have to be told within the minute.
            soon = UNCERTAIN if grant.refresh_started_at else None
            async with self.resuming.turn(f"the token endpoint of {grant.platform}", grant.id, soon):
                await self._refresher.renewed(grant.id, grant.generation)
        except (AuthorizationLost, Misconfigured, AccessDenied) as error:
            if error.cause is NO_REFRESH_TOKEN and grant.expires_at and grant.expires_at > self._now():
                await self._renew_at(grant, grant.expires_at)  # it cannot be renewed, but it has not run out yet
            else:
                await self.losses.lost(grant.id, grant.generation, error)
        except RedkeyError as error:
            log.info("refresh put off", grant=grant.id, platform=grant.platform, why=str(error))
            if not isinstance(error, OnItsWay):  # then the next try is noted
                pause = self._pace.back_off(10, error.after if isinstance(error, TryLater) else None)
                if isinstance(error, InTurn) and grant.refresh_started_at:
                    pause = error.pause
                await self._renew_at(grant, self._now() + pause)

    async def _renew_at(self, grant: Grant, at: datetime) -> None:
        async with self._memory.begin() as tx:
            await tx.grants.renew_at(grant.id, at)

    async def unlock(self) -> None:
        """Logins that did not open are looked at again once their key is back: from then on they heal by themselves."""
        async with self._memory.read() as tx:
            locked = await tx.outages.open_with(KEY_LOST.code)
        for outage_id in locked:
            async with self._memory.begin() as tx:
                outage = await tx.outages.get(outage_id)
                assert outage is not None  # one that is open is never forgotten
                grant = await tx.grants.held(outage.grant_id)
                try:
                    tokens = await tx.grants.tokens(outage.grant_id)
                except SealBroken:
                    continue
                current = await still_open(tx, outage)
                if grant is None or grant.lost_at is None or tokens is None or current is None:
                    continue
                await tx.grants.replace(grant, tokens, self._now())
                await tx.grants.renew_at(grant.id, self._now())
                await tx.outages.lost_again(current.id, KEY_LOST, Misconfigured.__name__, self._now())
                await tx.connections.ask_check(current.connection_ids, self._now())

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
            outage = await still_open(tx, await tx.outages.open_of_connection(connection.id))
            back = [fresh]
            if outage is not None and outage.reach is Reach.GRANT:
                of_grant = await tx.connections.of_grant(fresh.grant_id)
                back = [c for c in of_grant if c.outage_id in {None, outage.id}]
            await tx.connections.set_authorized([c.id for c in back], True)
            if outage is not None and outage.reauthorized_at is None:
                missed = [c for c in back if c.id in outage.connection_ids]
                await begin_catch_up(tx, outage, missed, self._gateways[fresh.platform].platform, by="", now=now)
