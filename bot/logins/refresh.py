"""The refresh protocol: one worker at a time, an intent before the request, compare-and-swap after it.

Rotating platforms end the whole grant when an old refresh token is used twice, so a lost answer must never be followed by
a blind second try. See docs/decisions/0004-refresh-protocol.md.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Protocol

import structlog

from bot.logins.intents import Held, Intents
from bot.memory.memory import Memory
from bot.traces import span
from bot.words.connection import Cause, Grant, Secret, TokenSet
from bot.words.errors import AccessDenied, AuthorizationLost, Fenced, RedkeyError, TryLater
from bot.words.interfaces import Clock
from bot.words.oauth import AccessToken
from bot.words.pace import while_uncertain

log = structlog.get_logger()

LOST_IN_TRANSFER = Cause(
    "lost_in_transfer",
    "A new login token got lost on its way here, and the old one no longer counts.",
    "Log in again.",
)
NO_REFRESH_TOKEN = Cause("expired", "The login has run out.", "Log in again.")

STORE_TRIES = (0.1, 0.3, 1, 3, 5)  # seconds between attempts to store what a platform has already rotated

HELD_FOR = timedelta(seconds=1)


class OnItsWay(TryLater):
    """A new token may have got lost. The next try comes soon, and is noted already: nobody is left in the dark for longer."""


class Renews(Protocol):
    """Whoever trades a refresh token for new tokens: every bot.words.interfaces.Gateway, and Slack for the bot's own."""

    @property
    def rotates(self) -> bool: ...

    async def refresh(self, refresh_token: Secret) -> TokenSet: ...


