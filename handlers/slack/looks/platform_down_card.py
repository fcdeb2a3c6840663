"""A platform answers nobody: since when, and that nobody has to do anything. Green once it answers again."""

from bot.words.announced import PlatformDownFacts
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import AMBER, GREEN, Card
from handlers.slack.looks.markup import moment
from handlers.words import Words


def platform_down_card(facts: PlatformDownFacts, words: Words) -> Card:
    if facts.back_at is not None:
        text = platform_down_reply(facts, words)
        return Card(text, f"🟢 *{text}*", GREEN, sections([_caught_up(words)]))
    what = words.say("{platform} does not answer", platform=facts.platform_name)
    told = words.say("{platform} has given no good answer since {moment}.", **_since(facts, words.stamp(facts.since)))
    shown = words.say(
        "{platform} has given no good answer since {moment}.", **_since(facts, moment(words, facts.since))
    )
    waiting = words.many("{n} connection waits.", "{n} connections wait.", facts.waiting)
    rest = words.say("Nobody has to log in: no login is lost. What is missed is caught up when it answers again.")
    return Card(f"{told} {waiting} {rest}", f"🟠 *{what}*", AMBER, sections([f"{shown} {waiting}", rest]))


def platform_down_reply(facts: PlatformDownFacts, words: Words) -> str:
    assert facts.back_at is not None
    length = words.duration(facts.back_at - facts.since)
    return words.say("{platform} answers again, after {duration}.", platform=facts.platform_name, duration=length)


def _caught_up(words: Words) -> str:
    return words.say("No login was lost. What was missed is being caught up.")


def _since(facts: PlatformDownFacts, since: str) -> dict[str, str]:
    return {"platform": facts.platform_name, "moment": since}
