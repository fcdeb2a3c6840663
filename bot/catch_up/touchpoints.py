"""Moving touchpoints: the outbox of each CRM, in order, batch by batch, each record with its own answer."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from bot.catch_up.transfer import Walk
from bot.memory.memory import Tx
from bot.words.connection import Json, Transfer
from bot.words.errors import TryLater
from bot.words.freight import Pushed, PushState, Touchpoint
from bot.words.interfaces import Platform, TouchpointSink

BATCHES_A_TURN = 20  # then other connections have theirs
CHECKED_AT_ONCE = 2_000
MANY = 2_500  # waiting ones; how many more there are makes no difference to the size of a batch
SMALLEST = 25  # records; a batch that is still too slow is taken apart, to isolate what is wrong with it


class _Alone(TryLater):
    """One record by itself was not taken. It waits now; the others may go on."""


class TouchpointCarrier:
    """Moves one CRM's outbox.

    cursor: {"checked": the delivery number up to which the CRM was seen to hold everything, "of": the mark that this was
    seen for, "batch": how many records a push takes for now, where a full one took the CRM too long}.
    """

    async def move(self, walk: Walk, platform: Platform) -> bool:
        assert isinstance(platform, TouchpointSink)
        passed_over, taken = False, 0
        for _ in range(BATCHES_A_TURN):
            try:
                taken = await self._batch(walk, platform, many=taken > MANY)
                if not taken:
                    await self._look_back(walk)
                    return True
            except _Alone:
                if passed_over:  # not that record, then, but the CRM
                    raise
                passed_over = True
        return False

    async def _look_back(self, walk: Walk) -> None:
        """Nothing is due now. Where the CRM wants to see some of the missed ones again later, the mark is not reached."""
        if walk.transfer.mark is None:
            return
        async with walk.memory.read() as tx:
            left = await tx.touchpoints.waiting(walk.connection.id, through=walk.transfer.mark["through"])
        if left:
            raise TryLater(f"the CRM has not taken {left} of the records yet")

    async def _batch(self, walk: Walk, platform: TouchpointSink, *, many: bool) -> int:
        """How many were pushed. `many`: so many were last time that they are not counted anew before they are read."""
        connection = walk.connection
        async with walk.memory.read() as tx:
            waiting = MANY if many else await tx.touchpoints.waiting(connection.id, most=MANY)
            full = platform.batch_size(waiting)
            limit = min(full, walk.transfer.cursor.get("batch", full))
            batch = await tx.touchpoints.batch(connection.id, limit, walk.now())
            if many and len(batch) < limit:  # it is not many any more
                batch = batch[: platform.batch_size(len(batch))]
            first = await tx.touchpoints.first_waiting(connection.id) if platform.pauses_on_refusal else None
        if not batch:
            return 0
        if first is not None and first < batch.numbers[0]:
            raise TryLater("the push pauses at a record that the CRM refused")
        await self._spend(walk, platform, len(batch))
        pushed = await self._push(walk, platform, batch.touchpoints)
        others, sent = list(pushed.others.values()), batch.numbers
        if others:
            each = zip(batch.numbers, batch.touchpoints.ids, strict=True)
            sent = [number for number, own_id in each if own_id not in pushed.others]
        refused = [result for result in others if result.state is PushState.SET_ASIDE]
        if platform.pauses_on_refusal:
            others = [result._replace(state=PushState.RETRY) for result in others]
        async with walk.memory.begin() as tx:
            await tx.touchpoints.settle(connection.id, sent, others, walk.now())
            done, cursor = _done(walk.transfer, sent), walk.transfer.cursor
            await walk.keep(tx, cursor=_grown(cursor, full) if sent or refused else cursor, notes={}, done=done)
        if platform.pauses_on_refusal and refused:
            raise TryLater(f"the push pauses at {refused[0].id}, which the CRM refused: {refused[0].reason}")
        if not sent and not refused:
            kind = _Alone if len(batch) == 1 else TryLater
            raise kind(f"the CRM took none of {len(batch)} records ({len(pushed)} answered)")
        return len(batch)

    async def _push(self, walk: Walk, platform: TouchpointSink, records: Sequence[Touchpoint]) -> Pushed:
        """A push that took too long is tried again with half as many, down to 25, and then one by one.

        Not while a bulk job runs: it goes on at the CRM, and the next pass asks how it ended. One that is alone and still
        takes too long is put off, so that it does not hold up those behind it.
        """
        try:
            return await platform.push(walk.fetch, walk.connection.account, records, walk)
        except TryLater as error:
            if error.unclear and not walk.value and len(records) == 1:
                return Pushed.of(records, {}, str(error))
            if error.unclear and not walk.value:
                fewer = max(SMALLEST, len(records) // 2) if len(records) > SMALLEST else 1
                async with walk.memory.begin() as tx:
                    await walk.keep(tx, cursor={**walk.transfer.cursor, "batch": fewer})
            raise

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
        this, cursor = mark["as_of"], walk.transfer.cursor
        seen = cursor.get("checked", 0) if cursor.get("of") == this else 0
        after = max(mark["after"], seen)
        while True:
            async with walk.memory.read() as tx:
                part = await tx.touchpoints.sent_between(connection.id, after, mark["through"], CHECKED_AT_ONCE)
            if not part:
                return None
            held = await platform.find(walk.fetch, connection.account, part.touchpoints)
            missing = [own_id for own_id in part.touchpoints.ids if own_id not in held]
            async with walk.memory.begin() as tx:
                if missing:
                    await tx.touchpoints.resend(connection.id, missing, walk.now())
                    return walk.transfer.cursor
                after = part.numbers[-1]
                await walk.keep(tx, cursor={**walk.transfer.cursor, "checked": after, "of": this})


def _done(transfer: Transfer, sent: Sequence[int]) -> int:
    """What was sent by now; of a catch-up only what lies before its mark, each once."""
    if transfer.mark is None:
        return transfer.done + len(sent)
    return min(transfer.done + bisect_right(sent, transfer.mark["through"]), transfer.total)


def _grown(cursor: Json, full: int) -> Json:
    """After a push that went well: twice as many the next time, until it is a full batch again."""
    batch = 2 * cursor.get("batch", full)
    rest = {key: value for key, value in cursor.items() if key != "batch"}
    return rest if batch >= full else {**rest, "batch": batch}
