"""Brings notices to one endpoint outside Slack, until it has taken them: at least once, each under an id that stays."""

import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.memory.notices import Endpoint, Notice
from bot.words.announced import EndpointFacts
from bot.words.connection import Json
from bot.words.errors import RedkeyError, Refused, TryLater
from bot.words.interfaces import Clock

log = structlog.get_logger()

KIND = "webhook"  # of announcement

AT_ONCE = 8
LEASE = timedelta(minutes=5)  # longer than so many take at the slowest
Send = Callable[[str, datetime, Json], Awaitable[None]]
"""Give one notice away: its id, when it is sent, its body. Raises TryLater; anything else of ours gives up at once."""

# As Standard Webhooks proposes: quickly at first, for who restarts; then patiently, for who sleeps.
_PAUSES = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5)]
_LONGEST = timedelta(hours=10)


@dataclass(frozen=True)
class Patience:
    """How long to go on trying. `disable_after`: an endpoint that has taken nothing for so long is switched off."""

    pause: Callable[[int, timedelta | None], timedelta]
    give_up_after: timedelta
    disable_after: timedelta | None = None


def long_pause(attempts: int, after: timedelta | None) -> timedelta:
    """Between attempts at what a subscriber does not take, with jitter."""
    pause = _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else _LONGEST
    return max(pause * random.uniform(0.9, 1.1), after or timedelta(0))  # noqa: S311  # spreading load, not a secret


class SwitchedOff:
    """A teller of bot/announce/announce.py: an endpoint that was switched off, until it works again."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    async def facts(self, tx: Tx, told: Announcement) -> EndpointFacts:
        name = told.about["endpoint"]
        state = (await tx.notices.endpoints()).get(name, Endpoint())
        return EndpointFacts(name, told.about["why"], state.disabled_at is None or name not in self._names)


class Courier:
    """`channel`: which hears, once, that an endpoint was switched off."""

    def __init__(
        self,
        memory: Memory,
        endpoint: str,
        send: Send,
        patience: Patience,
        now: Clock,
        channel: str = "",
        owner: str | None = None,
    ) -> None:
        self._owner = owner
        self._channel = channel
        self._memory = memory
        self._endpoint = endpoint
        self._send = send
        self._patience = patience
        self._now = now

    async def run(self) -> None:
        """One round: send what is due."""
        async with self._memory.read() as tx:
            state = (await tx.notices.endpoints()).get(self._endpoint, Endpoint())
        if state.disabled_at is not None:
            return
        async with self._memory.begin() as tx:
            due = await tx.notices.claim(self._now(), AT_ONCE, LEASE, self._owner, endpoint=self._endpoint)
        for notice in due:
            await self._bring(notice)

    async def _bring(self, notice: Notice) -> None:
        try:
            await self._send(notice.message_id, self._now(), notice.body)
        except RedkeyError as error:
            await self._not_taken(notice, error)
        else:
            log.info("a webhook was taken", endpoint=self._endpoint, id=notice.message_id)
            async with self._memory.begin() as tx:
                await tx.notices.sent(notice, self._now())
                await tx.notices.took(self._endpoint)

    async def _not_taken(self, notice: Notice, error: RedkeyError) -> None:
        now, again = self._now(), None
        if isinstance(error, TryLater) and now - notice.created_at <= self._patience.give_up_after:
            again = now + self._patience.pause(notice.attempts, error.after)
        about = {"endpoint": self._endpoint, "id": notice.message_id, "outage": notice.outage_id}
        log.error("a webhook is not taken", **about, why=str(error), gave_up=again is None)
        async with self._memory.begin() as tx:
            state = await tx.notices.failed(self._endpoint, now)
            off = self._is_over(state, error, now) and await tx.notices.disable(self._endpoint, str(error), now)
            if off:
                tx.audit.note("webhook_disabled", who="", subject=self._endpoint, why=str(error))
                key, about = (
                    f"{KIND}:{self._endpoint}:{now:%Y%m%d%H%M%S}",
                    {"endpoint": self._endpoint, "why": str(error)},
                )
                await tx.announcements.announce(key, KIND, self._channel, about, now)
            await tx.notices.later(notice, again)
        if off:
            cure = f"mend it, then: redkey webhooks test {self._endpoint}"
            log.error("an endpoint of webhooks is switched off", endpoint=self._endpoint, why=str(error), cure=cure)

    def _is_over(self, state: Endpoint, error: RedkeyError, now: datetime) -> bool:
        limit = self._patience.disable_after
        if limit is None:
            return False
        return isinstance(error, Refused) or (state.failing_since is not None and now - state.failing_since >= limit)
