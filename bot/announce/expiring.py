"""Logins that end by themselves soon are told to whoever subscribed, once each: renewing in time costs no data."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.announce.dates import Ending, known_dates
from bot.memory.memory import Memory, Tx
from bot.webhooks.happenings import Happening, Subscriptions, expiring
from bot.words.interfaces import Clock, Gateway

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
        soon: dict[str, datetime] = {}  # the nearest date of each login
        for known in await known_dates(tx, self._gateways) if endpoints else ():
            if known.grant_id and known.what is not Ending.TOKEN and now < known.at <= now + AHEAD:
                soon.setdefault(known.grant_id, known.at)
        for grant_id, ends_at in soon.items():
            told = [c for c in await tx.connections.of_grant(grant_id) if c.enabled]
            if not told:
                continue
            found = expiring(told, ends_at, self._subscriptions.public_url, now)
            for endpoint in endpoints:
                await tx.notices.add(f"{endpoint}/{found.id}", None, found.body, now, endpoint=endpoint)
