"""Moving tags: every ad made since the last pass gets its UTM parameters, after what is there already."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.catch_up.transfer import Walk
from bot.catch_up.utm import TagPlan, conflicts, plan
from bot.memory.memory import Tx
from bot.words.connection import Connection, Json, Transfer
from bot.words.freight import Ad, TagChange
from bot.words.interfaces import AdTagger, Platform, TagResult

# Platforms list a change some minutes after it happened; what was seen twice is simply found tagged.
OVERLAP = timedelta(hours=1)


class TagCarrier:
    """cursor: {"as_of": when the last complete pass began}."""

    def __init__(self, domains: Mapping[str, Sequence[str]]) -> None:
        self._domains = domains

    async def move(self, walk: Walk, platform: Platform) -> bool:
        assert isinstance(platform, AdTagger)
        done = walk.transfer.done
        for since in await self._looks(walk):
            async for ads in platform.ads(walk.fetch, walk.connection.account, since):
                done += await self._tag(walk, platform, self._plans(walk.connection, platform, ads))
                async with walk.memory.begin() as tx:
                    await walk.keep(tx, done=done)
        async with walk.memory.begin() as tx:
            await walk.keep(tx, cursor={"as_of": walk.begun_at.isoformat()}, done=done, total=done)
        return True

    async def _looks(self, walk: Walk) -> list[datetime | None]:
        """From when on ads are looked at; None: all of them.

        All also when catching up where some were refused before: the new login may be allowed to. What is new comes first even
        then, as only the list of changes tells when an ad was made, and so how long it ran untagged.
        """
        as_of = walk.transfer.cursor.get("as_of")
        if not as_of:
            return [None]
        async with walk.memory.read() as tx:
            refused = walk.transfer.mark is not None and await tx.tags.refused(walk.connection.id)
        since = datetime.fromisoformat(as_of) - OVERLAP
        return [since, None] if refused else [since]

    def _plans(self, connection: Connection, platform: AdTagger, ads: Sequence[Ad]) -> list[TagPlan]:
        utm = connection.utm or platform.utm
        return [plan(ad, utm, self._domains.get(connection.platform, ())) for ad in ads]

    async def _tag(self, walk: Walk, platform: AdTagger, plans: Sequence[TagPlan]) -> int:
        """Write down what we want before asking for it, so that nothing we changed is ever without its "before"."""
        changes = [TagChange(p.ad, p.ad.suffix, p.wanted) for p in plans if p.wanted is not None]
        utm = walk.connection.utm or platform.utm
        notes = {p.ad.id: p.note for p in plans if p.note}
        notes |= {p.ad.id: f"keeps its own {', '.join(c)}" for p in plans if (c := conflicts(p.ad, utm))}
        async with walk.memory.begin() as tx:
            asked = await tx.tags.unanswered(walk.connection.id)
            # An answer got lost, and the change is there all the same: it is ours.
            arrived = [TagResult(p.ad.id) for p in plans if p.wanted is None and asked.get(p.ad.id) == p.ad.suffix]
            await tx.tags.applied(walk.connection.id, arrived, walk.now())
            await tx.tags.plan(walk.connection.id, changes, walk.now())
            if notes:
                await tx.tags.note(walk.connection.id, notes, walk.now())
        if not changes:
            return len(arrived)
        if platform.by_hand and not walk.connection.opted_in:
            results = [TagResult(change.ad.id, platform.by_hand.format(change.wanted)) for change in changes]
        else:
            results = await platform.tag(walk.fetch, walk.connection.account, changes)
        async with walk.memory.begin() as tx:
            await tx.tags.applied(walk.connection.id, results, walk.now())
        return len(arrived) + sum(not result.problem for result in results)

    async def past(self, tx: Tx, transfer: Transfer) -> bool:
        assert transfer.mark is not None
        as_of = str(transfer.cursor.get("as_of", ""))
        return as_of != "" and datetime.fromisoformat(as_of) >= datetime.fromisoformat(transfer.mark["as_of"])

    async def check(self, walk: Walk, platform: Platform) -> Json | None:
        """No ad made since the outage began may still lack its parameters, but for those the platform refused."""
        assert isinstance(platform, AdTagger)
        assert walk.transfer.mark is not None
        since = datetime.fromisoformat(walk.transfer.mark["since"]) - OVERLAP
        async with walk.memory.read() as tx:
            refused = await tx.tags.refused(walk.connection.id)
        async for ads in platform.ads(walk.fetch, walk.connection.account, since):
            for planned in self._plans(walk.connection, platform, ads):
                if planned.wanted is not None and planned.ad.id not in refused:
                    return {"as_of": since.isoformat()}
        return None
