"""A member had more accounts watched through a colleague's login: whoever gave that login is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.memory.announcements import Announcement
from bot.memory.memory import Tx
from bot.words.announced import BorrowedFacts
from bot.words.connection import Connection, Grant
from bot.words.interfaces import Gateway

KIND = "borrowed"  # of announcement


async def tell_whose_login(tx: Tx, grant: Grant, new: Sequence[Connection], who: str, now: datetime) -> None:
    """In a direct message, with what it tells of in the same transaction. Who gave it is known where they signed in."""
    whose = grant.authorized_by
    if not new or not whose or whose == who:
        return
    about = {"who": who, "login": grant.identity.login, "platform": grant.platform, "connections": [c.id for c in new]}
    await tx.announcements.announce(f"{KIND}:{grant.id}:{new[0].id}:{now.isoformat()}", KIND, whose, about, now)


class Borrowed:
    """A teller of bot/announce/announce.py."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._gateways = gateways

    async def facts(self, tx: Tx, told: Announcement) -> BorrowedFacts | None:
        gateway = self._gateways.get(told.about["platform"])
        if gateway is None:
            return None
        connections = await tx.connections.some(told.about["connections"])
        names = tuple(c.account.name or c.account.id for c in connections)
        return BorrowedFacts(told.about["who"], told.about["login"], gateway.platform.name, names)
