"""Sign-ins under way: each state is kept hashed, is bound to one browser, lives ten minutes and is used once."""

import secrets
from datetime import datetime
from typing import Protocol

from bot.memory.entrances import EVERYBODY
from bot.memory.memory import Memory, SealBroken
from bot.people.members import Member, Trip
from bot.reauthorize.reauthorize import STATE_LIVES, digest, use_up
from bot.words.connection import Consent, Secret
from bot.words.interfaces import Clock
from bot.words.tenant import Tenant

SLACK = "slack"  # beside the platforms' own keys, so that no platform's state can be used here


class Envelope(Protocol):
    def seal(self, text: str) -> str: ...
    def open(self, sealed: str) -> str: ...


class SlackSignIns:
    """Implements bot.people.members.SignIns."""

    def __init__(self, memory: Memory, envelope: Envelope, tenant: Tenant, now: Clock) -> None:
        self._memory = memory
        self._envelope = envelope
        self._tenant = tenant
        self._now = now

    def now(self) -> datetime:
        return self._now()

    async def begin(self, then: str) -> Trip:
        state, nonce, browser = (secrets.token_urlsafe(32) for _ in range(3))
        trip, now = Trip(self._tenant.state(state), nonce, browser), self._now()
        # Sealed with the nonce: the way on may be a connect link, whose token must not lie in the database.
        sealed = Secret(f"{trip.nonce} {then}")
        consent = Consent(f"cns_{secrets.token_hex(12)}", SLACK, "signin", "", sealed, now)
        async with self._memory.begin() as tx:
            await tx.consents.begin(consent, digest(trip.state), digest(trip.browser), now + STATE_LIVES)
        return trip

    async def finish(self, state: str, browser: str) -> tuple[str, Secret] | None:
        consent = await use_up(self._memory, SLACK, state, browser, self._now())
        if consent is None or consent.verifier is None:
            return None
        nonce, _, then = consent.verifier.reveal().partition(" ")
        return then, Secret(nonce)

    def seal(self, text: str) -> str:
        return self._envelope.seal(text)

    def unseal(self, sealed: str) -> str | None:
        try:
            return self._envelope.open(sealed)
        except SealBroken:
            return None

    async def came(self, user: str, instead_of: Member | None) -> None:
        async with self._memory.begin() as tx:
            if instead_of is not None:
                await tx.sessions.end(digest(instead_of.form), self._now())
            tx.audit.note("signed_in", who=user)

    async def left(self, user: str) -> None:
        async with self._memory.begin() as tx:
            await tx.sessions.end(user, self._now())
            tx.audit.note("signed_out", who=user)

    async def living(self, member: Member, began: datetime) -> bool:
        async with self._memory.read() as tx:
            ended = await tx.sessions.ended_at([EVERYBODY, member.user, digest(member.form)])
        return ended is None or began > ended
