"""Lists of connections and outages: the Home tab, and the answers of /redkey. What needs a person comes first."""

from collections.abc import Sequence

from bot.connection import Json, Status
from bot.facts import CheckAnswer, ConnectionFacts, OutageFacts
from handlers.slack.blocks import context, header, section, sections
from handlers.slack.buttons import reauthorize_link
from handlers.slack.loss import titled, who_is_hit
from handlers.slack.markup import link, login_name, moment, plain
from handlers.words import Words

HOME_MOST = 90  # Slack takes 100 blocks; one is a heading, some are said at the end
LISTED_MOST = 40
ORDER = [
    Status.AUTHORIZATION_REQUIRED,
    Status.CATCHING_UP,
    Status.CONNECTED,
    Status.CONNECTED_WITH_AUTOTAGGING,
    Status.DISCONNECTED,
]
SIGNS = {
    Status.AUTHORIZATION_REQUIRED: "🔴",
    Status.CATCHING_UP: "🟠",
    Status.CONNECTED: "🟢",
    Status.CONNECTED_WITH_AUTOTAGGING: "🟢",
    Status.DISCONNECTED: "⚪",
}


def in_order(connections: Sequence[ConnectionFacts]) -> list[ConnectionFacts]:
    def rank(facts: ConnectionFacts) -> tuple[int, str, str]:
        return ORDER.index(facts.connection.status), facts.platform_name, facts.connection.account.name.casefold()

    return sorted(connections, key=rank)


def title_of(facts: ConnectionFacts) -> str:
    account = facts.connection.account
    return f"{facts.platform_name}: {plain(account.name) or plain(account.id, 40)}"


def connection_line(facts: ConnectionFacts, words: Words) -> str:
    """Sign, account, status, last data, id: one connection in a list."""
    connection = facts.connection
    status = words.status(connection.status)
    shown = f"*{title_of(facts)}*"
    if connection.status is Status.AUTHORIZATION_REQUIRED:
        shown = f"*{link(facts.reauthorize_url, title_of(facts))}*"
    if connection.last_data_at:
        data = words.say("last data {moment}", moment=moment(words, connection.last_data_at))
    else:
        data = words.say("no data yet")
    return f"{SIGNS[connection.status]} {shown} · {status} · {data} · {plain(connection.id, 40)}"


def list_connections(connections: Sequence[ConnectionFacts], words: Words) -> list[str]:
    if not connections:
        return [words.say("Nothing is connected yet. To begin: {command}", command="/redkey connect")]
    return _at_most([connection_line(c, words) for c in in_order(connections)], words)


def list_outages(outages: Sequence[OutageFacts], words: Words) -> list[str]:
    if not outages:
        return [words.say("Nothing is down.")]
    states = {
        "disconnected": words.say("disconnected"),
        "claimed": words.say("someone takes care of it"),
        "catching_up": words.say("catching up"),
        "stalled": words.say("catching up has stalled"),
        "caught_up": words.say("caught up"),
        "paused": words.say("paused"),
    }
    lines = [
        f"*{link(o.start_url, titled(o, who_is_hit(o, words), words))}* · {states[o.outage.state]} · "
        + words.say("since {moment}", moment=moment(words, o.outage.opened_at))
        for o in outages
    ]
    return _at_most(lines, words)


def list_checks(answers: Sequence[CheckAnswer], names: dict[str, str], words: Words) -> list[str]:
    """`names`: platform key -> name. What is wrong comes first."""
    if not answers:
        return [words.say("Nothing is connected yet. To begin: {command}", command="/redkey connect")]
    lines = []
    for answer in sorted(answers, key=lambda a: not a.problem):
        connection = answer.connection
        account = plain(connection.account.name) or plain(connection.account.id, 40)
        title = f"*{names.get(connection.platform, plain(connection.platform))}: {account}*"
        if answer.problem:
            lines.append(f"{SIGNS[connection.status]} {title}: {plain(words.look_up(answer.problem), 300)}")
        else:
            lines.append(f"{SIGNS[connection.status]} {title}: {words.say('works')}")
    return _at_most(lines, words)


def home_view(connections: Sequence[ConnectionFacts], words: Words) -> Json:
    """Every connection with its key; the lost ones first, each with its way back."""
    blocks = [header(words.say("Connections")), context(_summary(connections, words))]
    shown = in_order(connections)[:HOME_MOST]
    blocks += [_home_block(c, words) for c in shown]
    if len(connections) > len(shown):
        more = len(connections) - len(shown)
        blocks.append(context(words.many("and {n} more", "and {n} more", more)))
    if not connections:
        blocks += sections(list_connections([], words))
    return {"type": "home", "blocks": blocks}


def _home_block(facts: ConnectionFacts, words: Words) -> Json:
    connection = facts.connection
    text = connection_line(facts, words)
    if connection.login:
        text += "\n" + words.say("Login: {login}", login=login_name(connection.login))
    if connection.expires_at:
        text += " · " + words.say("expires {moment}", moment=moment(words, connection.expires_at, "day"))
    if connection.status is not Status.AUTHORIZATION_REQUIRED:
        return section(text)
    spoken = words.say("Reauthorize {platform}", platform=facts.platform_name)
    return section(text, reauthorize_link(facts.reauthorize_url, connection.id, spoken, words))


def _summary(connections: Sequence[ConnectionFacts], words: Words) -> str:
    lost = sum(c.connection.status is Status.AUTHORIZATION_REQUIRED for c in connections)
    if lost:
        return words.many("{n} connection needs a login", "{n} connections need a login", lost)
    return words.say("No connection needs a login")


def _at_most(lines: list[str], words: Words) -> list[str]:
    if len(lines) <= LISTED_MOST:
        return lines
    more = len(lines) - LISTED_MOST
    return [*lines[:LISTED_MOST], words.many("and {n} more", "and {n} more", more)]
