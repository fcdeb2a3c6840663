"""The window behind Details of a connection: how it is, whose login it rests on, and where its alerts go."""

from bot.words.connection import Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.windows import window
from handlers.slack.looks.blocks import actions, bulleted, context, header, sections
from handlers.slack.looks.buttons import reauthorize_link
from handlers.slack.looks.connection_lists import SIGNS, lacking, title_of
from handlers.slack.looks.markup import link, login_name, mention, moment, plain
from handlers.words import Words


def connection_window(facts: ConnectionFacts, words: Words) -> Json:
    connection = facts.connection
    status = f"{SIGNS[connection.status]} *{title_of(facts, words)}* · {words.status(connection.status)}"
    spoken = words.say("Reauthorize {platform}", platform=facts.platform_name)
    blocks = [
        *sections([status, *bulleted(_facts(facts, words))]),
        header(words.say("Routes")),
        *sections(_routes(facts, words)),
        actions([reauthorize_link(facts.reauthorize_url, connection.id, spoken, words)]),
        context(
            words.say("Connection: {id}", id=plain(connection.id, 60)),
            link(facts.page_url, words.say("Its page")),
        ),
    ]
    return window(words.say("Details"), blocks, words)


def _facts(facts: ConnectionFacts, words: Words) -> list[str]:
    connection = facts.connection
    lines = [words.say("Account: {id}", id=plain(connection.account.id, 60))]
    if connection.login:
        lines.append(words.say("Login: {login}", login=login_name(connection.login)))
    lines += [f"{told[:1].upper()}{told[1:]}." for told in lacking(facts, words)]
    if connection.last_data_at:
        lines.append(words.say("Last data: {moment}", moment=moment(words, connection.last_data_at)))
    if connection.checked_at:
        lines.append(words.say("Last checked: {moment}", moment=moment(words, connection.checked_at)))
    if connection.expires_at:
        lines.append(words.say("Its login ends {moment}.", moment=moment(words, connection.expires_at, "day")))
    return lines


def _routes(facts: ConnectionFacts, words: Words) -> list[str]:
    lines = [words.say("Its alerts go to {channel}.", channel=f"<#{facts.channel}>")]
    if facts.owners:
        asked = words.listing(mention(o) for o in facts.owners)
        lines.append(words.say("Mentioned first: {people}.", people=asked))
    return lines
