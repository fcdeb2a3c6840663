"""What is forgotten with age, by noun. A part of memory.py, whose page says the rules."""

from datetime import date, datetime
from typing import Protocol


class Forgetting(Protocol):
    """Each call removes some of the oldest and says how many; 0: there is nothing more. What is caught up stays whole."""

    async def costs(self, before: date, limit: int) -> int:
        """Account days before this one, of connections that no catch-up has to compare."""

    async def touchpoints(self, before: datetime, limit: int) -> int:
        """Those sent before, to CRMs that no catch-up has to look into; the waiting and the refused stay for ever."""

    async def calls(self, before: date) -> int:
        """The count of CRM calls on UTC days before this one, all at once: it is one row for each connection and day."""

    async def outages(self, before: datetime, limit: int) -> int:
        """Those closed before, with their timeline, unless an open one shares their message."""

    async def audit(self, before: datetime, limit: int) -> int:
        """Rows of the trail written before, the newest excepted, and once a day at most; a new row says where it begins."""
