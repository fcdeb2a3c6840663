"""The refresh protocol: one worker at a time, an intent before the request, compare-and-swap after it.

Rotating platforms end the whole grant when an old refresh token is used twice, so a lost answer must never be followed by
a blind second try. See docs/decisions/0004-refresh-protocol.md.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.connection import Cause, Grant, TokenSet
from bot.errors import AuthorizationLost, Fenced, Misconfigured, TryLater
from bot.interfaces import AccessToken, Clock, Gateway
from bot.memory import Memory, SealBroken

log = structlog.get_logger()

KNOWN_LOST = Cause(
    "known_lost",
    "The login stopped working earlier, and nobody has logged in again since.",
    "Log in again.",
)
KEY_LOST = Cause(
    "key_lost",
    "The stored login cannot be opened: the key it was sealed with is missing, or the row was changed.",
    "Put the old key back into secrets.keys, or log in again.",
)
LOST_IN_TRANSFER = Cause(
    "lost_in_transfer",
    "A new login token got lost on its way here, and the old one no longer counts.",
    "Log in again.",
)
NO_REFRESH_TOKEN = Cause("expired", "The login has run out.", "Log in again.")

STORE_TRIES = (0.1, 0.3, 1, 3, 5)  # seconds between attempts to store what a platform has already rotated


@dataclass(frozen=True)
class _Held:
    grant: Grant
    tokens: TokenSet


class Refresher:
    """Keeps every grant's token usable. One per process; the lock it takes holds for the whole deployment."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        now: Clock,
        *,
        request_timeout: timedelta,
        refresh_ahead: timedelta,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._now = now
        self._ahead = refresh_ahead
        # A killed process' request may still be delivered for as long as its time-out; only after that is
        # one retry with the old token safe.
        self._margin = request_timeout * 2
        self._running: dict[str, asyncio.Task[AccessToken]] = {}

    async def current(self, grant_id: str) -> AccessToken:
        """A token believed good now, refreshed first when it is about to expire."""
        held = await self._read(grant_id)
        if self._expiring(held):
            return await self.renewed(grant_id, held.grant.generation)
        return _access(held)

    async def renewed(self, grant_id: str, refused: int) -> AccessToken:
        """A token of a later generation than `refused`. Many callers in this process share one refresh.

        Shielded: a cancelled caller must not cancel a request whose answer may be the only copy of a token.
        """
        while True:
            task = self._running.get(grant_id)
            if task is None:
                task = asyncio.create_task(self._renew(grant_id, refused))
                self._running[grant_id] = task
                task.add_done_callback(lambda done: self._ended(grant_id, done))
            token = await asyncio.shield(task)
            if token.generation > refused:
                return token  # else the refresh we joined was about an older token than the one refused here

    async def drain(self) -> None:
        """Wait for the refreshes under way: their answers must be stored."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _ended(self, grant_id: str, task: asyncio.Task[AccessToken]) -> None:
        self._running.pop(grant_id, None)
        if not task.cancelled():
            task.exception()  # read, so that an error nobody waited for is not reported as unseen

    async def _renew(self, grant_id: str, refused: int) -> AccessToken:
        """Refresh once.

        1. Take the lock, which lives as long as our database session and has no time-to-live.
        2. Read again: if the generation moved past the refused one, someone else did the work.
        3. An intent left by a crash: wait until its request can no longer arrive, then try exactly once.
        4. Commit the intent; if that fails, storage is not writable and nothing is refreshed.
        5. Ask the platform; store by compare-and-swap.
        """
        async with self._memory.alone(f"grant:{grant_id}"):
            held = await self._read(grant_id)
            if held.grant.generation > refused:
                return _access(held)
            if held.tokens.refresh_token is None:
                raise AuthorizationLost(NO_REFRESH_TOKEN)
            orphaned = await self._settle_orphan(held.grant)
            async with self._memory.begin() as tx:
                if not await tx.grants.begin_refresh(held.grant, self._now()):
                    raise TryLater("another worker is refreshing this login")
            return await self._ask(held, orphaned=orphaned)

    async def _settle_orphan(self, grant: Grant) -> bool:
        """Whether an earlier refresh was begun and never ended."""
        if grant.refresh_started_at is None:
            return False
        if self._gateways[grant.platform].platform.oauth.rotates:
            wait = grant.refresh_started_at + self._margin - self._now()
            if wait > timedelta(0):
                raise TryLater("an earlier refresh may still be on its way", after=wait)
        async with self._memory.begin() as tx:
            await tx.grants.end_refresh(grant)
        return True

    async def _ask(self, held: _Held, *, orphaned: bool) -> AccessToken:
        gateway = self._gateways[held.grant.platform]
        assert held.tokens.refresh_token is not None
        try:
            fresh = await gateway.refresh(held.tokens.refresh_token)
        except AuthorizationLost as error:
            again = await self._read(held.grant.id)
            if again.grant.generation > held.grant.generation:
                return _access(again)
            if orphaned and gateway.platform.oauth.rotates:
                raise AuthorizationLost(LOST_IN_TRANSFER) from error
            raise
        except TryLater as error:
            if not (error.unclear and gateway.platform.oauth.rotates):
                await self._forget_intent(held.grant)
            raise
        except Misconfigured:
            await self._forget_intent(held.grant)
            raise
        return await self._store(held.grant, fresh)

    async def _forget_intent(self, grant: Grant) -> None:
        async with self._memory.begin() as tx:
            await tx.grants.end_refresh(grant)

    async def _store(self, grant: Grant, fresh: TokenSet) -> AccessToken:
        """Store what the platform has already made valid. Trouble here may cost the login, so it tries hard."""
        for pause in (*STORE_TRIES, None):
            try:
                async with self._memory.begin() as tx:
                    stored = await tx.grants.replace(grant, fresh, self._now())
                    await tx.grants.renew_at(grant.id, renew_at(fresh, self._now(), self._ahead))
                return AccessToken(fresh.access_token, stored.generation, stored.kept)
            except Fenced:
                return _access(await self._read(grant.id))
            except TryLater:
                log.error("a refreshed login could not be stored yet", grant=grant.id)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _read(self, grant_id: str) -> _Held:
        try:
            async with self._memory.read() as tx:
                grant = await tx.grants.get(grant_id)
                tokens = await tx.grants.tokens(grant_id)
        except SealBroken as error:
            raise AuthorizationLost(KEY_LOST) from error
        if grant is None or tokens is None or grant.lost_at is not None:
            raise AuthorizationLost(KNOWN_LOST)
        return _Held(grant, tokens)

    def _expiring(self, held: _Held) -> bool:
        expires = held.tokens.expires_at
        if expires is None:
            return False
        lived = expires - (held.grant.refreshed_at or expires)
        return self._now() >= expires - min(timedelta(seconds=30), lived / 4)


def _access(held: _Held) -> AccessToken:
    return AccessToken(held.tokens.access_token, held.grant.generation, held.grant.kept)


class GrantTokens:
    """The Tokens of one grant. `generation` is the one last handed out: what a refusal is about."""

    def __init__(self, refresher: Refresher, grant: Grant) -> None:
        self._refresher = refresher
        self._grant_id = grant.id
        self.generation = grant.generation

    async def current(self) -> AccessToken:
        return self._seen(await self._refresher.current(self._grant_id))

    async def renewed(self, refused: int) -> AccessToken:
        return self._seen(await self._refresher.renewed(self._grant_id, refused))

    def _seen(self, token: AccessToken) -> AccessToken:
        self.generation = max(self.generation, token.generation)
        return token


class FreshTokens:
    """The Tokens of a consent that is not stored yet: used once to prove it, never refreshed."""

    def __init__(self, tokens: TokenSet) -> None:
        self._tokens = tokens

    async def current(self) -> AccessToken:
        return AccessToken(self._tokens.access_token, 0, self._tokens.kept)

    async def renewed(self, refused: int) -> AccessToken:
        raise AuthorizationLost(NO_REFRESH_TOKEN)


def renew_at(tokens: TokenSet, now: datetime, ahead: timedelta) -> datetime:
    """When to refresh next: ahead of expiry, and at least weekly, because idle grants die too (Salesforce: 30 days)."""
    weekly = now + timedelta(days=7)
    if tokens.expires_at is None:
        return weekly
    lived = tokens.expires_at - now
    # Very short-lived tokens are refreshed on use instead: a timer could not keep up, and need not.
    return min(weekly, max(tokens.expires_at - ahead, now + lived / 2, now + timedelta(seconds=30)))
