"""What is asked at the same time is done together: nobody waits for a clock, only for what is being done already."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Given = TypeVar("Given")

MOST = 100


class Together(Generic[Asked, Given]):
    """`do` takes many and gives the answer of each, in their order; an exception among them is one's own.

    A lone one is done at once. Who asks meanwhile is in the next round, so that a round is as large as there is need. If a
    round fails, so does everybody in it.
    """

    def __init__(self, do: Callable[[Sequence[Asked]], Awaitable[Sequence[Given | Exception]]]) -> None:
        self._do = do
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Given:
        answer: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._run(), name="together")
        return await answer

    async def _run(self) -> None:
        part: list[tuple[Asked, asyncio.Future[Given]]] = []
        try:
            while self._waiting:
                part, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._round(part)
        finally:  # where it was cancelled, nobody must wait for ever
            for _, answer in [*part, *self._waiting]:
                answer.cancel()
            self._waiting, self._rounds = [], None

    async def _round(self, part: Sequence[tuple[Asked, asyncio.Future[Given]]]) -> None:
        try:
            given = await self._do([asked for asked, _ in part])
        except Exception as error:  # noqa: BLE001 - for those who asked
            given = [error] * len(part)
        for (_, answer), each in zip(part, given, strict=True):
            if answer.done():  # whoever asked is gone
                continue
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)
