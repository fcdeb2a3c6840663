"""Logins that end on one day: one message for all of them, each with a way to renew it while it lives."""

from bot.words.announced import EndingFacts, EndingsFacts
from bot.words.connection import Json
from handlers.slack.looks.blocks import section
from handlers.slack.looks.buttons import renew_link
from handlers.slack.looks.card import AMBER, GREEN, GREY, Card
from handlers.slack.looks.ending_card import days_left, how_it_came_out
from handlers.slack.looks.leaver_card import titled
from handlers.slack.looks.markup import link, login_name, mention
from handlers.words import Words

LISTED = 10  # logins
IN_TEXT = 3


def endings_card(facts: EndingsFacts, words: Words) -> Card:
    if not facts.soon:
        return _settled(facts, words)
    what, called = _what(facts, words), " ".join(mention(who) for who in facts.mentions)
    cure = _cure(facts, words)
    headline = f"🟠 *{link(facts.connections_url, what)}*"
    names = words.some([_titled(line, words) for line in facts.soon], IN_TEXT)
    text = f"{days_left(facts.soon, _what(facts, words), words)} {names}. {cure}"
    blocks = [section(cure), *_listed(facts, words)]
    return Card(text, f"{headline}\n{called}" if called else headline, AMBER, blocks)


def endings_reply(facts: EndingsFacts, words: Words) -> str:
    """One for each step; whoever can still renew something is called again."""
    return " ".join([days_left(facts.soon, _what(facts, words), words), *(mention(who) for who in facts.mentions)])


def _settled(facts: EndingsFacts, words: Words) -> Card:
    """Nobody is asked for anything any more."""
    what = words.many("{n} login, {day}", "{n} logins, {day}", len(facts.lines), day=_day(facts, words))
    if all(line.state == "renewed" for line in facts.lines):
        mark, colour, now = "🟢", GREEN, words.say("all of them are renewed.")
    elif any(line.state == "passed" for line in facts.lines):
        mark, colour, now = "⚪", GREY, words.say("that day has come.")
    else:
        mark, colour, now = "⚪", GREY, words.say("nothing is left to renew.")
    headline = f"{mark} {words.under(f'*{link(facts.connections_url, what)}*', now)}"
    return Card(words.under(what, now), headline, colour, _listed(facts, words))


def _what(facts: EndingsFacts, words: Words) -> str:
    count = len(facts.soon)
    return words.many(
        "{n} login must be renewed by {day}", "{n} logins must be renewed by {day}", count, day=_day(facts, words)
    )


def _cure(facts: EndingsFacts, words: Words) -> str:
    if len(facts.soon) == 1:
        return words.say("Renew it now: nothing stops meanwhile, and the new login takes over only once it is proven.")
    return words.say("Renew them now: nothing stops meanwhile, and a new login takes over only once it is proven.")


def _day(facts: EndingsFacts, words: Words) -> str:
    """That on which the first of them ends."""
    return words.day(min(line.at for line in facts.soon or facts.lines).date())


def _listed(facts: EndingsFacts, words: Words) -> list[Json]:
    lines = [*facts.soon, *(line for line in facts.lines if line.state != "soon")]
    blocks = [_line(line, words) for line in lines[:LISTED]]
    if more := len(lines) - len(blocks):
        page = link(facts.connections_url, words.say("the page of connections"))
        blocks.append(section(words.many("And {n} more: on {page}.", "And {n} more: on {page}.", more, page=page)))
    return blocks


def _titled(line: EndingFacts, words: Words) -> str:
    return titled(line.platform_name, line.accounts, words)


def _line(line: EndingFacts, words: Words) -> Json:
    title = f"*{_titled(line, words)}*"
    if line.state != "soon":
        mark = "✅" if line.state == "renewed" else "⚪"
        return section(f"{mark} {words.under(title, how_it_came_out(line, words))}")
    told = [words.say("Login: {login}", login=login_name(line.login)), *_special(line, words)]
    return section(
        f"{title}\n{' · '.join(told)}", renew_link(line.renew_url, line.platform_name, words.say("Renew"), words)
    )


def _special(line: EndingFacts, words: Words) -> list[str]:
    """Where it is not the login itself that ends."""
    return {
        "data access": [words.say("What ends is the access to data.")],
        "token": [words.say("Redkey could not renew it so far.")],
    }.get(line.what, [])
