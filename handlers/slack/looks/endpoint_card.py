"""A receiver of webhooks that was switched off, and whether it works again."""

from bot.words.announced import EndpointFacts
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import AMBER, GREEN, Card
from handlers.slack.looks.markup import plain
from handlers.words import Words


def endpoint_card(facts: EndpointFacts, words: Words) -> Card:
    if facts.well:
        text = words.say("Webhooks to {name} arrive again.", name=plain(facts.name))
        return Card(text, f"🟢 *{text}*", GREEN, ())
    text = words.say("Webhooks to {name} are switched off: it does not take them.", name=plain(facts.name))
    why = words.say("The last try: {why}.", why=plain(words.look_up(facts.why).rstrip("."), 200))
    cure = words.say(
        "What happens meanwhile waits. Whoever runs Redkey must mend it, then: {command}",
        command=f"`redkey webhooks test {facts.name}`",  # as the settings allow it, it can be nothing else in Slack
    )
    return Card(f"{text} {why} {cure}", f"🟠 *{text}*", AMBER, sections([why, cure]))
