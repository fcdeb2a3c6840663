"""Large answers are read beside the event loop, by one thread: more would only take the interpreter from each other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

# Not asyncio's own threads: those look up host names as well, which must not wait for a report to be read.
_READER = ThreadPoolExecutor(1, thread_name_prefix="reader")


T = TypeVar("T")


async def beside(work: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_READER, work, *args)
