"""Transfers on their way as the worker moves them: claimed eight at a time until none is due, with a clock beside."""

import asyncio
import gc
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import perf_counter, process_time
from typing import NamedTuple, cast

from bot.catch_up.transfer import LEASE, Carrier, Confirmation, Every, Mover
from bot.logins.refresh import Refresher
from bot.memory.memory import Memory
from bot.memory.routes import Routes
from bot.watch.watch import Watch
from bot.words.connection import Flow
from bot.words.interfaces import Gateway
from bot.words.pace import Pace
from bot.work.garbage import leave_be

HOUR = timedelta(hours=1)


class Taken(NamedTuple):
    wall: float
    cpu: float


async def move_all(
    memory: Memory, gateways: Mapping[str, Gateway], carriers: Mapping[Flow, Carrier], now: datetime
) -> Taken:
    refresher = Refresher(memory, gateways, lambda: now, request_timeout=HOUR, refresh_ahead=HOUR)
    pace = Pace(HOUR, HOUR)
    watch = Watch(memory, gateways, refresher, Routes("C1", ()), pace, lambda: now)
    nobody = cast("Confirmation", None)  # nothing is told here: no transfer has a mark
    mover = Mover(memory, gateways, watch, carriers, nobody, Every(HOUR, HOUR, HOUR), pace, lambda: now)
    before = gc.get_threshold()
    leave_be()  # as `redkey run` does
    wall, cpu = perf_counter(), process_time()
    while True:
        async with memory.begin() as tx:
            claimed = await tx.transfers.claim(now, 8, "bench", LEASE)
        if not claimed:
            break
        await asyncio.gather(*(mover.run(each) for each in claimed))
    taken = Taken(perf_counter() - wall, process_time() - cpu)
    gc.unfreeze()
    gc.set_threshold(*before)
    return taken
