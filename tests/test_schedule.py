"""Ticks: a handful of duties that come round, and what is told of one that the end of the process cuts off."""

import asyncio
import logging
from datetime import datetime, timedelta

from apscheduler.schedulers import base

import bot.work.schedule
from bot.work.schedule import Schedule, Tick


async def test_a_tick_that_the_end_of_the_process_cuts_off_is_no_failure(caplog):
    """Its cancelling would stand in the log as a failed job, with a traceback, after one stop in ten."""
    begun = asyncio.Event()

    async def never_done():
        begun.set()
        await asyncio.Event().wait()

    schedule = Schedule([Tick("slow", timedelta(seconds=0.05), never_done)])
    with caplog.at_level(logging.INFO):
        schedule.start()
        await asyncio.wait_for(begun.wait(), 10)
        schedule.stop()
        await asyncio.sleep(0.01)
    assert [] == [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


async def test_a_clock_that_is_set_back_by_an_hour_stops_no_tick(monkeypatch):
    """APScheduler waits for the moment that it wrote down."""
    back, come = {"by": timedelta()}, asyncio.Event()

    class Wall(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - back["by"]

    async def tick():
        come.set()

    monkeypatch.setattr(base, "datetime", Wall)
    monkeypatch.setattr(bot.work.schedule, "LOOK", 0.02)
    ticking = Schedule([Tick("often", timedelta(seconds=0.05), tick)], wall=lambda: Wall.now().timestamp())
    ticking.start()
    try:
        for hours in (0, 1, 24):
            back["by"] += timedelta(hours=hours)
            for _ in range(3):
                come.clear()
                await asyncio.wait_for(come.wait(), 5)
    finally:
        ticking.stop()
