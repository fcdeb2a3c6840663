"""A time in which nobody watched: from when to when, and whether everything has been looked at since."""

from bot.words.announced import BlindFacts
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import AMBER, GREEN, GREY, Card
from handlers.slack.looks.markup import moment
from handlers.words import Words


def blind_card(facts: BlindFacts, words: Words) -> Card:
    since, until = words.stamp(facts.since), words.stamp(facts.until)
    text = words.say("I was blind from {since} to {until}.", since=since, until=until)
    shown = words.say(
        "I was blind from {since} to {until}.", since=moment(words, facts.since), until=moment(words, facts.until)
    )
    why = words.say("Redkey was stopped, or could not work. What dropped meanwhile is noticed only now.")
    found = _found(facts, words)
    colour = GREY if not facts.over else AMBER if facts.lost else GREEN
    return Card(f"{text} {why} {found}", f"⚫ *{shown}*", colour, sections([why, found]))


def _found(facts: BlindFacts, words: Words) -> str:
    if not facts.over:
        return words.many(
            "{n} connection is being checked now.", "{n} connections are being checked now.", facts.watched
        )
    checked = words.many(
        "{n} connection has been checked since.", "{n} connections have been checked since.", facts.watched
    )
    if not facts.lost:
        return f"{checked} {words.say('All is well.')}"
    lost = words.many(
        "{n} needs attention: its alert says what to do.",
        "{n} need attention: their alerts say what to do.",
        facts.lost,
    )
    return f"{checked} {lost}"
