"""What we remember of tagging: every ad we tagged, meant to tag or left alone, and the way back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, select, update

from bot.words.freight import Ad, TagChange
from bot.words.interfaces import TagResult
from storage.freight import tags
from storage.transaction import Transaction, parts

TAKEN_BACK = "taken back"
_KEY = [tags.c.connection_id, tags.c.ad]
_BLANK: dict[str, Any] = {"name": "", "before": "", "wanted": "", "problem": "", "note": ""}


class TagRows:
    """Implements bot.memory.freight.Tags."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def plan(self, connection_id: str, changes: Sequence[TagChange], now: datetime) -> None:
        """Where our own suffix is what stood there, an earlier try had arrived after all: its "before" is the true one."""
        new = self._tx.insert(tags)
        ours = (new.excluded.before == tags.c.wanted) & (tags.c.wanted != "")
        replaced = {
            "name": new.excluded.name,
            "before": case((ours, tags.c.before), else_=new.excluded.before),
            "wanted": new.excluded.wanted,
            "ad_created_at": new.excluded.ad_created_at,
            "planned_at": new.excluded.planned_at,
            "applied_at": None,
            "problem": "",
            "note": "",
        }
        rows = [
            _BLANK
            | {
                "connection_id": connection_id,
                "ad": change.ad.id,
                "name": change.ad.name,
                "before": change.before,
                "wanted": change.wanted,
                "ad_created_at": change.ad.created_at,
                "planned_at": now,
            }
            for change in changes
        ]
        await self._tx.many(new.on_conflict_do_update(index_elements=_KEY, set_=replaced), rows)

    async def applied(self, connection_id: str, results: Sequence[TagResult], now: datetime) -> None:
        one = update(tags).where(tags.c.connection_id == connection_id, tags.c.ad == bindparam("of_ad"))
        answered = one.values(applied_at=bindparam("at"), problem=bindparam("said"))
        rows = [{"of_ad": r.ad, "at": None if r.problem else now, "said": r.problem} for r in results]
        await self._tx.many(answered, rows)

    async def note(self, connection_id: str, notes: Mapping[str, str], now: datetime) -> None:
        new = self._tx.insert(tags)
        noted = {"note": new.excluded.note, "noted_at": new.excluded.noted_at}
        rows = [
            _BLANK | {"connection_id": connection_id, "ad": ad, "note": note, "noted_at": now}
            for ad, note in notes.items()
        ]
        await self._tx.many(new.on_conflict_do_update(index_elements=_KEY, set_=noted), rows)

    async def ours(self, connection_id: str) -> list[TagChange]:
        mine = select(tags).where(tags.c.connection_id == connection_id, tags.c.applied_at.is_not(None))
        rows = await self._tx.all(mine.order_by(tags.c.ad))
        return [
            TagChange(Ad(row.ad, row.name, (), created_at=row.ad_created_at), before=row.before, wanted=row.wanted)
            for row in rows
        ]

    async def undone(self, connection_id: str, ads: Sequence[str], now: datetime) -> None:
        one = update(tags).where(tags.c.connection_id == connection_id, tags.c.ad == bindparam("of_ad"))
        taken_back = one.values(applied_at=None, note=TAKEN_BACK, noted_at=now)
        await self._tx.many(taken_back, [{"of_ad": ad} for ad in ads])

    async def unanswered(self, connection_id: str) -> dict[str, str]:
        open_ones = tags.c.applied_at.is_(None), tags.c.problem == "", tags.c.wanted != "", tags.c.note != TAKEN_BACK
        mine = select(tags.c.ad, tags.c.wanted).where(tags.c.connection_id == connection_id, *open_ones)
        return {row.ad: row.wanted for row in await self._tx.all(mine)}

    async def refused(self, connection_id: str) -> set[str]:
        mine = select(tags.c.ad).where(tags.c.connection_id == connection_id, tags.c.problem != "")
        return {row.ad for row in await self._tx.all(mine)}

    async def created_between(
        self, connection_id: str, since: datetime, until: datetime, *, tagged_since: datetime
    ) -> list[str]:
        """Those made at `since` count, those made at `until` do not; oldest first."""
        made = select(tags.c.ad).where(
            tags.c.connection_id == connection_id,
            tags.c.applied_at >= tagged_since,
            tags.c.ad_created_at >= _whole_second(since),
            tags.c.ad_created_at < until,
        )
        return [row.ad for row in await self._tx.all(made.order_by(tags.c.ad_created_at, tags.c.ad))]

    async def made(self, connection_ids: Sequence[str], since: datetime, until: datetime) -> int:
        count = 0
        for ids in parts(connection_ids):
            made = select(func.count()).where(
                tags.c.connection_id.in_(ids),
                tags.c.ad_created_at >= _whole_second(since),
                tags.c.ad_created_at < until,
                tags.c.applied_at >= since,
            )
            count += int(await self._tx.value(made))
        return count


def _whole_second(moment: datetime) -> datetime:
    """Platforms tell only in which second an ad was made: one made just after the drop must not look older than it."""
    return moment.replace(microsecond=0)
