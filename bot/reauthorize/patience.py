"""A database that is locked or away for a moment: nobody who has just logged in has to do so again because of it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from time import monotonic
from typing import ParamSpec, TypeVar

from bot.words.errors import MemoryAway

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

PATIENCE = 40.0  # seconds: shorter than the minute after which proxies give a page up
PAUSE = 0.25


def patient(ask: Callable[Given, Awaitable[Answer]]) -> Callable[Given, Awaitable[Answer]]:
    """For what only asks our memory, once a code was traded: code and state are used up then, and would not count again."""

    @wraps(ask)
    async def asked(*args: Given.args, **more: Given.kwargs) -> Answer:
        until = monotonic() + PATIENCE
        while True:
            try:
                return await ask(*args, **more)
            except MemoryAway:
                if monotonic() >= until:
                    raise
                await asyncio.sleep(PAUSE)

    return asked
