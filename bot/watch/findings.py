"""What checks found, gathered so that those that end together are written together."""

import asyncio

from bot.memory.memory import Memory
from bot.words.connection import Checked
from bot.work.dispatch import give_back

GATHER = 0.2  # seconds that a finding waits for others at most; its connection is claimed for minutes
MOST = 100  # findings, then they are written at once


class Findings:
    """One transaction for many checks. A process that dies first loses nothing: what it had claimed is checked again."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._found: list[Checked] = []
        self._under_way = 0
        self._later: asyncio.Task[None] | None = None

    def expect(self, more: int) -> None:
        """So many checks are under way from now on; those that are given back are no longer (a negative number)."""
        self._under_way += more

    async def add(self, found: Checked) -> None:
        """Written when the last of those under way has ended, or after a moment."""
        self._found.append(found)
        if self._under_way <= 0 or len(self._found) >= MOST:
            await self.write()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._write_soon(), name="findings")

    async def write(self) -> None:
        found, self._found = self._found, []
        if not found:
            return

        async def note() -> None:
            # Lasting, unlike the claim before it: a database that crashes must not keep the claim and forget what was found,
            # or nobody would look at these connections until the claim runs out.
            async with self._memory.begin() as tx:
                await tx.connections.checked(found)

        await give_back(note)

    async def _write_soon(self) -> None:
        await asyncio.sleep(GATHER)
        await self.write()
