"""Who does the work that rows call for: the embedded dispatcher, workers in this process fed by claims.

Nothing is kept here. A row is due in the database; a wake-up only saves waiting for the next tick; and a process that dies
loses nothing but its claims.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from bot.memory.memory import Work
from bot.words.errors import TryLater

log = structlog.get_logger()

GIVE_BACK = (0.2, 0.5, *[1.0] * 60)  # seconds between attempts to put a row back


async def give_back(put: Callable[[], Awaitable[None]]) -> None:
    """Put a claimed row back as soon as the database can be written again: else its claim would have to run out first."""
    for pause in GIVE_BACK:
        try:
            await put()
        except TryLater as error:
            log.warning("a row could not be put back yet", why=str(error))
            await asyncio.sleep(pause)
        else:
            return


@dataclass(frozen=True)
class Worker:
    """How one kind of work is claimed and done, and how many rows at once.

    `ahead`: so many more are claimed at once and wait here for a free slot, where claiming costs more than the work does.
    `put_back`: what becomes of those when we stop. `makes_more`: what was done may have made another row due at once.
    """

    claim: Callable[[int], Awaitable[Sequence[Any]]]
    run: Callable[[Any], Awaitable[Any]]
    at_once: int
    ahead: int = 0
    makes_more: bool = True
    put_back: Callable[[Sequence[Any]], Awaitable[None]] | None = None


class Dispatcher(Protocol):
    """Brings due rows and workers together. Embedded: within this process. Shared: between replicas too."""

    def wake(self, kinds: Iterable[Work]) -> None:
        """Something of these kinds is due. Called after the commit that made it so."""

    def tick(self, due: Iterable[Work] = Work) -> None:
        """These kinds, or any, may have become due by the clock."""

    def start(self) -> None: ...
    async def stop(self, within: float) -> None:
        """Claim nothing more, let what runs finish, cancel what does not in time: its rows stay due."""


class Listening(Protocol):
    """Wake-ups that travel between replicas; told in the transaction that makes something due."""

    async def listen(self, wake: Callable[[Work], None]) -> None:
        """Until cancelled. Each wake-up is heard by one listener of the whole deployment."""

    async def sweep(self) -> None:
        """Hand on what a listener had heard that is gone."""


class Embedded:
    """Each kind of work has its own slots, so a long catch-up never holds up an alert."""

    def __init__(self, workers: Mapping[Work, Worker]) -> None:
        self._workers = workers
        self._due = {work: asyncio.Event() for work in workers}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._claimed: dict[Work, list[Any]] = {work: [] for work in workers}  # ahead, not begun yet

    @property
    def works(self) -> bool:
        return bool(self._workers)

    def wake(self, kinds: Iterable[Work]) -> None:
        for kind in kinds:
            if kind in self._due:
                self._due[kind].set()

    def tick(self, due: Iterable[Work] = Work) -> None:
        self.wake(due)

    def start(self) -> None:
        self._loops = [asyncio.create_task(self._serve(work), name=f"work-{work}") for work in self._workers]
        self.tick()

    async def stop(self, within: float) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._put_back()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _put_back(self) -> None:
        for work, claimed in self._claimed.items():
            put_back = self._workers[work].put_back
            rows, claimed[:] = claimed[:], []
            if rows and put_back is not None:
                with suppress(TryLater):  # then the claims run out by themselves
                    await put_back(rows)

    async def _serve(self, work: Work) -> None:
        worker, due = self._workers[work], self._due[work]
        free = asyncio.Semaphore(worker.at_once)
        while True:
            await due.wait()
            due.clear()
            await self._drain(work, worker, free)

    async def _drain(self, work: Work, worker: Worker, free: asyncio.Semaphore) -> None:
        """Claim as many rows as there are free slots, and some ahead, until nothing is due."""
        while True:
            await free.acquire()
            free.release()
            slots = worker.ahead + free._value  # noqa: SLF001  # asyncio has no public way to ask how many are left
            try:
                rows = await worker.claim(slots)
            except TryLater as error:
                log.warning("work could not be claimed", work=work, why=str(error))
                return
            except Exception:
                # Whatever it is, this kind of work must not stop for good: the next tick tries again.
                log.exception("claiming work failed unexpectedly", work=work)
                return
            waiting = self._claimed[work]
            waiting.extend(reversed(rows))
            while waiting:
                await free.acquire()
                if not waiting:
                    free.release()
                    break
                task = asyncio.create_task(self._lane(work, worker, waiting, waiting.pop()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _: free.release())
            if len(rows) < slots:
                return

    async def _lane(self, work: Work, worker: Worker, waiting: list[Any], row: Any) -> None:
        """One slot: this row, then whatever else was claimed ahead."""
        await self._run(work, worker, row)
        while waiting:
            await self._run(work, worker, waiting.pop())

    async def _run(self, work: Work, worker: Worker, row: Any) -> None:
        try:
            await worker.run(row)
        except TryLater as error:
            log.warning("work put off", work=work, why=str(error))
        except Exception:
            # The outermost loop: whatever is wrong with one row must not stop the others. Its claim runs out by itself.
            log.exception("work failed unexpectedly", work=work)
        finally:
            if worker.makes_more:
                self._due[work].set()


class Shared:
    """Several replicas: whoever hears a wake-up claims what is due. The rows and their fences say who may do it.

    What becomes due by the clock is found by each replica's own tick, so nothing is lost while nobody hears.
    """

    def __init__(self, local: Embedded, wake_ups: Listening) -> None:
        self._local = local
        self._wake_ups = wake_ups
        self._hearing: asyncio.Task[None] | None = None

    def wake(self, kinds: Iterable[Work]) -> None:
        """Told already, with the commit: whoever has time hears it, which need not be us."""

    def tick(self, due: Iterable[Work] = Work) -> None:
        self._local.tick(due)

    def start(self) -> None:
        self._local.start()
        if self._local.works:
            self._hearing = asyncio.create_task(
                self._wake_ups.listen(lambda kind: self._local.wake([kind])), name="hear"
            )

    async def stop(self, within: float) -> None:
        hearing = [self._hearing] if self._hearing is not None else []
        for task in hearing:
            task.cancel()
        await self._local.stop(within)
        for _ in range(3):  # once may be swallowed where a connection is just being made
            if not hearing or (await asyncio.wait(hearing, timeout=0.5))[0]:
                break
            hearing[0].cancel()
