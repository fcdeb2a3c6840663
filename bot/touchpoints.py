"""Moving touchpoints: the outbox of each CRM, in order, batch by batch, each record with its own answer."""

from datetime import UTC, datetime, time, timedelta

from bot.connection import Json, PushState, Transfer
from bot.errors import TryLater
from bot.interfaces import Platform, TouchpointSink
from bot.memory import Tx
from bot.transfer import Walk

BATCHES_A_TURN = 20  # then other connections have theirs
CHECKED_AT_ONCE = 2_000


class TouchpointCarrier:
    """cursor: {"checked": the delivery number up to which the CRM was seen to hold everything}."""

    async def move(self, walk: Walk, platform: Platform) -> bool:
        assert isinstance(platform, TouchpointSink)
        for _ in range(BATCHES_A_TURN):
            if not await self._batch(walk, platform):
                return True
        return False

    async def _batch(self, walk: Walk, platform: TouchpointSink) -> bool:
        connection = walk.connection
        async with walk.memory.read() as tx:
            waiting = await tx.touchpoints.waiting(connection.id)
            batch = await tx.touchpoints.batch(connection.id, platform.batch_size(waiting), walk.now())
        if not batch:
            return False
        await self._spend(walk, platform, len(batch))
        records = [delivery.touchpoint for delivery in batch]
        results = await platform.push(walk.fetch, connection.account, records, walk)
        answered = {result.id for result in results}
        sent = sum(result.state is PushState.SENT for result in results)
        async with walk.memory.begin() as tx:
            await tx.touchpoints.settle(connection.id, results, walk.now())
            await walk.keep(tx, notes={}, done=walk.transfer.done + sent)
        if sent == 0 and not any(result.state is PushState.SET_ASIDE for result in results):
            raise TryLater(f"the CRM took none of {len(records)} records ({len(answered)} answered)")
        return True

    async def _spend(self, walk: Walk, platform: TouchpointSink, records: int) -> None:
        now = walk.now()
        async with walk.memory.begin() as tx:
            calls = platform.calls_for(records)
            if await tx.touchpoints.spend(walk.connection.id, now.date(), calls, platform.daily_credits):
                return
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        raise TryLater("today's share of the CRM's API calls is used up", after=midnight - now)

    async def past(self, tx: Tx, transfer: Transfer) -> bool:
        assert transfer.mark is not None
        return await tx.touchpoints.waiting(transfer.connection_id, through=transfer.mark["through"]) == 0

    async def check(self, walk: Walk, platform: Platform) -> Json | None:
        """Every id that waited must be in the CRM. Missing ones are sent again."""
        assert isinstance(platform, TouchpointSink)
        assert walk.transfer.mark is not None
        mark, connection = walk.transfer.mark, walk.connection
        after = max(mark["after"], walk.transfer.cursor.get("checked", 0))
        while True:
            async with walk.memory.read() as tx:
                part = await tx.touchpoints.sent_between(connection.id, after, mark["through"], CHECKED_AT_ONCE)
            if not part:
                return None
            records = [delivery.touchpoint for delivery in part]
            held = await platform.find(walk.fetch, connection.account, records)
            missing = [record.id for record in records if record.id not in held]
            async with walk.memory.begin() as tx:
                if missing:
                    await tx.touchpoints.resend(connection.id, missing, walk.now())
                    return walk.transfer.cursor
                after = part[-1].number
                await walk.keep(tx, cursor={"checked": after})
