"""Moving cost: from the last complete account day to now, re-reading the days the platform still changes."""

from datetime import date, datetime, timedelta

from bot.catch_up.transfer import Walk
from bot.memory.memory import Tx
from bot.outages.marks import account_day
from bot.words.connection import Json, Transfer
from bot.words.interfaces import CostSource, Platform

DAY = timedelta(days=1)


class CostCarrier:
    """cursor: {"through": last complete account day held, "as_of": when that pass began, "restated": account day of the
    last full re-read, "walk": {"through", "as_of", "full"} while a pass is under way, so that a crash resumes it}.
    """

    def __init__(self, first_days: int, restate_days: dict[str, int] | None = None) -> None:
        self._first_days = first_days
        self._restate = restate_days or {}

    async def move(self, walk: Walk, platform: Platform) -> bool:
        assert isinstance(platform, CostSource)
        zone = walk.connection.account.time_zone
        going = walk.transfer.cursor.get("walk") or {}
        begun = datetime.fromisoformat(going["as_of"]) if going else walk.begun_at
        today = account_day(begun, zone)
        since, full = self._since(walk, platform, today)
        start = date.fromisoformat(going["through"]) + DAY if going.get("through") else since
        full = going.get("full", full)
        async for page in platform.cost(walk.fetch, walk.connection.account, start, today):
            async with walk.memory.begin() as tx:
                await tx.costs.store(walk.connection.id, page.rows, start, page.through, walk.now())
                noted = {"through": page.through.isoformat(), "as_of": begun.isoformat(), "full": full}
                await walk.keep(tx, cursor={**walk.transfer.cursor, "walk": noted}, done=_done(walk, page.through))
            start = page.through + DAY
        async with walk.memory.begin() as tx:
            await tx.costs.settle(walk.connection.id, today)
            restated = today.isoformat() if full else walk.transfer.cursor.get("restated")
            cursor = {"through": (today - DAY).isoformat(), "as_of": begun.isoformat(), "restated": restated}
            await walk.keep(tx, cursor=cursor, done=walk.transfer.total)
        # A pass resumed from before the mark cannot count for it: what it re-read may have changed since.
        return walk.transfer.mark is None or begun >= datetime.fromisoformat(walk.transfer.mark["as_of"])

    def _since(self, walk: Walk, platform: CostSource, today: date) -> tuple[date, bool]:
        """Where this pass begins, and whether it re-reads the whole restatement window (once a day, and when catching
        up).
        """
        earliest, mark = today - DAY * platform.look_back_days, walk.transfer.mark
        through = walk.transfer.cursor.get("through")
        if not through:
            first = today - DAY * self._first_days
            return max(min(first, date.fromisoformat(mark["since"])) if mark else first, earliest), True
        full = mark is not None or walk.transfer.cursor.get("restated") != today.isoformat()
        restate = self._restated(walk, platform) if full else 1
        return max(min(date.fromisoformat(through) + DAY, today) - DAY * restate, earliest), full

    def _restated(self, walk: Walk, platform: CostSource) -> int:
        """How many past days the platform still changes."""
        return self._restate.get(walk.connection.platform, platform.restate_days)

    async def past(self, tx: Tx, transfer: Transfer) -> bool:
        assert transfer.mark is not None
        as_of = str(transfer.cursor.get("as_of", ""))
        return as_of != "" and datetime.fromisoformat(as_of) >= datetime.fromisoformat(transfer.mark["as_of"])

    async def check(self, walk: Walk, platform: Platform) -> Json | None:
        """Our sum per account day must equal the account's own total, to the micro, for every day that has ended.

        Today still grows between our two questions, so it is loaded, but not compared.
        """
        assert isinstance(platform, CostSource)
        assert walk.transfer.mark is not None
        mark, zone = walk.transfer.mark, walk.connection.account.time_zone
        missed = date.fromisoformat(mark["since"])
        since = missed - DAY * self._restated(walk, platform)
        since = max(since, account_day(walk.now(), zone) - DAY * platform.look_back_days)
        until = date.fromisoformat(walk.transfer.cursor["through"])
        if since > until:
            return None
        theirs = await platform.cost_totals(walk.fetch, walk.connection.account, since, until)
        async with walk.memory.read() as tx:
            ours = await tx.costs.totals(walk.connection.id, since, until)
        # What lies before our first load was never asked for. Every missed day must be there.
        held_from = min([missed, *ours])
        wrong = [day for day in {*theirs, *ours} if theirs.get(day, 0) != ours.get(day, 0) and day >= held_from]
        if not wrong:
            return None
        return {**walk.transfer.cursor, "through": (min(wrong) - DAY).isoformat()}


def _done(walk: Walk, through: date) -> int:
    """How many of the marked days are in by now."""
    mark = walk.transfer.mark
    if mark is None:
        return 0
    return max(0, min(walk.transfer.total, (through - date.fromisoformat(mark["since"])).days + 1))
