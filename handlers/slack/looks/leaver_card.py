"""Somebody has left: what rests on their login, each with a way to another one."""

from collections.abc import Sequence

from bot.words.announced import LeaverFacts, LeaverLine
from bot.words.connection import Json
from handlers.slack.looks.blocks import section
from handlers.slack.looks.buttons import renew_link
from handlers.slack.looks.card import AMBER, GREEN, Card
from handlers.slack.looks.markup import link, login_name, mention, plain
from handlers.words import Words

LISTED = 10  # logins
IN_TEXT = 3
NAMED = 5  # accounts of one


def leaver_card(facts: LeaverFacts, words: Words) -> Card:
    resting = [line for line in facts.lines if line.state == "rests"]
    what = _what(facts, resting, words)
    called = " ".join(mention(who) for who in facts.mentions) if resting else ""
    headline = f"{'🟠' if resting else '🟢'} *{link(facts.connections_url, what)}*"
    names = words.some([titled(line.platform_name, line.accounts, words) for line in resting], IN_TEXT)
    cure = words.many(
        "Renew it with another login before it stops.",
        "Renew them with another login before they stop.",
        sum(len(line.accounts) for line in resting),
    )
    blocks = [_line(line, words) for line in facts.lines[:LISTED]]
    if more := len(facts.lines) - len(blocks):
        blocks.append(section(words.many("and {n} more", "and {n} more", more)))
    return Card(
        text=f"{words.under(what, names)}. {cure}" if resting else f"{what}.",
        headline=f"{headline}\n{called}" if called else headline,
        colour=AMBER if resting else GREEN,
        blocks=blocks,
    )


def _what(facts: LeaverFacts, resting: list[LeaverLine], words: Words) -> str:
    name, count = plain(facts.name), sum(len(line.accounts) for line in resting)
    if not count:
        if not name:
            return words.say("Nothing rests any more on the logins of somebody who has left Slack")
        return words.say("Nothing rests any more on the logins of {name}, who has left Slack", name=name)
    if not name:
        return words.many(
            "Somebody has left Slack, and {n} connection rests on their login",
            "Somebody has left Slack, and {n} connections rest on their logins",
            count,
        )
    return words.many(
        "{name} has left Slack, and {n} connection rests on their login",
        "{name} has left Slack, and {n} connections rest on their logins",
        count,
        name=name,
    )


def titled(platform: str, accounts: Sequence[str], words: Words) -> str:
    """What rests on one login."""
    return f"{platform} ({', '.join(words.first([plain(name) for name in accounts], NAMED))})"


def _line(line: LeaverLine, words: Words) -> Json:
    title, login = f"*{titled(line.platform_name, line.accounts, words)}*", login_name(line.login)
    if line.state == "off":
        return section(f"{title}\n{words.say('Not in use now.')}")
    if line.state == "moved":
        return section(f"{title}\n{words.say('✅ Taken over by {login}.', login=login)}")
    button = renew_link(line.renew_url, line.platform_name, words.say("Renew with another login"), words)
    return section(f"{title}\n{words.say('Login: {login}', login=login)}", button)
