"""Getting rid of tokens at their platform: those that were replaced, those that were not wanted, or all of them at once."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import structlog

from bot.memory.entrances import EVERYBODY
from bot.memory.memory import Memory, SealBroken
from bot.words.connection import Secret
from bot.words.errors import TryLater
from bot.words.interfaces import Clock, Gateway
from bot.words.pace import Pace
from bot.words.progress import Seen, nobody_watches

log = structlog.get_logger()

AT_ONCE = 20  # in an emergency each minute counts, and a platform may take a second for each

Due = tuple[str, str, Secret, str]  # id, platform, token, person


class Revoke:
    """Works off the queue of revocations; a platform that does not answer is asked again."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], pace: Pace, now: Clock, owner: str | None = None
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._pace = pace
        self._now = now
        self._owner = owner

    async def claim(self, limit: int) -> list[Due]:
        async with self._memory.begin() as tx:
            return await tx.revocations.claim(self._now(), limit, self._owner)

    async def run(self, due: Due) -> None:
        revocation_id, platform, token, person = due
        gateway = self._gateways.get(platform)
        try:
            if gateway is not None and not await self._would_end_a_living_login(gateway, person):
                await gateway.revoke(token)
        except TryLater as error:
            async with self._memory.begin() as tx:
                await tx.revocations.later(revocation_id, self._now() + self._pace.back_off(8, error.after))
            return
        async with self._memory.begin() as tx:
            await tx.revocations.done(revocation_id)

    async def _would_end_a_living_login(self, gateway: Gateway, person: str) -> bool:
        """Google ends everything of a person. Who has logged in again since this was queued must not lose that too."""
        if not (gateway.platform.oauth.revokes_person and person):
            return False
        async with self._memory.read() as tx:
            return await tx.grants.living(gateway.platform.key, person) is not None

    async def everything(self, who: str = "", seen: Seen = nobody_watches) -> int:
        """Take every login away from us, at the platforms too. Resumable: what was queued stays queued. Returns how many."""
        now, count = self._now(), 0
        async with self._memory.begin() as tx:
            grants = await tx.grants.all()
            tx.audit.note("revoked_all", who=who, logins=len(grants))
            await tx.sessions.end(EVERYBODY, now)
        for number, grant in enumerate(grants, start=1):
            seen(number, 2 * len(grants))  # taken from us, and later from the platform
            async with self._memory.begin() as tx:
                try:
                    tokens = await tx.grants.tokens(grant.id)
                except SealBroken:
                    log.error("a login cannot be opened, so it cannot be revoked from here", platform=grant.platform)
                    continue
                if tokens is None:
                    continue
                token, person = tokens.refresh_token or tokens.access_token, grant.identity.id
                await tx.revocations.add(grant.platform, token, now, person)
                connections = await tx.connections.of_grant(grant.id)
                await tx.connections.set_authorized([c.id for c in connections], False)
                await tx.grants.forget(grant.id)
                count += 1
        async for done in self._due_ones():
            seen(len(grants) + done, 2 * len(grants))
        return count

    async def due_ones(self) -> None:
        """What is queued and due, now. One that its platform does not answer for stays queued, for the running bot."""
        async for _ in self._due_ones():
            """Each is done when it comes out."""

    async def _due_ones(self) -> AsyncIterator[int]:
        done = 0
        while due := await self.claim(AT_ONCE):
            for each in asyncio.as_completed([self.run(each) for each in due]):
                await each
                yield (done := done + 1)

    async def waiting(self) -> int:
        """How many tokens their platforms still take, as far as we know."""
        async with self._memory.read() as tx:
            return await tx.revocations.waiting()
