"""Whoever left the Home tab to log in finds it up to date when they come back: it is shown anew as the connection changes."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

import structlog

log = structlog.get_logger()

EVERY = 3.0  # seconds
AT_MOST = 15 * 60.0  # a login that takes longer is seen when the tab is opened the next time
MANY = 500  # people at once
Look = Callable[[], Awaitable[tuple[Hashable, bool]]]  # how it is, and whether it is well again


class Following:
    """One task for each person; what they do next takes its place. Lost with the process, which costs nothing."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, user: str, look: Look, show: Callable[[], Awaitable[None]]) -> None:
        if (older := self._tasks.pop(user, None)) is not None:
            older.cancel()
        if len(self._tasks) < MANY:
            task = asyncio.create_task(self._follow(look, show), name="home tab")
            self._tasks[user] = task
            task.add_done_callback(lambda done: self._over(user, done))

    def _over(self, user: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(user) is task:
            del self._tasks[user]

    async def _follow(self, look: Look, show: Callable[[], Awaitable[None]]) -> None:
        try:
            before, _ = await look()
            for _ in range(int(AT_MOST / self._every)):
                await asyncio.sleep(self._every)
                now, well = await look()
                if now != before:
                    await show()
                    if well:
                        return
                before = now
        except Exception as error:  # noqa: BLE001 - a courtesy: the tab is right again when it is opened
            log.info("a Home tab is not followed any more", why=type(error).__name__)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
