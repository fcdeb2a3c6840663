"""A click counts once: delivered twice it is handled once, and one that a later click has overtaken not at all.

Slack may give the same payload to two replicas, and clicks on one message may arrive in another order than they were made.
"""

from decimal import Decimal, InvalidOperation

from bot.people.people import Desk
from bot.words.connection import Json


async def counts(desk: Desk, action: Json, subject: str) -> bool:
    """Whether this click on `subject` is to be handled. One whose time cannot be read is."""
    try:
        micros = int(Decimal(str(action["action_ts"])) * 1_000_000)
    except (KeyError, InvalidOperation):
        return True
    return await desk.newest_click(subject, micros)
