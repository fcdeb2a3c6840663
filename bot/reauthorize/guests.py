"""Ask someone else: a link for a person outside Slack, good for one reauthorization, and for nothing else."""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from bot.memory.entrances import LINK_OVER, GuestLink
from bot.memory.memory import Memory, Tx
from bot.people.people import Begun, GuestPage, NotFound
from bot.reauthorize.reauthorize import GUEST, Consents, digest
from bot.words.connection import Event, Outage
from bot.words.interfaces import Clock, Gateway

LIVES = timedelta(days=1)


class Guests:
    """A member makes the link and thereby approves whoever uses it: docs/decisions/0009-links-for-others.md."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], consents: Consents, public_url: str, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._consents = consents
        self._public_url = public_url.rstrip("/")
        self._now = now

    async def ask(self, outage_id: str, who: str, *, same_login: bool) -> str:
        """The link, told to whoever made it and to nobody else. Raises NotFound where there is nothing to log in for."""
        now, token = self._now(), secrets.token_urlsafe(32)
        link = GuestLink(f"gst_{secrets.token_hex(12)}", outage_id, who, same_login, now + LIVES)
        async with self._memory.begin() as tx:
            outage = await tx.outages.held(outage_id)
            if outage is None or outage.reauthorized_at or outage.closed_at:
                raise NotFound(f"there is no open outage {outage_id}")
            await tx.consents.add_guest(link, digest(token))
            tx.audit.note("guest_link", who=who, subject=link.id, outage=outage_id, until=link.expires_at.isoformat())
            revision = await tx.outages.event(outage_id, Event(now, "guest_link", who))
            told = {"who": who, "link": link.id, "until": int(link.expires_at.timestamp())}
            await tx.outbox.say_reply(outage_id, "guest_link", revision, told, now)
        return f"{self._public_url}/guest/{token}"

    async def take_back(self, link_id: str, who: str) -> bool:
        """False if it was used or over already: then there is nothing to take back."""
        now = self._now()
        async with self._memory.begin() as tx:
            link = await tx.consents.guest_by_id(link_id, now)
            if link is None or not await tx.consents.guest_over(link_id, now):
                return False
            tx.audit.note("guest_revoked", who=who, subject=link_id, outage=link.outage_id)
            revision = await tx.outages.event(link.outage_id, Event(now, "guest_revoked", who))
            await tx.outbox.say_reply(link.outage_id, "guest_revoked", revision, {}, now)
        return True

    async def page(self, token: str) -> GuestPage | None:
        """What it is for, and nothing else of this house: no login, no loss, no other outage."""
        async with self._memory.read() as tx:
            _, outage = await self._opened(tx, token)
            if outage is None:
                return None
            connections = await tx.connections.some(outage.connection_ids)
        name = self._gateways[outage.platform].platform.name
        return GuestPage(token, outage.platform, name, tuple(c.account for c in connections))

    async def begin(self, token: str) -> Begun:
        """The link is used up by a finished login, not by opening it or by saying no."""
        async with self._memory.read() as tx:
            link, outage = await self._opened(tx, token)
        if link is None or outage is None:
            raise NotFound(LINK_OVER)
        hint = outage.login if link.same_login else ""
        return await self._consents.begin(outage.platform, GUEST, link.id, login_hint=hint, who=f"guest:{link.id}")

    async def _opened(self, tx: Tx, token: str) -> tuple[GuestLink | None, Outage | None]:
        """The outage is None where there is nothing to log in for."""
        link = await tx.consents.guest(digest(token), self._now())
        outage = await tx.outages.get(link.outage_id) if link else None
        if outage is None or outage.platform not in self._gateways or outage.reauthorized_at or outage.closed_at:
            return link, None
        return link, outage
