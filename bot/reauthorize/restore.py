"""Proving a new consent and letting it replace the old one: nothing changes before everything is known to be right."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.logins.refresh import FreshTokens, renew_at
from bot.memory.memory import Memory, SealBroken, Tx
from bot.memory.storms import USUAL_STORM, StormRule
from bot.outages.marks import begin_catch_up, stopped_flows
from bot.reauthorize.patience import patient
from bot.words.connection import Account, Cause, Connection, Event, Grant, Identity, Outage, Reach, Secret, TokenSet
from bot.words.errors import AccessDenied, AuthorizationLost, MemoryAway, Refused, TryLater
from bot.words.interfaces import Clock, Gateway

log = structlog.get_logger()

PROBES_AT_ONCE = 10
LASTING = timedelta(days=1)
NOT_LASTING = (
    "the login would end within hours and cannot be refreshed, as no refresh token came with it; "
    "remove Redkey from the apps of that login, then log in again"
)
NO_ACCESS = Cause(
    "no_access",
    "The login works, but it does not reach this account any more.",
    "Ask an administrator of the account to give this login access, or log in as somebody who has it.",
)


@dataclass(frozen=True)
class Proof:
    """A consent that was looked through: who it is, what it reaches, and the tokens, stored nowhere yet."""

    tokens: TokenSet
    identity: Identity
    accounts: tuple[Account, ...]


@dataclass(frozen=True)
class Restored:
    """What a swap brought back, and which connections of the same outage it did not."""

    grant: Grant
    reached: tuple[Connection, ...]
    missing: tuple[Connection, ...]


class Restore:
    """Proves, swaps, and gets rid of tokens that are not wanted."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        now: Clock,
        refresh_ahead: timedelta,
        storms: StormRule = USUAL_STORM,
    ) -> None:
        self._storms = storms
        self._memory = memory
        self._gateways = gateways
        self._now = now
        self._ahead = refresh_ahead

    async def prove(self, platform: str, tokens: TokenSet) -> Proof:
        """Ask the platform who this is and what they reach. Raises what the platform's answers mean (bot/words/errors.py)."""
        gateway = self._gateways[platform]
        if len(stopped_flows(gateway.platform, tokens.scopes)) == len(gateway.platform.flows):
            raise Refused("the permissions that Redkey needs were not given: leave all boxes ticked", code="scopes")
        fetch = gateway.fetch(FreshTokens(tokens))
        identity = await gateway.platform.identify(fetch)
        try:
            accounts = await gateway.platform.accounts(fetch)
        except AccessDenied:
            accounts = []  # a person without any account there: not a fault, but the wrong login
        return Proof(tokens, identity, tuple(accounts))

    async def usable(self, platform: str, proof: Proof, connections: Sequence[Connection]) -> list[Connection]:
        """Those the new login really works for, by one real call each. Raises TryLater when that cannot be told now."""
        gateway, slots = self._gateways[platform], asyncio.Semaphore(PROBES_AT_ONCE)
        fetch = gateway.fetch(FreshTokens(proof.tokens))

        async def works(connection: Connection) -> bool:
            account = next((a for a in proof.accounts if a.id == connection.account.id), None)
            if account is None:
                return False
            try:
                async with slots:
                    await gateway.platform.probe(fetch, account)
            except AccessDenied:
                return False
            return True

        answers = await asyncio.gather(*(works(connection) for connection in connections))
        return [connection for connection, good in zip(connections, answers, strict=True) if good]

    @patient
    async def siblings(self, platform: str, proof: Proof) -> list[Connection]:
        """Everything this person's login carried already: one login heals them all."""
        async with self._memory.read() as tx:
            grant = await tx.grants.of_identity(platform, proof.identity.id)
            return await tx.connections.of_grant(grant.id) if grant else []

    async def adopt(self, tx: Tx, platform: str, proof: Proof) -> Grant:
        """Store the new tokens as this person's one grant; the tokens they replace are revoked afterwards.

        Raises Refused for a login that would soon end and cannot be refreshed: without a refresh token of its own it goes on
        with the one this person gave before, if that is not known to be dead.
        """
        now = self._now()
        standing = await tx.grants.of_identity(platform, proof.identity.id)
        if not _lasts(proof.tokens, now):
            living = await tx.grants.living(platform, proof.identity.id)
            held = await _tokens(tx, living)
            if held is None or held.refresh_token is None:
                raise Refused(NOT_LASTING, code="no_refresh_token")
        if standing is None:
            grant = await tx.grants.add(platform, proof.identity, proof.tokens, now)
        else:
            await self._retire(tx, standing, proof.tokens)
            grant = await tx.grants.replace(standing, proof.tokens, now, identity=proof.identity)
        await tx.grants.renew_at(grant.id, renew_at(proof.tokens, now, self._ahead))
        return grant

    async def _retire(self, tx: Tx, grant: Grant, new: TokenSet | None) -> None:
        """Queue the old refresh token for revocation, where that does not end the new one too, and the login does not go on
        with it because no other came.
        """
        ends_the_person = self._gateways[grant.platform].platform.oauth.revokes_person
        if new is not None and (new.refresh_token is None or ends_the_person):
            return
        old = await _tokens(tx, grant)
        if old is None or old.refresh_token is None or (new is not None and old.refresh_token == new.refresh_token):
            return
        await tx.revocations.add(grant.platform, old.refresh_token, self._now(), grant.identity.id)

    async def swap(self, tx: Tx, platform: str, proof: Proof, reached: Sequence[Connection], by: str) -> Restored:
        """Let the new grant carry these connections, and turn their outages to catching up. One transaction, the caller's.

        1. The person's one grant gets the tokens. 2. Connections of other people's grants move over; a grant that carries
        nothing any more is revoked. 3. Every outage touched goes on to its catch-up; accounts of it that this login does not
        reach go on as outages of their own.
        """
        await self.hold(tx, platform, proof, reached)
        grant = await self.adopt(tx, platform, proof)
        missing = await self.carry(tx, grant, proof.accounts, reached, by)
        return Restored(grant, tuple(reached), tuple(missing))

    async def hold(self, tx: Tx, platform: str, proof: Proof, reached: Sequence[Connection]) -> None:
        """Every grant this is about, always in the same order: nobody else tells of their losses meanwhile."""
        own = await tx.grants.of_identity(platform, proof.identity.id)
        for grant_id in sorted({c.grant_id for c in reached} | ({own.id} if own else set())):
            await tx.grants.held(grant_id)

    async def carry(
        self, tx: Tx, grant: Grant, accounts: Sequence[Account], reached: Sequence[Connection], by: str
    ) -> list[Connection]:
        """Steps 2 and 3 of `swap`; gives the connections of the same outages that are not reached."""
        left = {c.grant_id for c in reached if c.grant_id != grant.id}
        await tx.connections.move([c.id for c in reached if c.grant_id != grant.id], grant)
        for old_id in left:
            await self._leave(tx, old_id)
        await tx.connections.set_authorized([c.id for c in reached], True)
        for connection in reached:
            account = next(a for a in accounts if a.id == connection.account.id)
            await tx.connections.set_account(connection.id, account)
        await tx.connections.ask_check([c.id for c in reached if c.enabled], self._now())
        missing = await self._heal(tx, grant, reached, by)
        await self._out_of_reach(tx, grant)
        return missing

    async def _leave(self, tx: Tx, grant_id: str) -> None:
        old = await tx.grants.get(grant_id)
        if old is not None and not await tx.connections.of_grant(grant_id):
            await self._retire(tx, old, None)
            await tx.grants.forget(grant_id)

    async def _heal(self, tx: Tx, grant: Grant, reached: Sequence[Connection], by: str) -> list[Connection]:
        ids = {c.id for c in reached}
        missing: list[Connection] = []
        for connection in reached:
            about = await tx.outages.open_of_connection(connection.id)
            outage = await tx.outages.held(about.id) if about is not None else None
            if outage is None or outage.closed_at is not None or outage.reauthorized_at is not None:
                continue  # none, or healed meanwhile, or together with another account of it
            missing += await self._part(tx, outage, [i for i in outage.connection_ids if i not in ids])
            healed = await tx.connections.some([i for i in outage.connection_ids if i in ids])
            platform = self._gateways[grant.platform].platform
            await begin_catch_up(tx, outage, healed, platform, by=by, now=self._now())
        return missing

    async def _part(self, tx: Tx, outage: Outage, rest: Sequence[str]) -> list[Connection]:
        """Accounts this login does not reach leave the healing outage and stay lost, each in an outage of its own."""
        left = await tx.connections.some(rest)
        await tx.outages.leave(outage.id, rest)
        for connection in left:
            alone = await tx.outages.open(
                platform=outage.platform,
                reach=Reach.ACCOUNT,
                grant_id=connection.grant_id,
                login=connection.login,
                connection_ids=[connection.id],
                remedy=outage.remedy,
                cause=outage.cause,
                last_good_at=outage.last_good_at,
                channel=outage.channel,
                now=self._now(),
            )
            if alone is not None:
                await tx.storms.gather(alone, self._storms.after, self._storms.window, self._now())
                await tx.outbox.say_message(alone.id, alone.revision, self._now())
        if left:
            names = ", ".join(c.account.name for c in left)
            revision = await tx.outages.event(outage.id, Event(self._now(), "partly", "", names))
            detail = {"missing": [c.account.name for c in left]}
            await tx.outbox.say_reply(outage.id, "partly", revision, detail, self._now())
        return left

    async def _out_of_reach(self, tx: Tx, grant: Grant) -> None:
        """What this login carried and does not reach any more: it lives now, so another login is not what they need."""
        for connection in await tx.connections.of_grant(grant.id):
            outage = await tx.outages.held(connection.outage_id) if connection.outage_id else None
            if connection.authorized or outage is None or outage.remedy != AuthorizationLost.__name__:
                continue
            await tx.outages.lost_again(outage.id, NO_ACCESS, AccessDenied.__name__, self._now())
            revision = await tx.outages.event(outage.id, Event(self._now(), "disconnected", "", NO_ACCESS.code))
            await tx.outbox.say_message(outage.id, revision, self._now())

    async def _may_hold_a_grant(self, platform: str, identity: Identity | None) -> bool:
        if identity is None:
            return True
        async with self._memory.read() as tx:
            return await tx.grants.living(platform, identity.id) is not None

    async def _is_in_use(self, platform: str, token: Secret, identity: Identity) -> bool:
        """Some platforms answer a second consent with the refresh token that we hold already."""
        async with self._memory.read() as tx:
            held = await _tokens(tx, await tx.grants.living(platform, identity.id))
        return held is not None and token in {held.refresh_token, held.access_token}

    async def discard(self, platform: str, tokens: TokenSet, identity: Identity | None) -> None:
        """Revoke tokens that were not wanted, at once if the platform answers, else later.

        Where revoking one token ends everything of that person (Google), it is left alone if they hold a living grant here,
        or may hold one because nobody could be asked who they are.
        """
        gateway = self._gateways[platform]
        token = tokens.refresh_token or tokens.access_token
        try:
            if gateway.platform.oauth.revokes_person and await self._may_hold_a_grant(platform, identity):
                return
            if identity is not None and await self._is_in_use(platform, token, identity):
                return
            await self._revoke(platform, token, identity)
        except MemoryAway:  # what may be in use is not revoked
            log.warning("unwanted tokens could not be revoked", platform=platform, why="the database did not answer")

    async def _revoke(self, platform: str, token: Secret, identity: Identity | None) -> None:
        try:
            await self._gateways[platform].revoke(token)
        except TryLater:
            async with self._memory.begin() as tx:
                await tx.revocations.add(platform, token, self._now(), identity.id if identity else "")


async def _tokens(tx: Tx, grant: Grant | None) -> TokenSet | None:
    """None also where they cannot be opened: nothing of that login can be used or revoked."""
    try:
        return await tx.grants.tokens(grant.id) if grant is not None else None
    except SealBroken:
        return None


def _lasts(tokens: TokenSet, now: datetime) -> bool:
    """Whether this login goes on without another: it can be refreshed, or its token itself lives long."""
    return tokens.refresh_token is not None or tokens.expires_at is None or tokens.expires_at - now >= LASTING
