"""Slack does not renew the bot's own token: said while it can still speak, and taken back once it is renewed."""

from bot.words.announced import MutedFacts
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import GREEN, RED, Card
from handlers.slack.looks.markup import moment
from handlers.words import Words


def muted_card(facts: MutedFacts, words: Words) -> Card:
    if facts.well:
        text = words.say("Slack renews Redkey's token again.")
        return Card(text, f"🟢 *{text}*", GREEN, ())
    text = words.say("From {moment} on no alert can come here.", moment=moment(words, facts.until))
    why = words.say("Slack does not renew the token by which Redkey speaks.")
    cure = words.say(
        "Whoever runs Redkey must install the Slack app anew, and set {setting} to the refresh token that is shown then.",
        setting="`slack.refresh_token`",
    )
    return Card(f"{text} {why} {cure}", f"🔴 *{text}*", RED, sections([why, cure]))
