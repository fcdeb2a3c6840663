"""Puts facts into words and blocks: the living message for each state of an outage, and the replies in its thread."""

from collections.abc import Callable, Sequence

from bot.words.connection import Json
from bot.words.facts import OutageFacts, Reply, StormAccount
from bot.words.voice import File, Spoken
from handlers.slack.looks.alert_card import alert_card
from handlers.slack.looks.astray import sent_here
from handlers.slack.looks.blocks import actions, sections
from handlers.slack.looks.buttons import take_back
from handlers.slack.looks.card import Card, metadata, spoken
from handlers.slack.looks.catch_up_card import catch_up_card, stalled_card
from handlers.slack.looks.markup import bare
from handlers.slack.looks.receipt_card import paused_card, receipt_card
from handlers.slack.looks.replies import NameOf, reply_text
from handlers.slack.looks.storm_card import storm_card, storm_page
from handlers.slack.looks.storm_list import storm_list
from handlers.words import Words

CARDS: dict[str, Callable[[OutageFacts, Words], Card]] = {
    "disconnected": alert_card,
    "claimed": alert_card,
    "catching_up": catch_up_card,
    "stalled": stalled_card,
    "caught_up": receipt_card,
    "paused": paused_card,
}


class SlackComposer:
    """Implements bot.alert.posting.Composer. Pure: the same facts give the same message."""

    def __init__(
        self, language: str = "en", *, broadcast_caught_up: bool = False, name_of: NameOf = lambda _: None
    ) -> None:
        self.words = Words(language)
        self._broadcast_caught_up = broadcast_caught_up
        self._name_of = name_of

    def outage(self, facts: OutageFacts) -> Spoken:
        if facts.storm:
            return spoken(storm_card(facts, facts.storm, self.words), facts.outage)
        card = CARDS[facts.outage.state](facts, self.words)
        return spoken(sent_here(card, facts.outage, self.words), facts.outage)

    def reply(self, facts: OutageFacts, reply: Reply) -> Spoken:
        revision = facts.outage.revision if reply.revision is None else reply.revision
        if facts.storm and "page" in reply.detail:
            text, blocks = storm_page(facts, facts.storm, self.words)
            return Spoken(facts.outage.channel, text, blocks, metadata=metadata(facts.outage.id, revision))
        text = reply_text(facts, reply, self.words, self._name_of)
        return Spoken(
            channel=facts.outage.channel,
            text=text,
            blocks=[*sections([text]), *_regret(reply, self.words)],
            metadata=metadata(facts.outage.id, revision),
            broadcast=self._broadcast_caught_up and reply.what == "caught_up",
        )

    def listing(self, facts: OutageFacts, accounts: Sequence[StormAccount]) -> File:
        return storm_list(facts, accounts, self.words)


def _regret(reply: Reply, words: Words) -> list[Json]:
    """A link that was made for somebody outside Slack can be taken back, by any member."""
    link = reply.detail.get("link") if reply.what == "guest_link" else None
    return [actions([take_back(bare(str(link)), words)])] if link else []
