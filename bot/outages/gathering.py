"""What is true about an outage now, gathered anew each time it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.outages.calling import just_acted, who_can_fix, who_can_fix_a_storm
from bot.outages.marks import cost_since, running_flows, shown
from bot.outages.meter import Meter
from bot.outages.receipt import Receipt
from bot.words.connection import Connection, Flow, Outage, Transfer
from bot.words.facts import PAGE, AccountFact, OutageFacts, Progress, Storm, StormAccount
from bot.words.interfaces import Clock, Gateway, Platform
from bot.words.loss import Loss

# Accounts of a storm whose usual cost and ads are reckoned: each is read from what was stored for four weeks.
MEASURED = 200


class Facts:
    """Gathers what is true about an outage now."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], routes: Routes, public_url: str, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._routes = routes
        self._public_url = public_url.rstrip("/")
        self._now = now
        self._meter = Meter()

    async def of(self, outage_id: str, storm_page: int | None = None) -> OutageFacts | None:
        """`storm_page`: of a storm's logins those that this page of its thread lists."""
        async with self._memory.read() as tx:
            outage = await tx.outages.get(outage_id)
            facts = None if outage is None else await self.gather(tx, outage)
            if facts is None or facts.storm is None or storm_page is None:
                return facts
            lines = await tx.storms.lines(outage_id, PAGE * storm_page, PAGE)
            return replace(facts, storm=replace(facts.storm, lines=tuple(lines)))

    async def of_storm(self, outage_id: str) -> Sequence[StormAccount]:
        async with self._memory.read() as tx:
            return await tx.storms.accounts(outage_id)

    async def gather(self, tx: Tx, outage: Outage) -> OutageFacts:
        platform = self._platform(outage)
        connections = await _shown(tx, outage.connection_ids, platform)
        facts = await self._about(tx, outage, platform, connections)
        routes = self._routes.over(await tx.routes.all())
        called = await _called(tx, outage, connections, routes)
        acted = just_acted(outage, facts.now)
        return replace(
            facts,
            mentions=tuple(w for w in called if w not in acted),
            otherwise=tuple(w for w in routes.fallback if w not in acted),
            storm=await self._storm(tx, facts) if outage.storm == outage.id else None,
        )

    def _platform(self, outage: Outage) -> Platform | None:
        gateway = self._gateways.get(outage.platform)
        return None if gateway is None else gateway.platform

    async def _about(
        self, tx: Tx, outage: Outage, platform: Platform | None, connections: Sequence[Connection]
    ) -> OutageFacts:
        """All but whom to call, and what a storm tells."""
        now = self._now()
        transfers = await _running(tx, connections, platform)
        waiting = await _waiting(tx, transfers)
        marked = [transfer for transfer in transfers if transfer.mark_outage == outage.id]
        names = {connection.id: connection.account.name for connection in connections}
        return OutageFacts(
            outage=outage,
            platform_name=outage.platform if platform is None else platform.name,
            kind=connections[0].kind if platform is None else platform.kind,
            accounts=tuple(AccountFact(c.id, c.account.id, c.account.name, c.status) for c in connections),
            now=now,
            start_url=f"{self._public_url}/reauthorize/{outage.id}",
            cost_since=_cost_since(connections, transfers, outage),
            untagged=any(t.flow is Flow.TAGGING for t in transfers),
            waiting=waiting,
            loss=await self._meter.read(tx, outage, platform, connections, transfers, waiting, now),
            progress=tuple(_progress(t, names[t.connection_id]) for t in marked),
            eta=_eta(outage, marked, now),
            checked_at=max((c.checked_at for c in connections if c.checked_at), default=None),
        )

    async def _storm(self, tx: Tx, facts: OutageFacts) -> Storm:
        storm = await tx.storms.told(facts.outage.id, PAGE)
        if storm.lost:
            return replace(storm, as_one=await self._losing(tx, facts.outage))
        return replace(storm, as_one=None if storm.going else await _receipt(tx, facts))

    async def _losing(self, tx: Tx, outage: Outage) -> OutageFacts | None:
        """Of more accounts than are measured, only what holds for each of them."""
        ids = await tx.storms.losing(outage.id, MEASURED + 1)
        platform = self._platform(outage)
        connections = await _shown(tx, ids[:MEASURED], platform)
        if not connections:
            return None
        lost = replace(outage, connection_ids=tuple(c.id for c in connections), reauthorized_at=None, closed_at=None)
        facts = await self._about(tx, lost, platform, connections)
        return facts if len(ids) <= MEASURED else replace(facts, waiting=None, loss=Loss())


async def _receipt(tx: Tx, facts: OutageFacts) -> OutageFacts | None:
    """What came back and what did not, of all of a storm; None where none was caught up with, as when all were paused."""
    receipt, stored = Receipt(), await tx.storms.receipts(facts.outage.id)
    if not stored:
        return None
    for recovered, lost in stored:
        receipt.take_in(recovered, lost)
    return replace(facts, outage=replace(facts.outage, recovered=receipt.recovered, lost=receipt.lost))


async def _shown(tx: Tx, ids: Sequence[str], platform: Platform | None) -> list[Connection]:
    connections = await tx.connections.some(ids)
    return connections if platform is None else [shown(connection, platform) for connection in connections]


async def _running(tx: Tx, connections: Sequence[Connection], platform: Platform | None) -> list[Transfer]:
    """The transfers that an outage keeps waiting; none where the platform is switched off."""
    if platform is None:
        return []
    flows = {connection.id: running_flows(connection, platform) for connection in connections}
    held = await tx.transfers.of_connections(list(flows))
    return [transfer for transfer in held if transfer.flow in flows.get(transfer.connection_id, [])]


async def _called(tx: Tx, outage: Outage, connections: Sequence[Connection], routes: Routes) -> Sequence[str]:
    if outage.storm == outage.id:
        return await who_can_fix_a_storm(tx, outage, routes)
    return await who_can_fix(tx, connections, routes)


def _cost_since(connections: Sequence[Connection], transfers: Sequence[Transfer], outage: Outage) -> date | None:
    """The first account day whose cost is missing: where the mark begins, or, while it is lost, the cursor's next day."""
    by_id = {c.id: c for c in connections}
    days = [
        date.fromisoformat(t.mark["since"])
        if t.mark and t.mark_outage == outage.id
        else cost_since(t, by_id[t.connection_id], outage.dropped_at)
        for t in transfers
        if t.flow is Flow.COST
    ]
    return min(days, default=None)


async def _waiting(tx: Tx, transfers: Sequence[Transfer]) -> int | None:
    pushed = [transfer.connection_id for transfer in transfers if transfer.flow is Flow.TOUCHPOINTS]
    return await tx.touchpoints.waiting_at(pushed) if pushed else None


def _progress(transfer: Transfer, account: str) -> Progress:
    passed = transfer.passed_at is not None
    return Progress(transfer.flow, account, transfer.done, transfer.total, passed, transfer.verified_at is not None)


def _eta(outage: Outage, marked: Sequence[Transfer], now: datetime) -> timedelta | None:
    """How long the slowest transfer still needs at its pace so far; None before there is a pace."""
    if outage.reauthorized_at is None:
        return None
    spent = now - outage.reauthorized_at
    rests = [spent * (t.total - t.done) / t.done for t in marked if t.passed_at is None and 0 < t.done < t.total]
    return max(rests, default=None)
