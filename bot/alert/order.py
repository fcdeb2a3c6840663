"""What is said first: news, that is an alert, and what a click has changed, before replies and counts that are kept true."""

from datetime import timedelta

from bot.memory.memory import Memory
from bot.memory.outages import Saying
from bot.words.interfaces import Clock

SAY_LEASE = timedelta(minutes=2)  # longer than looking for a post and posting take at the slowest
AT_ONCE = 5  # all but one of them may be replies that wait for their channel's turn
IN_A_ROW = 3  # so many news may be claimed before others that wait; then it goes by age


class Order:
    """Claims from the outbox. The last free place is for news only, so that an alert need not wait for one."""

    def __init__(self, memory: Memory, owner: str, now: Clock) -> None:
        self._memory = memory
        self._owner = owner
        self._now = now
        self._in_a_row = 0

    async def claim(self, limit: int) -> list[Saying]:
        news: list[Saying] = []
        async with self._memory.begin() as tx:
            if self._in_a_row < IN_A_ROW:
                news = await tx.outbox.claim(self._now(), limit, self._owner, SAY_LEASE, news=True)
                limit -= max(len(news), 1)
            others = await tx.outbox.claim(self._now(), limit, self._owner, SAY_LEASE) if limit else []
        self._in_a_row = 0 if limit else self._in_a_row + len(news)
        return news + others
