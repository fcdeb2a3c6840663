"""What happened in the practice world, in order: the record that tests question afterwards."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Entry:
    """One thing that happened; `what` is a dotted name such as `token.issued`."""

    at: datetime
    what: str
    details: Mapping[str, object]

    def __getitem__(self, key: str) -> object:
        return self.details[key]

    def get(self, key: str) -> object:
        return self.details.get(key)


class Ledger:
    """Append-only. Nothing in it is a secret: tokens appear by their short names (`rt-3`), never by their text."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self.entries: list[Entry] = []
        self._news = asyncio.Event()

    def record(self, what: str, /, **details: object) -> Entry:
        entry = Entry(self.now(), what, MappingProxyType(details))
        self.entries.append(entry)
        self._news.set()
        return entry

    def where(self, what: str = "", /, **details: object) -> list[Entry]:
        """The entries of that name (`token` also finds `token.issued`) whose details agree with those given."""
        return [entry for entry in self.entries if _fits(entry, what, details)]

    def count(self, what: str = "", /, **details: object) -> int:
        return len(self.where(what, **details))

    async def wait_for(self, what: str, /, *, times: int = 1, within: float = 5.0, **details: object) -> list[Entry]:
        """Wait until that happened so many times (from the start). TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while len(found := self.where(what, **details)) < times:
                self._news.clear()
                await self._news.wait()
        return found

    def __bool__(self) -> bool:
        """A ledger is a ledger, also while nothing has happened."""
        return True

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


def _fits(entry: Entry, what: str, details: Mapping[str, object]) -> bool:
    named = not what or entry.what == what or entry.what.startswith(what + ".")
    return named and all(key in entry.details and entry.details[key] == value for key, value in details.items())
