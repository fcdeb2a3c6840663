"""Logins that end by themselves soon are told to whoever subscribed, once each: renewing in time costs no data."""

from collections.abc import Mapping
from datetime import timedelta

from bot.dates import Ending, of_grant
from bot.happenings import Happening, Subscriptions, expiring
from bot.interfaces import Clock, Gateway
from bot.memory import Memory, Tx

AHEAD = timedelta(days=7)
KEPT = timedelta(days=30)  # how long what was told is remembered


class Expiring:
    """Also forgets what was told long ago."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], subscriptions: Subscriptions, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._subscriptions = subscriptions
        self._now = now

    async def run(self) -> None:
        async with self._memory.begin() as tx:
            await tx.notices.sweep(self._now() - KEPT)
            await self._tell(tx)

    async def _tell(self, tx: Tx) -> None:
        now, endpoints = self._now(), self._subscriptions.to(Happening.EXPIRING)
        for grant in await tx.grants.all() if endpoints else ():
            if grant.platform not in self._gateways:
                continue
            known = of_grant(grant, self._gateways[grant.platform].platform)
            ends = [each.at for each in known if each.what is not Ending.TOKEN and now < each.at <= now + AHEAD]
            told = [c for c in await tx.connections.of_grant(grant.id) if c.enabled] if ends else []
            if not told:
                continue
            found = expiring(grant, told, min(ends), self._subscriptions.public_url, now)
            for endpoint in endpoints:
                await tx.notices.add(f"{endpoint}/{found.id}", None, found.body, now, endpoint=endpoint)
