"""What the pages show, gathered: always in the same few queries, however many connections and outages there are."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.memory.history import Down, Tally, UntaggedAd
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.outages.gathering import Facts
from bot.outages.marks import account_day, shown, stopped_flows
from bot.people.people import NoConnection, NotFound
from bot.people.showing import STRIP_DAYS, ConnectionPage, CostDay, Sheet, Shown
from bot.words.connection import Connection, Flow, Kind, Outage
from bot.words.facts import OutageFacts
from bot.words.interfaces import AdTagger, Clock, Gateway

ROWS = 25  # connections on one page of a table
OUTAGES = 25  # of one connection, the newest
UNTAGGED = 20  # ads on the page; the download has all of them
MOST_UNTAGGED = 100_000
COST_DAYS = 60
DAY = timedelta(days=1)


class PageFacts:
    """Implements bot.people.showing.Gallery."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], facts: Facts, routes: Routes, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._facts = facts
        self._routes = routes
        self._now = now

    def now(self) -> datetime:
        return self._now()

    async def sheets(self, pages: Mapping[Kind, int], search: str = "") -> dict[Kind, Sheet]:
        platforms = list(self._gateways)
        async with self._memory.read() as tx:
            tallies = await tx.history.tally(platforms, search)
            sheets = {kind: _sheet(kind, tallies.get(kind, Tally()), pages.get(kind, 1)) for kind in Kind}
            ids = {
                kind: await tx.history.page(kind, platforms, search, (sheet.page - 1) * ROWS, ROWS)
                for kind, sheet in sheets.items()
            }
            rows = {r.connection.id: r for r in await self._shown(tx, [i for some in ids.values() for i in some])}
        return {kind: replace(s, rows=tuple(rows[i] for i in ids[kind] if i in rows)) for kind, s in sheets.items()}

    async def _shown(self, tx: Tx, ids: list[str]) -> list[Shown]:
        downs: dict[str, list[Down]] = defaultdict(list)
        for down in await tx.history.downs(ids, self._now() - STRIP_DAYS * DAY):
            downs[down.connection_id].append(down)
        return [
            Shown(shown(c, platform), platform.name, tuple(downs[c.id]), tuple(stopped_flows(platform, c.scopes)))
            for c in await tx.connections.some(ids)
            for platform in [self._gateways[c.platform].platform]
        ]

    async def connection(self, connection_id: str) -> ConnectionPage:
        async with self._memory.read() as tx:
            shown = await self._one(tx, connection_id)
            connection, platform = shown.connection, self._gateways[shown.connection.platform].platform
            outages = tuple(await tx.history.outages_of(connection_id, OUTAGES))
            flows, tagger = platform.flows, isinstance(platform, AdTagger)
            crm = Flow.TOUCHPOINTS in flows
            return ConnectionPage(
                shown=shown,
                now=self._now(),
                channel=self._routes.over(await tx.routes.all()).channel(connection),
                outages=outages,
                costs=await self._costs(tx, connection, outages) if Flow.COST in flows else None,
                waiting=await tx.touchpoints.waiting(connection_id) if crm else None,
                set_aside=len(await tx.touchpoints.set_aside(connection_id)) if crm else 0,
                untagged=tuple(await tx.history.untagged(connection_id, UNTAGGED + 1)) if tagger else None,
                utm=connection.utm or getattr(platform, "utm", ""),
            )

    async def _one(self, tx: Tx, connection_id: str) -> Shown:
        connection = await tx.connections.get(connection_id)
        if connection is None or connection.removed_at or connection.platform not in self._gateways:
            raise NoConnection(connection_id)
        return (await self._shown(tx, [connection_id]))[0]

    async def _costs(self, tx: Tx, connection: Connection, outages: tuple[Outage, ...]) -> tuple[CostDay, ...]:
        zone = connection.account.time_zone
        today = account_day(self._now(), zone)
        totals = await tx.costs.totals(connection.id, today - COST_DAYS * DAY, today)
        missed, late = set[date](), set[date]()
        for outage in outages:
            end = account_day(outage.reauthorized_at or outage.closed_at or self._now(), zone)
            first = max(account_day(outage.opened_at, zone), today - COST_DAYS * DAY)
            over = {first + n * DAY for n in range((end - first).days + 1)}
            missed |= over
            late |= over if outage.caught_up_at is None else set()
        first_held = min(totals, default=today)
        days = [today - n * DAY for n in range(COST_DAYS - 1, -1, -1)]
        begin = min(first_held, *missed, today)
        return tuple(CostDay(d, totals.get(d), d in missed, d in late) for d in days if d >= begin)

    async def untagged(self, connection_id: str) -> tuple[UntaggedAd, ...]:
        async with self._memory.read() as tx:
            await self._one(tx, connection_id)
            return tuple(await tx.history.untagged(connection_id, MOST_UNTAGGED))

    async def outage(self, outage_id: str) -> OutageFacts:
        facts = await self._facts.of(outage_id)
        if facts is None or facts.outage.platform not in self._gateways:
            raise NotFound(f"there is no outage {outage_id}")
        return facts


def _sheet(kind: Kind, tally: Tally, wanted: int) -> Sheet:
    pages = max(-(-tally.found // ROWS), 1)
    return Sheet(kind, (), tally.total, tally.found, tally.red, min(max(wanted, 1), pages), pages)
