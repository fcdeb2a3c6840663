"""The loss meter: what this outage costs, reckoned from what these connections usually do and what their platform keeps."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.memory.memory import Tx
from bot.outages.marks import account_day, cost_since
from bot.words.connection import Connection, Flow, Outage, Transfer
from bot.words.interfaces import CostSource, Gateway, Platform
from bot.words.loss import DAY, Loss, Usual

WEEKS = 28 * DAY  # what is usual is what the last four weeks were
REMEMBERED = 5_000  # of each: while an outage lasts, nothing new is stored
PACE_AFTER = timedelta(minutes=10)  # a pace needs some time to show itself


class Meter:
    """Reads at most two questions' worth more than the facts do, however many accounts there are."""

    def __init__(self) -> None:
        self._usual: OrderedDict[tuple[str, date], Usual | None] = OrderedDict()  # by connection
        self._made: OrderedDict[tuple[datetime, tuple[str, ...]], int] = OrderedDict()  # ads of these connections

    async def read(
        self,
        tx: Tx,
        outage: Outage,
        platform: Platform | None,
        connections: Sequence[Connection],
        transfers: Sequence[Transfer],
        waiting: int | None,
        now: datetime,
    ) -> Loss:
        if platform is None or outage.closed_at is not None:
            return Loss()
        tagged = [t.connection_id for t in transfers if t.flow is Flow.TAGGING]
        if outage.reauthorized_at is not None:
            made = await tx.tags.made(tagged, outage.dropped_at, now) if tagged else 0
            return Loss(ads=made, counted=made > 0)
        missing = _missing(connections, transfers, outage)
        usual, ads_a_day = await self._of(tx, outage, list(missing), tagged)
        kept_until, gone = last_day(platform, missing, now)
        days_down = (now - outage.dropped_at) / DAY
        ads = ads_a_day * days_down
        return Loss(
            late=_late(connections, missing, usual, now),
            a_day=_a_day(connections, usual),
            ads=round(ads),
            ads_a_day=ads_a_day,
            clicks=_clicks([usual[i] for i in tagged if i in usual], ads, days_down),
            touches_a_day=_pace(waiting, now - outage.dropped_at),
            days_gone=gone,
            told_until=kept_until,
        )

    async def _of(
        self, tx: Tx, outage: Outage, costly: Sequence[str], tagged: Sequence[str]
    ) -> tuple[dict[str, Usual], float]:
        """Kept, as an outage's facts are gathered every minute and what was stored before it does not change."""
        before = outage.dropped_at.date()
        new = [i for i in costly if (i, before) not in self._usual]
        found = await tx.costs.usual(new, before - WEEKS, before) if new else {}
        self._usual.update(((i, before), found.get(i)) for i in new)
        usual = {i: each for i in costly if (each := self._usual[i, before])}
        all_of_them = outage.dropped_at, tuple(tagged)
        if (made := self._made.get(all_of_them)) is None:
            made = await tx.tags.made(tagged, outage.dropped_at - WEEKS, outage.dropped_at) if tagged else 0
            self._made[all_of_them] = made
        days = max((usual[i].days for i in tagged if i in usual), default=0)
        _forget(self._usual)
        _forget(self._made)
        return usual, made / days if days else 0.0


def _forget(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


async def last_days(
    tx: Tx, gateways: Mapping[str, Gateway], outages: Sequence[Outage], now: datetime
) -> dict[str, date]:
    """Outage -> the last day on which its platform still tells its first missing day. Two questions for all of them."""
    ids = [i for outage in outages for i in outage.connection_ids]
    by_id = {c.id: c for c in await tx.connections.some(ids)}
    flows: dict[str, list[Transfer]] = {}
    for transfer in await tx.transfers.of_connections(ids):
        flows.setdefault(transfer.connection_id, []).append(transfer)
    found = {}
    for outage in outages:
        own = [by_id[i] for i in outage.connection_ids if i in by_id]
        gateway = gateways.get(outage.platform)
        missing = _missing(own, [t for c in own for t in flows.get(c.id, [])], outage)
        until = last_day(gateway.platform, missing, now)[0] if gateway else None
        if until is not None:
            found[outage.id] = until
    return found


def last_day(platform: Platform, missing: Mapping[str, tuple[date, str]], now: datetime) -> tuple[date | None, int]:
    """The last day on which the first missing day that is still told can be had, and how many are told no more."""
    if not isinstance(platform, CostSource) or not missing:
        return None, 0
    keeps, ends, gone = DAY * platform.look_back_days, [], 0
    for since, zone in missing.values():
        today = account_day(now, zone)
        ends.append(max(since + keeps, today))
        gone = max(gone, (today - since - keeps).days)
    return min(ends), gone


def _missing(
    connections: Sequence[Connection], transfers: Sequence[Transfer], outage: Outage
) -> dict[str, tuple[date, str]]:
    """Connection -> the first account day whose cost is missing, and the account's time zone."""
    by_id = {c.id: c for c in connections}
    return {
        t.connection_id: (cost_since(t, connection, outage.dropped_at), connection.account.time_zone)
        for t in transfers
        if t.flow is Flow.COST and (connection := by_id.get(t.connection_id)) is not None
    }


def _late(
    connections: Sequence[Connection],
    missing: Mapping[str, tuple[date, str]],
    usual: Mapping[str, Usual],
    now: datetime,
) -> dict[str, int]:
    found: dict[str, int] = {}
    for c in connections:
        if c.id in missing and c.id in usual:
            since, _ = missing[c.id]
            length = max(now - datetime.combine(since, time(), UTC), timedelta(0))
            micros = round(usual[c.id].micros / usual[c.id].days * (length / DAY))
            found[c.account.currency] = found.get(c.account.currency, 0) + micros
    return {currency: micros for currency, micros in found.items() if micros > 0}


def _a_day(connections: Sequence[Connection], usual: Mapping[str, Usual]) -> dict[str, int]:
    found: dict[str, int] = {}
    for c in connections:
        if c.id in usual:
            micros = round(usual[c.id].micros / usual[c.id].days)
            found[c.account.currency] = found.get(c.account.currency, 0) + micros
    return {currency: micros for currency, micros in found.items() if micros > 0}


def _clicks(usual: Sequence[Usual], ads: float, days: float) -> int:
    """Ads come one after the other, so that on average each has run for half of the time."""
    ad_days = sum(u.ad_days for u in usual)
    return round(ads * days / 2 * sum(u.clicks for u in usual) / ad_days) if ad_days else 0


def _pace(waiting: int | None, length: timedelta) -> float:
    return waiting / (length / DAY) if waiting and length >= PACE_AFTER else 0.0