class Refresher:
    """Keeps every grant's token usable. One per process; the lock it takes holds for the whole deployment."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Renews],
        now: Clock,
        *,
        request_timeout: timedelta,
        refresh_ahead: timedelta,
    ) -> None:
        self._memory = memory
        self._intents = Intents(memory, now)
        self._gateways = gateways
        self.now = now
        self._ahead = refresh_ahead
        # A killed process' request may still be delivered for as long as its time-out; only after that, and half of it
        # more, is one retry with the old token safe. Longer would keep people in the dark for more than a minute.
        self._margin = request_timeout * 1.5
        self._running: dict[str, asyncio.Task[AccessToken]] = {}

    async def current(self, grant_id: str) -> AccessToken:
        """A token believed good now, refreshed first when it is about to expire."""
        held = await self._intents.held(grant_id)
        if held.tokens.refresh_token is None or not self._expiring(held):
            return _access(held)
        try:
            return await self.renewed(grant_id, held.grant.generation)
        except TryLater:
            if held.tokens.expires_at is not None and self.now() < held.tokens.expires_at:
                return _access(held)  # what still works is not given up because nothing newer can be had yet
            raise

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

    async def drain(self, within: float | None = None) -> None:
        """Wait for the refreshes under way: their answers must be stored. Where there is no time left for that, the intent
        that was committed before each request tells the next process about it.
        """
        if self._running:
            await asyncio.wait(set(self._running.values()), timeout=within)

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
            held = await self._intents.held(grant_id)
            if held.grant.generation > refused:
                return _access(held)
            if held.tokens.refresh_token is None:
                raise AuthorizationLost(NO_REFRESH_TOKEN)
            if held.grant.refresh_started_at is not None and held.grant.refresh_started_at > self.now():
                await self._begun_now(held.grant)
            orphaned = await self._is_orphaned(held.grant)
            if not await self._intents.begin(held.grant, anew=orphaned):
                raise TryLater("another worker is refreshing this login")
            return await self._ask(held, orphaned=orphaned)

    async def _begun_now(self, grant: Grant) -> None:
        """The clock was set back since that refresh began. When that was cannot be known: now at the latest."""
        await self._intents.begin(grant, anew=True)
        raise await self._on_its_way(grant, TryLater("an earlier refresh may still be on its way"), self._margin)

    async def _is_orphaned(self, grant: Grant) -> bool:
        """Whether an earlier refresh was begun and never ended. Raises TryLater while its request may still arrive."""
        if grant.refresh_started_at is None:
            return False
        if self._gateways[grant.platform].rotates:
            wait = grant.refresh_started_at + self._margin - self.now()
            if wait > timedelta(0):
                raise await self._on_its_way(grant, TryLater("an earlier refresh may still be on its way"), wait)
        return True

    async def _on_its_way(self, grant: Grant, why: TryLater, after: timedelta) -> OnItsWay:
        """Whoever asked may come back when it likes, or never: the next try is noted here."""
        try:
            async with self._memory.begin() as tx:
                await tx.grants.renew_at(grant.id, self.now() + after)
        except TryLater:
            log.warning("the next try of a refresh could not be noted", grant=grant.id)
        return OnItsWay(str(why), after=after, unclear=why.unclear)

    async def _ask(self, held: Held, *, orphaned: bool) -> AccessToken:
        gateway = self._gateways[held.grant.platform]
        rotates = gateway.rotates
        assert held.tokens.refresh_token is not None
        try:
            with span("refresh", platform=held.grant.platform, grant=held.grant.id):
                fresh = await gateway.refresh(held.tokens.refresh_token)
        except AuthorizationLost as error:
            again = await self._intents.held(held.grant.id)
            if again.grant.generation > held.grant.generation:
                return _access(again)
            if orphaned and rotates:
                raise AuthorizationLost(LOST_IN_TRANSFER) from error
            await self._forget_intent(held.grant)
            raise
        except RedkeyError as error:
            if rotates and isinstance(error, TryLater) and error.unclear:
                raise await self._on_its_way(held.grant, error, self._margin) from error
            if not (rotates and orphaned):
                await self._forget_intent(held.grant)
            elif isinstance(error, TryLater):
                raise await self._still_on_its_way(held.grant, error) from error
            raise
        return await self._store(held.grant, fresh)

    async def _still_on_its_way(self, grant: Grant, error: TryLater) -> OnItsWay:
        """The retry was put off, clearly: it changed nothing, so the next need not wait for it, only for the platform.

        The intent stays, and is as old as the request whose answer was lost.
        """
        assert grant.refresh_started_at is not None  # an orphan's retry
        pause = while_uncertain(self.now() - grant.refresh_started_at, self._margin)
        try:
            await self._intents.put_back(grant)
        except TryLater:
            log.warning("the end of a refresh could not be noted", grant=grant.id)
        return await self._on_its_way(grant, error, max(pause, error.after or timedelta(0)))

    async def _forget_intent(self, grant: Grant) -> None:
        """If it cannot be forgotten now, the next one to refresh finds it: what the platform said counts more."""
        try:
            await self._intents.end(grant)
        except TryLater:
            log.warning("the end of a refresh could not be noted", grant=grant.id)

    async def _store(self, grant: Grant, fresh: TokenSet) -> AccessToken:
        """Store what the platform has already made valid. This may be the only copy, so it is tried while we live."""
        pauses, waited = chain(STORE_TRIES, repeat(STORE_TRIES[-1])), False
        while True:
            try:
                async with self._memory.begin() as tx:
                    stored = await tx.grants.replace(grant, fresh, self.now())
                    await tx.grants.renew_at(grant.id, renew_at(fresh, self.now(), self._ahead))
                return AccessToken(fresh.access_token, stored.generation, stored.kept, waited)
            except Fenced:
                return _access(await self._intents.held(grant.id))
            except TryLater:
                waited = True
                log.error("a refreshed login could not be stored yet", grant=grant.id)
                await asyncio.sleep(next(pauses))

    def _expiring(self, held: Held) -> bool:
        expires = held.tokens.expires_at
        if expires is None:
            return False
        lived = expires - (held.grant.refreshed_at or expires)
        return self.now() >= expires - min(timedelta(seconds=30), lived / 4)


def _access(held: Held) -> AccessToken:
    return AccessToken(held.tokens.access_token, held.grant.generation, held.grant.kept)


class GrantTokens:
    """The Tokens of one grant. `generation` is the one last handed out: what a refusal is about.

    `denial` is an AccessDenied that the token endpoint raised: it is about the login, not about one of its accounts.
    """

    def __init__(self, refresher: Refresher, grant_id: str, generation: int) -> None:
        self._refresher = refresher
        self._grant_id = grant_id
        self.generation = generation
        self.denial: AccessDenied | None = None
        self._held: AccessToken | None = None
        self._held_until = datetime.min.replace(tzinfo=UTC)

    async def current(self) -> AccessToken:
        """Read once a second at most, not for each of the hundred calls of a transfer: whoever replaces or loses the login
        meanwhile is noticed a second later, or at once by a refusal, after which `renewed` reads again.
        """
        if self._held is None or self._refresher.now() >= self._held_until:
            return await self._seen(self._refresher.current(self._grant_id))
        return self._held

    async def renewed(self, refused: int) -> AccessToken:
        return await self._seen(self._refresher.renewed(self._grant_id, refused))

    async def tested(self) -> None:
        """Refresh although nobody refused a token: to learn whether the token endpoint takes this login again."""
        try:
            await self.renewed(self.generation)
        except AuthorizationLost as error:
            if error.cause is not NO_REFRESH_TOKEN:
                raise

    async def _seen(self, asked: Awaitable[AccessToken]) -> AccessToken:
        try:
            token = await asked
        except AccessDenied as error:
            self.denial = error
            raise
        self.generation = max(self.generation, token.generation)
        self._held, self._held_until = token, self._refresher.now() + HELD_FOR
        return token


class FreshTokens:
    """The Tokens of a consent that is not stored yet: used once to prove it, never refreshed."""

    def __init__(self, tokens: TokenSet) -> None:
        self._tokens = tokens

    async def current(self) -> AccessToken:
        return AccessToken(self._tokens.access_token, 0, self._tokens.kept)

    async def renewed(self, refused: int) -> AccessToken:
        """The same token once more: if it is refused again, what the platform says about it is the reason to tell."""
        return replace(await self.current(), generation=refused + 1)


def renew_at(tokens: TokenSet, now: datetime, ahead: timedelta) -> datetime:
    """When to refresh next: ahead of expiry, and at least weekly, because idle grants die too (Salesforce: 30 days)."""
    weekly = now + timedelta(days=7)
    if tokens.expires_at is None:
        return weekly
    lived = tokens.expires_at - now
    # Very short-lived tokens are refreshed on use instead: a timer could not keep up, and need not.
    return min(weekly, max(tokens.expires_at - ahead, now + lived / 2, now + timedelta(seconds=30)))
