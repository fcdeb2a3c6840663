"""What Slack does not take in time is told elsewhere: to a webhook, once for each state of an outage.

Durable like everything: a row when it becomes overdue, sent until the other side has taken it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.alert import Facts
from bot.connection import Json, Outage
from bot.errors import RedkeyError, TryLater
from bot.facts import OutageFacts
from bot.interfaces import Clock, Composer
from bot.memory import Memory
from bot.notices import Notice
from bot.watch import Pace

log = structlog.get_logger()

AT_ONCE = 20
LEASE = timedelta(minutes=2)
GIVE_UP_AFTER = timedelta(days=1)
Send = Callable[[str, datetime, Json], Awaitable[None]]
"""Give one notice away: its key, when it was made, its body. Raises TryLater; anything else of ours gives up at once."""


class Elsewhere:
    """`send` is the webhook. A receiver that lost an answer may get a notice again; its key tells."""

    def __init__(self, memory: Memory, facts: Facts, composer: Composer, send: Send, pace: Pace, now: Clock) -> None:
        self._memory = memory
        self._facts = facts
        self._composer = composer
        self._send = send
        self._pace = pace
        self._now = now

    async def run(self) -> None:
        """One round: put what became overdue into words, then send what is due."""
        async with self._memory.read() as tx:
            overdue = await tx.notices.overdue(self._now(), AT_ONCE)
        for outage_id, revision in overdue:
            await self._note(outage_id, revision)
        async with self._memory.begin() as tx:
            due = await tx.notices.claim(self._now(), AT_ONCE, LEASE)
        for notice in due:
            await self._tell(notice)

    async def _note(self, outage_id: str, revision: int) -> None:
        facts = await self._facts.of(outage_id)
        now = self._now()
        async with self._memory.begin() as tx:
            if facts is not None:
                await tx.notices.add(_key(facts.outage), outage_id, self._body(facts), now)
                revision = max(revision, facts.outage.revision)
            await tx.notices.noted(outage_id, revision)

    def _body(self, facts: OutageFacts) -> Json:
        text = self._composer.outage(facts).text
        return {"text": text, "outage": facts.outage.id, "state": facts.outage.state, "start_url": facts.start_url}

    async def _tell(self, notice: Notice) -> None:
        now = self._now()
        try:
            await self._send(notice.key, notice.created_at, notice.body)
        except TryLater as error:
            old = now - notice.created_at > GIVE_UP_AFTER
            log.error(
                "the fallback webhook does not take an alert", outage=notice.outage_id, why=str(error), gave_up=old
            )
            again = None if old else now + self._pace.back_off(notice.attempts, error.after)
            async with self._memory.begin() as tx:
                await tx.notices.later(notice, again)
        except RedkeyError as error:
            log.error("the fallback webhook refuses an alert", outage=notice.outage_id, why=str(error))
            async with self._memory.begin() as tx:
                await tx.notices.later(notice, None)
        else:
            log.warning("Slack does not take alerts; the fallback webhook got one", outage=notice.outage_id)
            async with self._memory.begin() as tx:
                await tx.notices.sent(notice, now)


def _key(outage: Outage) -> str:
    """A state that comes again, because the connection was lost again, is told again."""
    lost_again = sum(event.what in {"reopened", "dropped"} for event in outage.timeline)
    return f"{outage.id}:{lost_again}:{outage.state}"
