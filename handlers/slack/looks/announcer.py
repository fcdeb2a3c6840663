"""Puts into words and blocks what is about no outage. What it looks like stands with each kind of message."""

from collections.abc import Callable
from typing import Any

from bot.memory.announcements import Announcement
from bot.words.announced import (
    Announced,
    BlindFacts,
    BorrowedFacts,
    DigestFacts,
    EndingFacts,
    EndingsFacts,
    EndpointFacts,
    LeaverFacts,
    MutedFacts,
    PlatformDownFacts,
    StandstillFacts,
)
from bot.words.connection import Json
from bot.words.voice import File, Spoken
from handlers.slack.looks.blind_card import blind_card
from handlers.slack.looks.blocks import actions, section, sections
from handlers.slack.looks.borrowed_card import borrowed_card
from handlers.slack.looks.card import ANNOUNCED, Card
from handlers.slack.looks.digest_card import alt_text, digest_card, legend
from handlers.slack.looks.drawing import strips
from handlers.slack.looks.ending_card import ending_card, ending_reply
from handlers.slack.looks.endings_card import endings_card, endings_reply
from handlers.slack.looks.endpoint_card import endpoint_card
from handlers.slack.looks.leaver_card import leaver_card
from handlers.slack.looks.muted_card import muted_card
from handlers.slack.looks.platform_down_card import platform_down_card, platform_down_reply
from handlers.slack.looks.standstill_card import standstill_card
from handlers.words import Words

CARDS: dict[type, Callable[[Any, Words], Card]] = {
    BlindFacts: blind_card,
    BorrowedFacts: borrowed_card,
    DigestFacts: digest_card,
    EndingFacts: ending_card,
    EndingsFacts: endings_card,
    EndpointFacts: endpoint_card,
    LeaverFacts: leaver_card,
    MutedFacts: muted_card,
    PlatformDownFacts: platform_down_card,
    StandstillFacts: standstill_card,
}


class SlackAnnouncer:
    """Implements bot.announce.announce.Announcer. Pure: the same facts give the same message."""

    def __init__(self, language: str = "en") -> None:
        self.words = Words(language)

    def message(self, told: Announcement, facts: Announced) -> Spoken:
        card = self._card(facts)
        held = [*card.blocks, *([actions(card.buttons)] if card.buttons else [])]
        return Spoken(
            channel=told.channel,
            text=card.text,
            blocks=[section(card.headline)],
            attachments=[{"color": card.colour, "blocks": held}] if held else [],
            metadata=_metadata(told),
        )

    def _card(self, facts: Announced) -> Card:
        return CARDS[type(facts)](facts, self.words)

    def reply(self, told: Announcement, facts: Announced) -> Spoken:
        if isinstance(facts, PlatformDownFacts):
            text = platform_down_reply(facts, self.words)
        elif isinstance(facts, EndingsFacts):
            text = endings_reply(facts, self.words)
        else:
            assert isinstance(facts, EndingFacts)  # nothing else has steps
            text = ending_reply(facts, self.words)
        return Spoken(told.channel, text, sections([text]), metadata=_metadata(told))

    def picture(self, facts: Announced) -> File:
        assert isinstance(facts, DigestFacts)  # nothing else has one
        return File(
            name=f"redkey-{facts.until.date()}.png",
            title=self.words.say("The last 30 days"),
            alt=alt_text(facts, self.words),
            legend=legend(facts, self.words),
            data=strips([strip.tones for strip in facts.strips]),
        )


def _metadata(told: Announcement) -> Json:
    """Ids only: every app of the workspace can read it."""
    return {"event_type": ANNOUNCED, "event_payload": {"announcement": told.key, "revision": told.revision}}
