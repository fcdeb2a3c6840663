"""What is said of an alert that could not be posted where it belongs: which channel that was, and why it took nothing."""

import re
from dataclasses import replace

from bot.words.connection import Event, Outage
from handlers.slack.looks.blocks import section
from handlers.slack.looks.card import Card
from handlers.slack.looks.markup import plain
from handlers.words import Words

CHANNEL = re.compile(r"[CG][A-Z0-9]{5,20}")


def sent_here(card: Card, outage: Outage, words: Words) -> Card:
    """The card, with a line about the detour where there was one. The latest detour counts."""
    event = next((e for e in reversed(outage.timeline) if e.what == "moved"), None)
    if event is None:
        return card
    told = words.say("⚠️ This belongs in {channel}, which takes no messages: {why}.", **detour_of(event, words))
    cure = words.say("Mend that channel, or set another one in Redkey's settings.")
    return replace(card, blocks=[section(f"{told} {cure}"), *card.blocks])


def detour_of(event: Event, words: Words) -> dict[str, str]:
    """The channel an alert was meant for, and why not, in words for a person."""
    channel, _, code = event.detail.partition(" ")
    shown = f"<#{channel}>" if CHANNEL.fullmatch(channel) else plain(channel)
    reasons = {
        "channel_not_found": words.say("it does not exist, or the bot was removed from it"),
        "is_archived": words.say("it is archived"),
        "not_in_channel": words.say("the bot is not in it"),
        "messages_tab_disabled": words.say("the app takes no direct messages"),
    }
    return {"channel": shown, "why": reasons.get(code) or words.say("Slack answers {code}", code=plain(code, 60))}
