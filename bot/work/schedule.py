"""What runs when: a handful of ticks. What is due stands in the database, never in here."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, time
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


LOOK = 1.0  # seconds between looks at the clock; less than that nobody need notice


class Schedule:
    """APScheduler with its memory store: about five jobs, whatever the number of connections.

    It knows when a job is next by the clock on the wall. If that is set back by an hour, it would wait for an hour.
    """

    def __init__(self, ticks: list[Tick], wall: Callable[[], float] = time) -> None:
        self._wall = wall
        self._looking: asyncio.Task[None] | None = None
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
        self._looking = asyncio.create_task(self._look_at_the_clock(), name="clock")

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _look_at_the_clock(self) -> None:
        apart = self._wall() - monotonic()
        while True:
            await asyncio.sleep(LOOK)
            was, apart = apart, self._wall() - monotonic()
            if apart < was - LOOK:
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.fromtimestamp(self._wall(), UTC))


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
