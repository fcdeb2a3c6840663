"""What ends soon: a login to renew while it lives, or a date that whoever runs Redkey must know of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.words.announced import EndingFacts
from bot.words.connection import Json
from handlers.slack.looks.blocks import bulleted, context, sections
from handlers.slack.looks.buttons import renew_link
from handlers.slack.looks.card import AMBER, GREEN, GREY, Card
from handlers.slack.looks.markup import link, login_name, mention, moment, plain
from handlers.words import Words

NAMED = 10


def ending_card(facts: EndingFacts, words: Words) -> Card:
    if facts.state != "soon":
        return _settled(facts, words)
    what, called = _what(facts, words), " ".join(mention(who) for who in facts.mentions)
    headline = f"🟠 *{link(facts.renew_url, what) if facts.renew_url else what}*"
    blocks = [*sections([_cure(facts, words), *_accounts(facts, words)]), context(*_small(facts, words))]
    text = f"{_in_days(facts, words)} {_cure(facts, words)}"
    return Card(text, f"{headline}\n{called}" if called else headline, AMBER, blocks, _buttons(facts, words))


def _settled(facts: EndingFacts, words: Words) -> Card:
    """Nobody is asked for anything any more."""
    mark, colour = ("🟢", GREEN) if facts.state == "renewed" else ("⚪", GREY)
    what, now = f"{facts.platform_name}, {words.day(facts.at.date())}", how_it_came_out(facts, words)
    named = link(facts.renew_url, what) if facts.renew_url else what
    return Card(
        words.under(what, now), f"{mark} {words.under(f'*{named}*', now)}", colour, sections(_accounts(facts, words))
    )


def ending_reply(facts: EndingFacts, words: Words) -> str:
    """One for each step; whoever can renew it is called again."""
    return " ".join([_in_days(facts, words), *(mention(who) for who in facts.mentions)])


def _what(facts: EndingFacts, words: Words) -> str:
    return what_ends(facts.what, facts.platform_name, facts.at, words)


def what_ends(what: str, platform: str, at: datetime, words: Words) -> str:
    day = words.day(at.date())
    return {
        "login": words.say("{platform}: a login ends on {day}", platform=platform, day=day),
        "data access": words.say("{platform}: the access to data ends on {day}", platform=platform, day=day),
        "token": words.say("{platform}: a token ends on {day}", platform=platform, day=day),
        "client secret": words.say("{platform}: Redkey's client secret ends on {day}", platform=platform, day=day),
        "API version": words.say(
            "{platform}: the API version in use is switched off on {day}", platform=platform, day=day
        ),
    }[what]


def _in_days(facts: EndingFacts, words: Words) -> str:
    return days_left([facts], _what(facts, words), words)


def days_left(ending: Sequence[EndingFacts], what: str, words: Words) -> str:
    """Until the first of them ends, and what that is."""
    left = max(-(max(each.now - each.at for each in ending) // timedelta(days=1)), 1) if ending else 1
    return words.many("{n} day left. {what}.", "{n} days left. {what}.", left, what=what)


def _cure(facts: EndingFacts, words: Words) -> str:
    renew = words.say("Renew it now: nothing stops meanwhile, and the new login takes over only once it is proven.")
    return {
        "token": words.say("Redkey could not renew it so far.") + " " + renew,
        "client secret": words.say(
            "Whoever runs Redkey must make a new client secret at {platform} and put it into the settings, with its end.",
            platform=facts.platform_name,
        ),
        "API version": words.say("Whoever runs Redkey must move to a newer version, or install a newer Redkey."),
    }.get(facts.what, renew)


def how_it_came_out(facts: EndingFacts, words: Words) -> str:
    """A sentence that follows a colon."""
    if facts.state == "renewed" and facts.renewed_by:
        done = words.say("renewed by {login}.", login=login_name(facts.renewed_by))
    elif facts.state == "renewed":
        done = words.say("taken care of.")
    elif facts.state == "lost":
        return words.say("the login has been lost before that; its alert says what to do.")
    elif facts.state == "paused":
        return words.say("nothing here needs it now.")
    else:
        return words.say("that day has come.")
    if facts.next_at is None:
        return f"{done} {words.say('No end is known now.')}"
    return f"{done} {words.say('It ends on {day} now.', day=words.day(facts.next_at.date()))}"


def _accounts(facts: EndingFacts, words: Words) -> list[str]:
    if not facts.accounts:
        return []
    named = bulleted([plain(name) for name in facts.accounts[:NAMED]])
    more = len(facts.accounts) - len(named)
    rest = [words.many("and {n} more", "and {n} more", more)] if more else []
    return [words.say("*What rests on it*"), *named, *rest]


def _small(facts: EndingFacts, words: Words) -> list[str]:
    login = [words.say("Login: {login}", login=login_name(facts.login))] if facts.login else []
    return [*login, words.say("Ends: {moment}", moment=moment(words, facts.at))]


def _buttons(facts: EndingFacts, words: Words) -> list[Json]:
    if not facts.renew_url:
        return []
    return [{**renew_link(facts.renew_url, facts.platform_name, words.say("Renew"), words), "style": "primary"}]
