"""Taking our tags off again: every ad gets back the suffix it had, unless someone has changed it since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.memory.memory import Memory
from bot.people.people import NoConnection, NotFound
from bot.watch.watch import Watch
from bot.words.connection import Connection
from bot.words.freight import Ad, TagChange
from bot.words.interfaces import AdTagger, Clock, Fetch, Gateway, TagResult

CHANGED_SINCE = "changed by someone since, so it was left as it is"


@dataclass(frozen=True)
class Undone:
    """What an undo did, or would do: restored ads with the suffix they get back, and those left alone, with the reason."""

    restored: Mapping[str, str]
    left: Mapping[str, str]


class Undo:
    """Restores "before". Auto-tagging is switched off first, or the next pass would tag everything again."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], watch: Watch, now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._watch = watch
        self._now = now

    async def run(self, connection_id: str, *, really: bool) -> Undone:
        """`really` False: only look. Raises NotFound, and what the platform's answers mean (bot/words/errors.py)."""
        connection, tagger = await self.tagged(connection_id)
        async with self._memory.read() as tx:
            ours = {c.ad.id: c for c in await tx.tags.ours(connection_id)}
        restored: dict[str, str] = {}
        left: dict[str, str] = dict.fromkeys(ours, "not there any more")
        if really:
            async with self._memory.begin() as tx:
                await tx.connections.set_autotagging(connection_id, False)
        async with self._watch.using(connection) as fetch:
            async for ads in tagger.ads(fetch, connection.account, None):
                changes = [_back(ad, ours[ad.id]) for ad in ads if ad.id in ours and ad.suffix == ours[ad.id].wanted]
                left |= {ad.id: CHANGED_SINCE for ad in ads if ad.id in ours and ad.suffix != ours[ad.id].wanted}
                results = await self._write(connection, tagger, fetch, changes) if really else _as_if(changes)
                said = {result.ad: result.problem for result in results}
                done = {c.ad.id: c.wanted for c in changes if said.get(c.ad.id) == ""}
                restored |= done
                left = {ad: why for ad, why in left.items() if ad not in done} | {a: w for a, w in said.items() if w}
        return Undone(restored, left)

    async def tagged(self, connection_id: str) -> tuple[Connection, AdTagger]:
        """A connection whose ads can be looked at now. Raises NotFound."""
        async with self._memory.read() as tx:
            connection = await tx.connections.get(connection_id)
        if connection is None or connection.removed_at is not None or connection.platform not in self._gateways:
            raise NoConnection(connection_id)
        platform = self._gateways[connection.platform].platform
        if not isinstance(platform, AdTagger):
            raise NotFound(f"{platform.name} has no ads, so nothing was tagged there")
        if not connection.authorized:
            raise NotFound(f"{connection_id} must be authorized first: its login is dead")
        return connection, platform

    async def _write(
        self, connection: Connection, tagger: AdTagger, fetch: Fetch, changes: Sequence[TagChange]
    ) -> list[TagResult]:
        if not changes:
            return []
        results = await tagger.tag(fetch, connection.account, changes)
        async with self._memory.begin() as tx:
            await tx.tags.undone(connection.id, [r.ad for r in results if not r.problem], self._now())
        return results


def _back(ad: Ad, ours: TagChange) -> TagChange:
    return TagChange(ad, before=ad.suffix, wanted=ours.before)


def _as_if(changes: Sequence[TagChange]) -> list[TagResult]:
    return [TagResult(change.ad.id) for change in changes]
