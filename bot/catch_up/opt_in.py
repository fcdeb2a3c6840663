"""Opting in to tagging that costs something: what would be done is shown first, then a person decides, per connection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.catch_up.undo import Undo
from bot.catch_up.utm import plan
from bot.memory.memory import Memory
from bot.outages.marks import stopped_flows
from bot.watch.watch import Watch
from bot.words.connection import Connection, Flow
from bot.words.errors import SetupError
from bot.words.freight import TagChange
from bot.words.interfaces import AdTagger, Clock, Gateway

PREVIEW_COUNTS = timedelta(days=1)  # an older preview shows ads that may have changed since


@dataclass(frozen=True)
class Preview:
    """What tagging would do now: each ad's suffix before and wanted, and the ads left alone, with the reason."""

    changes: Sequence[TagChange]
    left: Mapping[str, str]


class OptIn:
    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        watch: Watch,
        undo: Undo,
        domains: Mapping[str, Sequence[str]],
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._watch = watch
        self._undo = undo
        self._domains = domains
        self._now = now

    async def preview(self, connection_id: str) -> Preview:
        """Changes nothing at the platform. Raises NotFound, and what the platform's answers mean (bot/words/errors.py)."""
        connection, tagger = await self._undo.tagged(connection_id)
        utm, domains = connection.utm or tagger.utm, self._domains.get(connection.platform, ())
        changes: list[TagChange] = []
        left: dict[str, str] = {}
        async with self._watch.using(connection) as fetch:
            async for ads in tagger.ads(fetch, connection.account, None):
                plans = [plan(ad, utm, domains) for ad in ads]
                changes += [TagChange(p.ad, p.ad.suffix, p.wanted) for p in plans if p.wanted is not None]
                left |= {p.ad.id: p.note for p in plans if p.note}
        async with self._memory.begin() as tx:
            await tx.connections.previewed(connection_id, self._now())
        return Preview(changes, left)

    async def opt_in(self, connection_id: str) -> Connection:
        """From now on its ads may be made anew. Raises SetupError where something has to come first."""
        connection, tagger = await self._undo.tagged(connection_id)
        self._may(connection, tagger)
        async with self._memory.begin() as tx:
            await tx.connections.set_opted_in(connection_id, True)
            await tx.transfers.restart(connection_id, Flow.TAGGING)  # what was only named so far is looked at again
        return connection

    async def opt_out(self, connection_id: str) -> Connection:
        connection, _ = await self._undo.tagged(connection_id)
        async with self._memory.begin() as tx:
            await tx.connections.set_opted_in(connection_id, False)
        return connection

    def _may(self, connection: Connection, tagger: AdTagger) -> None:
        platform = self._gateways[connection.platform].platform
        if not tagger.by_hand:
            raise SetupError(f"{platform.name} needs no opt-in: tagging costs its ads nothing")
        if tagger.forbidden:
            raise SetupError(tagger.forbidden)
        if Flow.TAGGING in stopped_flows(platform, connection.scopes):
            raise SetupError(f"{connection.id} lacks the permission to change ads: reauthorize it first")
        if connection.previewed_at is None or self._now() - connection.previewed_at > PREVIEW_COUNTS:
            raise SetupError(f"look first at what would be done: redkey tagging preview {connection.id}")
