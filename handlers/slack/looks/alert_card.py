"""The red message: what broke, what is being lost, why, and what to do about it. Grey while it is snoozed."""

from bot.words.connection import Status
from bot.words.facts import OutageFacts
from handlers.slack.looks.blocks import context, sections
from handlers.slack.looks.buttons import buttons
from handlers.slack.looks.card import GREY, RED, Card
from handlers.slack.looks.loss import (
    accounts_line,
    losses,
    losses_in_sentences,
    name_of,
    titled,
    who_is_hit,
)
from handlers.slack.looks.markup import link, login_name, mention, moment, plain
from handlers.words import Words

NAMED_IN_TEXT = 3


def alert_card(facts: OutageFacts, words: Words) -> Card:
    snoozed = facts.outage.snoozed_until is not None and facts.outage.snoozed_until > facts.now
    return Card(
        text=_text(facts, words),
        headline=_headline(facts, words, snoozed=snoozed),
        colour=GREY if snoozed else RED,
        blocks=[*sections(_loss(facts, words)), *sections(_cause(facts, words)), context(*_small(facts, words))],
        buttons=buttons(facts, words),
    )


def _headline(facts: OutageFacts, words: Words, *, snoozed: bool) -> str:
    outage = facts.outage
    what = link(facts.start_url, titled(facts, _what_broke(facts, words), words))
    mark = "⚪" if snoozed else "🔴"
    first = f"{mark} *{what}* · {words.status(Status.AUTHORIZATION_REQUIRED)}"
    if snoozed and outage.snoozed_until is not None:
        first += " · " + words.say("snoozed until {moment}", moment=moment(words, outage.snoozed_until))
    if facts.mentions and not outage.claimed_by and not snoozed:
        return f"{first}\n" + " ".join(mention(who) for who in facts.mentions)
    return first


def _what_broke(facts: OutageFacts, words: Words) -> str:
    account = who_is_hit(facts, words)
    if facts.outage.remedy == "AccessDenied":
        return words.say("no access to {account} any more", account=account)
    if facts.outage.remedy == "Misconfigured":
        return words.say("Redkey itself is refused, {account} cut off", account=account)
    if len(facts.accounts) == 1:
        return words.say("{account} is disconnected", account=account)
    return words.many("{n} account is disconnected", "{n} accounts are disconnected", len(facts.accounts))


def _text(facts: OutageFacts, words: Words) -> str:
    """What broke, what is lost, what to do."""
    cure = plain(words.look_up(facts.outage.cause.cure), 600)
    if facts.outage.remedy == "AuthorizationLost":
        cure = f"{cure} {words.say('The Reauthorize button takes you there.')}"
    return " ".join([_broke(facts, words), *losses_in_sentences(facts, words), cure])


def _broke(facts: OutageFacts, words: Words) -> str:
    few = len(facts.accounts) <= NAMED_IN_TEXT
    account = words.listing(name_of(a) for a in facts.accounts) if few else who_is_hit(facts, words)
    platform, count = facts.platform_name, len(facts.accounts)
    if facts.outage.remedy == "AccessDenied":
        return words.say("{platform}: the login has lost its access to {account}.", platform=platform, account=account)
    if facts.outage.remedy == "Misconfigured":
        return words.many(
            "{platform} refuses Redkey itself, so {account} is cut off.",
            "{platform} refuses Redkey itself, so {account} are cut off.",
            count,
            platform=platform,
            account=account,
        )
    return words.many(
        "{platform} is disconnected: {account} needs a new login.",
        "{platform} is disconnected: {account} need a new login.",
        count,
        platform=platform,
        account=account,
    )


def _loss(facts: OutageFacts, words: Words) -> list[str]:
    lines = []
    if facts.outage.claimed_by:
        who, since = mention(facts.outage.claimed_by), facts.outage.claimed_at
        lines.append(
            words.say("👋 {who} has been taking care of it since {moment}.", who=who, moment=moment(words, since))
            if since
            else words.say("👋 {who} takes care of it.", who=who)
        )
    return [*lines, *losses(facts, words)]


def _cause(facts: OutageFacts, words: Words) -> list[str]:
    cause, names = facts.outage.cause, accounts_line(facts, words)
    return [
        words.say("*Why:* {cause}", cause=plain(words.look_up(cause.words), 600)),
        words.say("*What to do:* {cure}", cure=plain(words.look_up(cause.cure), 600)),
        words.many("*Account:* {names}", "*Accounts:* {names}", len(facts.accounts), names=names),
    ]


def _small(facts: OutageFacts, words: Words) -> list[str]:
    """The platform's own word for it stands here, small: it helps an engineer, and nobody else."""
    outage = facts.outage
    small = []
    if outage.login:
        small.append(words.say("Login: {login}", login=login_name(outage.login)))
    if outage.last_good_at:
        small.append(words.say("Last good call: {moment}", moment=moment(words, outage.last_good_at)))
    else:
        small.append(words.say("No good call yet"))
    small.append(words.say("First refused: {moment}", moment=moment(words, outage.dropped_at)))
    if outage.cause.code:
        small.append(words.say("Code: {code}", code=plain(outage.cause.code)))
    return small
