"""Verb 5, confirm: "caught up" is said when every transfer has passed its mark and a check against the source agrees."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import structlog

from bot.catch_up.transfer import STALL_AFTER, Carrier, Walk
from bot.memory.memory import Memory, Tx
from bot.outages.flaps import caught_up
from bot.outages.marks import account_day
from bot.outages.receipt import Receipt
from bot.words.connection import Connection, Event, Flow, Json, Outage, Transfer
from bot.words.interfaces import AdTagger, Clock, CostSource, Gateway, Platform

log = structlog.get_logger()

AT_ONCE = 500  # outages closed in one sweep
PATIENCE = 3  # disagreements with the source before the message says that it is not done


class Confirm:
    """Decides when an outage is over, and writes its receipt."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._now = now

    async def passed(self, walk: Walk, carrier: Carrier, platform: Platform) -> int:
        """A pass with a mark has ended: has it passed the mark, and does the source agree? 0, or how often it did not."""
        transfer = walk.transfer
        async with self._memory.begin() as tx:
            if transfer.verified_at is not None or not await carrier.past(tx, transfer):
                return 0
            await tx.transfers.passed(transfer, self._now())
        again = await carrier.check(walk, platform)
        async with self._memory.begin() as tx:
            if again is not None:
                return await self._disagrees(tx, walk, again)
            await tx.transfers.verified(walk.transfer, self._now())
            assert transfer.mark_outage is not None
            if not await self.settle(tx, transfer.mark_outage) and _disagreed(transfer) >= PATIENCE:
                await self._moving(tx, transfer)
        return 0

    async def _disagrees(self, tx: Tx, walk: Walk, cursor: Json) -> int:
        """The source knows more than we do: read again. After some rounds, say so instead of pretending."""
        transfer, tried = walk.transfer, _disagreed(walk.transfer) + 1
        log.warning(
            "check against the source failed", connection=transfer.connection_id, flow=transfer.flow, tried=tried
        )
        walk.transfer = replace(transfer, cursor=cursor, mark={**(transfer.mark or {}), "disagreed": tried})
        await tx.transfers.unpass(walk.transfer, self._now())
        if tried >= PATIENCE:
            await self._stall(tx, transfer, "the numbers here and at the platform do not agree yet")
        return tried

    async def excused(self, transfer: Transfer) -> None:
        """It does not run any more, because a person switched it off: nobody waits for it."""
        async with self._memory.begin() as tx:
            await tx.transfers.verified(transfer, self._now())
            assert transfer.mark_outage is not None
            await self.settle(tx, transfer.mark_outage)

    async def stuck(self, transfer: Transfer, why: str) -> None:
        async with self._memory.begin() as tx:
            await self._stall(tx, transfer, why)

    async def _stall(self, tx: Tx, transfer: Transfer, why: str) -> None:
        assert transfer.mark_outage is not None
        outage = await tx.outages.held(transfer.mark_outage)
        if outage is None or outage.stalled_at or outage.closed_at or not outage.reauthorized_at:
            return
        now = self._now()
        await tx.outages.stalled(outage.id, now)
        revision = await tx.outages.event(outage.id, Event(now, "stalled", "", f"{transfer.flow}: {why}"))
        await tx.outbox.say_message(outage.id, revision, now)
        await tx.outbox.say_reply(outage.id, "stalled", revision, {"flow": transfer.flow.value, "why": why}, now)

    async def moving(self, transfer: Transfer) -> None:
        """Reading again is no progress where it is the check that does not agree: only an agreement ends that."""
        if _disagreed(transfer) < PATIENCE:
            async with self._memory.begin() as tx:
                await self._moving(tx, transfer)

    async def _moving(self, tx: Tx, transfer: Transfer) -> None:
        """The message stops saying that it does not get on, unless another transfer of the outage still does not."""
        assert transfer.mark_outage is not None
        outage = await tx.outages.held(transfer.mark_outage)
        if outage is None or outage.stalled_at is None or outage.closed_at:
            return
        others = [t for t in await _marked(tx, outage) if (t.connection_id, t.flow) != _key(transfer)]
        if any(t.verified_at is None and (t.attempts >= STALL_AFTER or _disagreed(t) >= PATIENCE) for t in others):
            return
        await tx.outages.stalled(outage.id, None)
        await tx.outbox.say_message(outage.id, outage.revision, self._now())

    async def sweep(self) -> None:
        """Close what has nothing left to wait for, such as an outage whose connections carry no transfers."""
        async with self._memory.read() as tx:
            ended = await tx.outages.settled(AT_ONCE)
        for outage_id in ended:
            async with self._memory.begin() as tx:
                await self.settle(tx, outage_id)

    async def settle(self, tx: Tx, outage_id: str) -> bool:
        """Close the outage if every mark is verified: status, receipt, message and reply in this transaction."""
        outage = await tx.outages.held(outage_id)
        if outage is None or outage.closed_at or not outage.reauthorized_at:
            return False
        transfers = await _marked(tx, outage)
        if any(t.verified_at is None for t in transfers):
            return False
        now = self._now()
        recovered, lost = await self._receipt(tx, outage, transfers)
        await tx.connections.set_catching_up(outage.connection_ids, False)
        await tx.outages.close(outage_id, recovered, lost, now)
        await tx.transfers.clear_marks(outage_id)
        revision = await tx.outages.event(outage_id, Event(now, "caught_up"))
        await tx.outbox.say_message(outage_id, revision, now)
        await caught_up(tx, outage, revision, now)
        log.info("caught up", outage=outage_id, platform=outage.platform)
        return True

    async def _receipt(self, tx: Tx, outage: Outage, transfers: list[Transfer]) -> tuple[Json, Json]:
        receipt = Receipt()
        for transfer in transfers:
            if transfer.flow is Flow.COST:
                await self._cost(tx, transfer, receipt)
            elif transfer.flow is Flow.TAGGING:
                await self._tags(tx, outage, transfer, receipt)
            else:
                await self._touchpoints(tx, transfer, receipt)
        return receipt.recovered, receipt.lost

    async def _cost(self, tx: Tx, transfer: Transfer, receipt: Receipt) -> None:
        connection = await tx.connections.get(transfer.connection_id)
        assert connection is not None
        assert transfer.mark is not None
        since, until = date.fromisoformat(transfer.mark["since"]), date.fromisoformat(transfer.mark["until"])
        totals = await tx.costs.totals(connection.id, since, until)
        days, gone = (until - since).days + 1, self._days_gone(connection, transfer, since)
        receipt.at_least(receipt.recovered, "cost_days", max(days - gone, 0))
        receipt.money(receipt.recovered, connection.account.currency, sum(totals.values()))
        if gone:
            receipt.at_least(receipt.lost, "cost_days_gone", min(gone, days))

    def _days_gone(self, connection: Connection, transfer: Transfer, since: date) -> int:
        """Account days that were missing and lie further back than the platform still tells."""
        gateway = self._gateways.get(connection.platform)
        if gateway is None or not isinstance(gateway.platform, CostSource) or "as_of" not in transfer.cursor:
            return 0
        read = account_day(datetime.fromisoformat(transfer.cursor["as_of"]), connection.account.time_zone)
        return max((read - since).days - gateway.platform.look_back_days, 0)

    async def _tags(self, tx: Tx, outage: Outage, transfer: Transfer, receipt: Receipt) -> None:
        connection = await tx.connections.get(transfer.connection_id)
        assert connection is not None
        assert transfer.mark is not None
        receipt.add(receipt.recovered, "ads_tagged", transfer.done + transfer.mark.get("earlier", 0))
        since = datetime.fromisoformat(transfer.mark["since"])
        ads = await tx.tags.created_between(connection.id, since, self._now(), tagged_since=outage.opened_at)
        if not ads:
            return
        platform, day = self._gateways[connection.platform].platform, account_day(since, connection.account.time_zone)
        campaigns = isinstance(platform, AdTagger) and platform.tags_campaigns
        micros, clicks = await tx.costs.of_ads(connection.id, ads, day, campaigns=campaigns)
        receipt.add(receipt.lost, "ads_untagged", len(ads))
        receipt.add(receipt.lost, "clicks", clicks)
        receipt.money(receipt.lost, connection.account.currency, micros)

    async def _touchpoints(self, tx: Tx, transfer: Transfer, receipt: Receipt) -> None:
        assert transfer.mark is not None
        receipt.add(receipt.recovered, "touchpoints", transfer.done + transfer.mark.get("earlier", 0))
        refused = await tx.touchpoints.set_aside(transfer.connection_id)
        if refused:
            receipt.named([{"id": i, "reason": reason} for i, reason in refused])
            receipt.add(receipt.lost, "set_aside_count", len(refused))


async def _marked(tx: Tx, outage: Outage) -> list[Transfer]:
    """Those it waits for. A connection that has left it, because it was paused or lost by itself, holds nobody up."""
    return [t for t in await tx.transfers.of_outage(outage.id) if t.connection_id in outage.connection_ids]


def _disagreed(transfer: Transfer) -> int:
    return int((transfer.mark or {}).get("disagreed", 0))


def _key(transfer: Transfer) -> tuple[str, Flow]:
    return transfer.connection_id, transfer.flow
