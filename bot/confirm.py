"""Verb 5, confirm: "caught up" is said when every transfer has passed its mark and a check against the source agrees."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import structlog

from bot.connection import Event, Flow, Json, Outage, Transfer
from bot.interfaces import Clock, Gateway, Platform
from bot.marks import account_day
from bot.memory import Memory, Tx
from bot.transfer import Carrier, Walk

log = structlog.get_logger()

PATIENCE = 3  # disagreements with the source before the message says that it is not done


class Confirm:
    """Decides when an outage is over, and writes its receipt."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._now = now

    async def passed(self, walk: Walk, carrier: Carrier, platform: Platform) -> bool:
        """A pass with a mark has ended: has it passed the mark, and does the source agree?"""
        transfer = walk.transfer
        async with self._memory.begin() as tx:
            if transfer.verified_at is not None or not await carrier.past(tx, transfer):
                return True
            await tx.transfers.passed(transfer, self._now())
        again = await carrier.check(walk, platform)
        async with self._memory.begin() as tx:
            if again is not None:
                await self._disagrees(tx, walk.transfer, again)
                return False
            await tx.transfers.verified(walk.transfer, self._now())
            assert transfer.mark_outage is not None
            await self.settle(tx, transfer.mark_outage)
        return True

    async def _disagrees(self, tx: Tx, transfer: Transfer, cursor: Json) -> None:
        """The source knows more than we do: read again. After some rounds, say so instead of pretending."""
        assert transfer.mark is not None
        tried = int(transfer.mark.get("disagreed", 0)) + 1
        log.warning(
            "check against the source failed", connection=transfer.connection_id, flow=transfer.flow, tried=tried
        )
        again = replace(transfer, cursor=cursor, mark={**transfer.mark, "disagreed": tried})
        await tx.transfers.unpass(again, self._now())
        if tried == PATIENCE:
            await self._stall(tx, transfer, "the numbers here and at the platform do not agree yet")

    async def stuck(self, transfer: Transfer, why: str) -> None:
        async with self._memory.begin() as tx:
            await self._stall(tx, transfer, why)

    async def _stall(self, tx: Tx, transfer: Transfer, why: str) -> None:
        assert transfer.mark_outage is not None
        outage = await tx.outages.get(transfer.mark_outage)
        if outage is None or outage.stalled_at or outage.closed_at or not outage.reauthorized_at:
            return
        now = self._now()
        await tx.outages.stalled(outage.id, now)
        revision = await tx.outages.event(outage.id, Event(now, "stalled", "", f"{transfer.flow}: {why}"))
        await tx.outbox.say_message(outage.id, revision, now)
        await tx.outbox.say_reply(outage.id, "stalled", revision, {"flow": transfer.flow.value, "why": why}, now)

    async def sweep(self) -> None:
        """Close what has nothing left to wait for, such as an outage whose connections carry no transfers."""
        async with self._memory.read() as tx:
            going = [o for o in await tx.outages.latest(open_only=True) if o.reauthorized_at]
        for outage in going:
            async with self._memory.begin() as tx:
                await self.settle(tx, outage.id)

    async def settle(self, tx: Tx, outage_id: str) -> None:
        """Close the outage if every mark is verified: status, receipt, message and reply in this transaction."""
        outage = await tx.outages.get(outage_id)
        if outage is None or outage.closed_at or not outage.reauthorized_at:
            return
        transfers = await tx.transfers.of_outage(outage_id)
        if any(t.verified_at is None for t in transfers):
            return
        now = self._now()
        recovered, lost = await self._receipt(tx, outage, transfers)
        await tx.connections.set_catching_up(outage.connection_ids, False)
        await tx.outages.close(outage_id, recovered, lost, now)
        await tx.transfers.clear_marks(outage_id)
        revision = await tx.outages.event(outage_id, Event(now, "caught_up"))
        await tx.outbox.say_message(outage_id, revision, now)
        await tx.outbox.say_reply(outage_id, "caught_up", revision, {}, now)
        log.info("caught up", outage=outage_id, platform=outage.platform)

    async def _receipt(self, tx: Tx, outage: Outage, transfers: list[Transfer]) -> tuple[Json, Json]:
        """What came back and what did not. Money stays integer micros, by currency."""
        receipt = _Receipt()
        for transfer in transfers:
            if transfer.flow is Flow.COST:
                await self._cost(tx, transfer, receipt)
            elif transfer.flow is Flow.TAGGING:
                await self._tags(tx, transfer, receipt)
            else:
                await self._touchpoints(tx, transfer, receipt)
        return receipt.recovered, receipt.lost

    async def _cost(self, tx: Tx, transfer: Transfer, receipt: "_Receipt") -> None:
        connection = await tx.connections.get(transfer.connection_id)
        assert connection is not None
        assert transfer.mark is not None
        since, until = date.fromisoformat(transfer.mark["since"]), date.fromisoformat(transfer.mark["until"])
        totals = await tx.costs.totals(connection.id, since, until)
        receipt.at_least("cost_days", (until - since).days + 1)
        receipt.money(receipt.recovered, connection.account.currency, sum(totals.values()))
        if gone := transfer.cursor.get("gone_days"):
            receipt.lost["cost_days_gone"] = receipt.lost.get("cost_days_gone", 0) + gone

    async def _tags(self, tx: Tx, transfer: Transfer, receipt: "_Receipt") -> None:
        connection = await tx.connections.get(transfer.connection_id)
        assert connection is not None
        assert transfer.mark is not None
        receipt.add(receipt.recovered, "ads_tagged", transfer.done)
        since = datetime.fromisoformat(transfer.mark["since"])
        ads = await tx.tags.created_between(connection.id, since, self._now())
        if not ads:
            return
        micros, clicks = await tx.costs.of_ads(connection.id, ads, account_day(since, connection.account.time_zone))
        receipt.add(receipt.lost, "ads_untagged", len(ads))
        receipt.add(receipt.lost, "clicks", clicks)
        receipt.money(receipt.lost, connection.account.currency, micros)

    async def _touchpoints(self, tx: Tx, transfer: Transfer, receipt: "_Receipt") -> None:
        receipt.add(receipt.recovered, "touchpoints", transfer.done)
        refused = await tx.touchpoints.set_aside(transfer.connection_id)
        if refused:
            receipt.lost["set_aside"] = [{"id": i, "reason": reason} for i, reason in refused[:50]]
            receipt.lost["set_aside_count"] = len(refused)


class _Receipt:
    def __init__(self) -> None:
        self.recovered: Json = {}
        self.lost: Json = {}

    def add(self, part: Json, key: str, count: int) -> None:
        part[key] = part.get(key, 0) + count

    def at_least(self, key: str, count: int) -> None:
        self.recovered[key] = max(self.recovered.get(key, 0), count)

    def money(self, part: Json, currency: str, micros: int) -> None:
        by_currency = part.setdefault("cost_micros", {})
        by_currency[currency] = by_currency.get(currency, 0) + micros
