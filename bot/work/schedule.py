"""What runs when: a handful of ticks. What is due stands in the database, never in here."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.words.errors import TryLater

log = structlog.get_logger()


@dataclass(frozen=True)
class Tick:
    """One recurring duty of this process."""

    name: str
    every: timedelta
    do: Callable[[], Awaitable[None]]


class Schedule:
    """APScheduler with its memory store: about five jobs, whatever the number of connections."""

    def __init__(self, ticks: list[Tick]) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for tick in ticks:
            self._scheduler.add_job(
                _guarded(tick),
                "interval",
                seconds=max(tick.every.total_seconds(), 0.05),
                id=tick.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _guarded(tick: Tick) -> Callable[[], Awaitable[Any]]:
    async def run() -> None:
        try:
            await tick.do()
        except TryLater as error:
            log.warning("tick put off", tick=tick.name, why=str(error))
        except asyncio.CancelledError:
            # The process ends. APScheduler would tell it as a failed job, with a traceback.
            log.debug("tick cut off", tick=tick.name)

    return run
