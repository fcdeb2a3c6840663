"""One message as it stands in the channel: a headline, and one coloured attachment with everything else."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.words.connection import Json, Outage
from bot.words.voice import Spoken
from handlers.slack.looks.blocks import actions, section

# The colours of the states. https://docs.slack.dev has no other way to colour a message than an attachment.
RED = "#D92D20"
AMBER = "#F79009"
GREEN = "#12B76A"
GREY = "#98A2B3"
EVENT_TYPE = "redkey_outage"
ANNOUNCED = "redkey_announcement"  # what is about no outage


@dataclass(frozen=True)
class Card:
    """`text` alone must tell what broke, what is lost and what to do: notifications and screen readers get only that."""

    text: str
    headline: str
    colour: str
    blocks: Sequence[Json]
    buttons: Sequence[Json] = ()


def spoken(card: Card, outage: Outage) -> Spoken:
    held = [*card.blocks, *([actions(card.buttons)] if card.buttons else [])]
    return Spoken(
        channel=outage.channel,
        text=card.text,
        blocks=[section(card.headline)],
        attachments=[{"color": card.colour, "blocks": held}],
        metadata=metadata(outage.id, outage.revision),
    )


def metadata(outage_id: str, revision: int) -> Json:
    """Ids only: every app of the workspace can read it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"outage": outage_id, "revision": revision}}
