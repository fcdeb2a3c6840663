"""Removing a connection for good: its login is given back at the platform unless others need it; its history stays."""

from collections.abc import Mapping

import structlog

from bot.memory.memory import Memory, SealBroken, Tx
from bot.people.people import LoginEnd, NotFound
from bot.words.connection import Connection, Event, Grant
from bot.words.interfaces import Clock, Gateway

log = structlog.get_logger()


class Remove:
    """One transaction, so that nobody ever sees half of it: the account is gone, its outage is over, its login is queued."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._now = now

    async def run(self, connection: Connection, who: str) -> tuple[Connection, LoginEnd]:
        """The connection as it is now, and what becomes of its login. Raises NotFound if someone else was quicker.

        No refresh may be under way meanwhile: the token it would bring could not be given back any more.
        """
        async with self._memory.alone(f"grant:{connection.grant_id}"), self._memory.begin() as tx:
            grant = await tx.grants.held(connection.grant_id)
            fresh = await tx.connections.get(connection.id)
            if fresh is None or fresh.removed_at is not None or grant is None or fresh.grant_id != grant.id:
                raise NotFound(f"there is no connection {connection.id}")
            await self._end_outages(tx, fresh, who)
            await tx.connections.remove(fresh.id, who, self._now())
            tx.audit.note("removed", who=who, subject=fresh.id, account=fresh.account.id)
            ended = await self._end_login(tx, grant)
            gone = await tx.connections.get(fresh.id)
            assert gone is not None  # its row stays, for the history
        log.info("connection removed", connection=fresh.id, platform=fresh.platform, who=who, login=ended.value)
        return gone, ended

    async def _end_outages(self, tx: Tx, connection: Connection, who: str) -> None:
        """An outage that was only about this account ends with it, and its message says why; others go on without it."""
        now = self._now()
        while about := await tx.outages.open_of_connection(connection.id):
            outage = await tx.outages.held(about.id)
            if outage is None or outage.closed_at is not None:
                continue  # it ended just now: there may be another
            revision = await tx.outages.event(outage.id, Event(now, "removed", who, connection.account.name))
            if len(outage.connection_ids) > 1:
                await tx.outages.leave(outage.id, [connection.id])
            else:
                await tx.outages.close(outage.id, {}, {}, now, caught_up=False)
                await tx.transfers.clear_marks(outage.id)
            await tx.outbox.say_message(outage.id, revision, now)

    async def _end_login(self, tx: Tx, grant: Grant) -> LoginEnd:
        """A login that is known to be dead is forgotten only: it is never tried again, not even to give it back."""
        if await tx.connections.of_grant(grant.id):
            return LoginEnd.SHARED
        try:
            tokens = await tx.grants.tokens(grant.id)
        except SealBroken:
            tokens = None
        await tx.grants.forget(grant.id)
        if tokens is None or grant.lost_at is not None:
            return LoginEnd.DEAD
        if not self._gateways[grant.platform].platform.oauth.revoke_url:
            return LoginEnd.FORGOTTEN
        token = tokens.refresh_token or tokens.access_token
        await tx.revocations.add(grant.platform, token, self._now(), grant.identity.id)
        return LoginEnd.REVOKED
