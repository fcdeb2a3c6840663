"""Where an alert goes when its channel takes no messages any more: the default channel, then the installer."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.memory.memory import Tx
from bot.words.connection import Event, Outage

log = structlog.get_logger()

MOVED = "moved"  # the timeline's word; its detail is the channel it was meant for, and Slack's word for why not


@dataclass(frozen=True)
class Detour:
    """`installer`: the Slack user who put the bot there, or empty."""

    default_channel: str
    installer: str = ""

    async def around(self, tx: Tx, outage_id: str, gone: str, why: str, now: datetime) -> bool:
        """Point the outage away from a channel that is gone, and let its message be posted anew there. False: there is
        nowhere left to go, and it waits. Two workers may find the same channel gone: the second one's news are old.
        """
        outage = await tx.outages.get(outage_id)
        if outage is None:
            return False
        if outage.channel != gone:
            return True
        place = self._after(gone)
        if place is None:
            await self._back_to_the_start(tx, outage)
            return False
        detail = f"{gone} {why}"
        revision = outage.revision
        if not any(e.what == MOVED and e.detail == detail for e in outage.timeline):
            revision = await tx.outages.event(outage_id, Event(now, MOVED, "", detail))
        await tx.outages.moved(outage_id, place)
        await tx.outbox.say_message(outage_id, revision, now)
        log.warning("a channel takes no messages; the alert goes elsewhere", outage=outage_id, why=why, to=place)
        return True

    def _after(self, gone: str) -> str | None:
        if gone == self.default_channel:
            return self.installer or None
        if gone == self.installer or gone.startswith("D"):  # D: the conversation with the installer
            return None
        return self.default_channel

    async def _back_to_the_start(self, tx: Tx, outage: Outage) -> None:
        """Somebody may unarchive the default channel, so that is where it is tried from time to time."""
        if outage.channel != self.default_channel:
            await tx.outages.moved(outage.id, self.default_channel)
