"""What Slack does not take in time is told elsewhere: to a webhook, once for each state of an outage.

Durable like everything: a row when it becomes overdue, sent until the other side has taken it.
"""

from datetime import timedelta

from bot.alert.posting import Composer
from bot.memory.memory import Memory
from bot.memory.notices import FALLBACK
from bot.outages.gathering import Facts
from bot.webhooks.courier import Courier, Patience, Send
from bot.words.connection import Json, Outage
from bot.words.facts import OutageFacts
from bot.words.interfaces import Clock
from bot.words.pace import Pace

AT_ONCE = 20
GIVE_UP_AFTER = timedelta(days=1)


class Elsewhere:
    """`send` is the webhook. A receiver that lost an answer may get a notice again; its key tells."""

    def __init__(
        self,
        memory: Memory,
        facts: Facts,
        composer: Composer,
        send: Send,
        pace: Pace,
        now: Clock,
        owner: str | None = None,
    ) -> None:
        self._memory = memory
        self._facts = facts
        self._composer = composer
        patience = Patience(pace.back_off, GIVE_UP_AFTER)
        self._courier = Courier(memory, FALLBACK, send, patience, now, owner=owner)
        self._now = now

    async def run(self) -> None:
        """One round: put what became overdue into words, then send what is due."""
        async with self._memory.read() as tx:
            overdue = await tx.notices.overdue(self._now(), AT_ONCE)
        for outage_id, revision in overdue:
            await self._note(outage_id, revision)
        await self._courier.run()

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


def _key(outage: Outage) -> str:
    """A state that comes again, because the connection was lost again, is told again."""
    lost_again = sum(event.what in {"reopened", "dropped"} for event in outage.timeline)
    return f"{outage.id}:{lost_again}:{outage.state}"
