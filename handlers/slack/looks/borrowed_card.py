"""Somebody had more accounts watched through your login."""

from bot.words.announced import BorrowedFacts
from handlers.slack.looks.blocks import bulleted, sections
from handlers.slack.looks.card import GREY, Card
from handlers.slack.looks.markup import login_name, mention, plain
from handlers.words import Words

NAMED = 10


def borrowed_card(facts: BorrowedFacts, words: Words) -> Card:
    text = words.many(
        "{who} has Redkey watch {n} more account through your login {login} at {platform}.",
        "{who} has Redkey watch {n} more accounts through your login {login} at {platform}.",
        len(facts.accounts),
        who=mention(facts.who),
        login=login_name(facts.login),
        platform=facts.platform_name,
    )
    named = bulleted([plain(name) for name in facts.accounts[:NAMED]])
    more = len(facts.accounts) - len(named)
    rest = [words.many("and {n} more", "and {n} more", more)] if more else []
    cure = words.say("Any member may do that. {command} takes an account out again.", command="`/redkey remove`")
    return Card(f"{text} {cure}", f"⚪ *{text}*", GREY, sections([*named, *rest, cure]))
