"""What is to be said in Slack, written in the same transaction as what it tells of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import Row, Update, and_, case, exists, func, or_, select, update

from bot.memory.memory import Work
from bot.memory.outages import Saying
from bot.words.connection import Json
from bot.words.errors import Fenced
from storage.tables import outages, outbox
from storage.transaction import Transaction, earlier

_FREE = outbox.c.owner.is_(None)
_NEWS = and_(outbox.c.kind == "message", outbox.c.revision > func.coalesce(outbox.c.said_revision, -1))
TOGETHER = timedelta(seconds=3)  # what happens in a storm within this is one edit of its message
STORM_TELLS = {"wrong_account", "stalled"}  # what somebody must know of one login, told in the thread of its storm
STORM_MOST = 20  # of each kind; the pages have the others
STORM_REPLY, STORM_REPLIES = 3_000_000, 2_000_000_000  # numbers for them, out of the way of all other revisions
_UNCLAIMED: dict[str, Any] = {"fence": 0, "attempts": 0}


class OutboxRows:
    """Implements bot.memory.outages.Outbox.

    A claimed row has an owner, and its due_at is when the lease runs out. What is asked for meanwhile goes into asked_at and
    becomes its due_at when it was said, so nothing asked during a post is lost. A row with nothing to say has no due_at.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def say_message(self, outage_id: str, revision: int, due_at: datetime) -> None:
        storm = await self._storm(outage_id)
        if storm is not None and storm != outage_id:
            outage_id, revision, due_at = storm, 0, due_at + TOGETHER
        new = _row(f"message:{outage_id}", outage_id, "message", "", revision, {}, due_at)
        asked = {
            "revision": case((outbox.c.revision > revision, outbox.c.revision), else_=revision),
            "due_at": case((_FREE, earlier(outbox.c.due_at, due_at)), else_=outbox.c.due_at),
            "asked_at": case((_FREE, outbox.c.asked_at), else_=earlier(outbox.c.asked_at, due_at)),
        }
        said = self._tx.insert(outbox).values(new)
        await self._tx.change(said.on_conflict_do_update(index_elements=[outbox.c.key], set_=asked))
        self._tx.becomes_due(Work.SAY, due_at, new["key"])

    async def say_reply(self, outage_id: str, what: str, revision: int, detail: Json, now: datetime) -> None:
        if not what.startswith("storm_") and (storm := await self._storm(outage_id)) is not None:
            if what not in STORM_TELLS or await self._told(storm, f"storm_{what}") >= STORM_MOST:
                return  # its message is edited; thousands of replies would help nobody
            login = await self._tx.value(select(outages.c.login).where(outages.c.id == outage_id))
            revision = STORM_REPLY + crc32(f"{outage_id}:{revision}".encode()) % STORM_REPLIES
            outage_id, what, detail = storm, f"storm_{what}", {**detail, "login": login}
        new = _row(f"reply:{outage_id}:{what}:{revision}", outage_id, "reply", what, revision, detail, now)
        await self._tx.change(self._tx.insert(outbox).values(new).on_conflict_do_nothing())
        self._tx.becomes_due(Work.SAY, now, new["key"])

    async def _told(self, outage_id: str, what: str) -> int:
        alike = outbox.c.outage_id == outage_id, outbox.c.what == what
        return int(await self._tx.value(select(func.count()).where(*alike)))

    async def unsay(self, outage_id: str, what: str) -> None:
        waits = outbox.c.outage_id == outage_id, outbox.c.what == what, _FREE, outbox.c.started_at.is_(None)
        await self._tx.change(update(outbox).where(*waits).values(due_at=None))

    async def _storm(self, outage_id: str) -> str | None:
        storm: str | None = await self._tx.value(select(outages.c.storm).where(outages.c.id == outage_id))
        return storm

    async def claim(
        self, now: datetime, limit: int, owner: str, lease: timedelta, *, news: bool = False
    ) -> list[Saying]:
        """Replies of one outage are claimed one after the other, so that its thread tells things in their order."""
        before = outbox.alias()
        ts = select(outages.c.ts).where(outages.c.id == outbox.c.outage_id).correlate(outbox).scalar_subquery()
        posted = ts.is_not(None)  # as an EXISTS, Postgres may gather all outages there ever were
        untold = exists().where(
            before.c.outage_id == outbox.c.outage_id,
            before.c.kind == "reply",
            before.c.due_at.is_not(None),
            before.c.revision < outbox.c.revision,
        )
        rows = await self._tx.claim(
            outbox,
            where=[
                outbox.c.due_at <= now,
                _NEWS if news else or_(outbox.c.kind == "message", posted & ~untold.correlate(outbox)),
            ],
            order=[outbox.c.due_at, outbox.c.kind],
            limit=limit,
            values={"owner": owner, "due_at": now + lease, "fence": outbox.c.fence + 1},
        )
        return sorted((_saying(row) for row in rows), key=lambda saying: (saying.outage_id, saying.kind))

    async def posting(self, saying: Saying, now: datetime) -> None:
        await self._fenced(_held(saying).values(started_at=now))

    async def said(self, saying: Saying, now: datetime) -> None:
        free = {"owner": None, "asked_at": None, "attempts": 0, "started_at": None}
        free |= {"said_revision": saying.revision, "elsewhere_at": None}
        await self._fenced(_held(saying).values(free | {"due_at": outbox.c.asked_at}))
        if await self._tx.value(select(exists().where(outbox.c.outage_id == saying.outage_id, outbox.c.due_at <= now))):
            self._tx.becomes_due(Work.SAY)

    async def later(
        self, saying: Saying, due_at: datetime, *, unclear: bool = False, elsewhere_at: datetime | None = None
    ) -> None:
        still_to_come = case((outbox.c.asked_at > due_at, outbox.c.asked_at))
        put_off: dict[str, Any] = {"owner": None, "due_at": due_at, "asked_at": still_to_come}
        put_off["attempts"] = outbox.c.attempts + 1
        if elsewhere_at is not None:
            put_off["elsewhere_at"] = earlier(outbox.c.elsewhere_at, elsewhere_at)
        await self._fenced(_held(saying).values(put_off | ({} if unclear else {"started_at": None})))
        self._tx.becomes_due(Work.SAY, due_at)

    async def waiting(self) -> int:
        """How many are due or being said now; reminders of tomorrow do not count."""
        due = select(func.count()).where(or_(outbox.c.due_at <= self._tx.now(), ~_FREE))
        return int(await self._tx.value(due))

    async def free(self, owners_alive: Sequence[str]) -> None:
        abandoned = update(outbox).where(~_FREE, outbox.c.owner.not_in(owners_alive))
        if await self._tx.change(abandoned.values(owner=None, due_at=self._tx.now())):
            self._tx.becomes_due(Work.SAY)

    async def _fenced(self, statement: Update) -> None:
        if await self._tx.change(statement) == 0:
            raise Fenced("this post was claimed by another worker")


def _held(saying: Saying) -> Update:
    """The row, as long as this claim of it stands."""
    return update(outbox).where(outbox.c.key == saying.key, ~_FREE, outbox.c.fence == saying.fence)


def _row(
    key: str, outage_id: str, kind: str, what: str, revision: int, detail: Json, due_at: datetime
) -> dict[str, Any]:
    told = {"key": key, "outage_id": outage_id, "kind": kind, "what": what, "revision": revision, "detail": detail}
    return _UNCLAIMED | told | {"due_at": due_at}


def _saying(row: Row[Any]) -> Saying:
    return Saying(
        key=row.key,
        outage_id=row.outage_id,
        kind=row.kind,
        what=row.what,
        revision=row.revision,
        detail=row.detail,
        fence=row.fence,
        attempts=row.attempts,
        started_at=row.started_at,
    )
