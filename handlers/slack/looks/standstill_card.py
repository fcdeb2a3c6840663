"""The database takes nothing that is written: since when, what that means, and who must act. Green once it does again."""

from bot.words.announced import StandstillFacts
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import GREEN, RED, Card
from handlers.slack.looks.markup import moment
from handlers.words import Words


def standstill_card(facts: StandstillFacts, words: Words) -> Card:
    if facts.over or facts.since is None:
        text = words.say("Redkey's database takes what is written again.")
        rest = words.say("Nothing was lost by it. What waited goes on.")
        return Card(f"{text} {rest}", f"🟢 *{text}*", GREEN, sections([rest]))
    text = words.say("Redkey's database takes nothing that is written.")
    told = words.say("Nothing could be stored since {moment}.", moment=words.stamp(facts.since))
    shown = words.say("Nothing could be stored since {moment}.", moment=moment(words, facts.since))
    means = words.say(
        "No login is lost by it, and none is renewed that could not be stored. But what drops now is said only afterwards."
    )
    cure = words.say(
        "Whoever runs Redkey must make room on its disk, or bring the database back. It goes on by itself then."
    )
    return Card(f"{text} {told} {means} {cure}", f"🔴 *{text}*", RED, sections([f"{shown} {means}", cure]))
