"""Lists of connections and outages, the answers of /redkey. What needs a person comes first."""

from collections.abc import Sequence

from bot.words.connection import Flow, Status
from bot.words.facts import CheckAnswer, ConnectionFacts, OutageFacts
from handlers.slack.looks.loss import titled, who_is_hit
from handlers.slack.looks.markup import link, moment, plain
from handlers.words import Words

LISTED_MOST = 40
NAMED_MOST = 15  # on one line, which must fit one section
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
STATES = {"catching_up": "🟠", "stalled": "🟠", "caught_up": "🟢", "paused": "⚪"}


def in_order(connections: Sequence[ConnectionFacts]) -> list[ConnectionFacts]:
    def rank(facts: ConnectionFacts) -> tuple[int, str, str]:
        return ORDER.index(facts.connection.status), facts.platform_name, facts.connection.account.name.casefold()

    return sorted(connections, key=rank)


def title_of(facts: ConnectionFacts, words: Words) -> str:
    account = facts.connection.account
    return words.under(facts.platform_name, plain(account.name) or plain(account.id, 40))


def lacking(facts: ConnectionFacts, words: Words) -> list[str]:
    """What does not flow, because the login did not give the permission for it."""
    told = {
        Flow.COST: words.say("no permission to download costs"),
        Flow.TAGGING: words.say("no permission to tag ads"),
        Flow.TOUCHPOINTS: words.say("no permission to push touchpoints"),
    }
    return [told[flow] for flow in facts.stopped]


def connection_line(facts: ConnectionFacts, words: Words) -> str:
    """Sign, account, status, last data, id: one connection in a list."""
    connection = facts.connection
    status = words.status(connection.status)
    shown = f"*{title_of(facts, words)}*"
    if connection.status is Status.AUTHORIZATION_REQUIRED:
        shown = f"*{link(facts.reauthorize_url, title_of(facts, words))}*"
    if connection.last_data_at:
        data = words.say("last data {moment}", moment=moment(words, connection.last_data_at))
    else:
        data = words.say("no data yet")
    parts = [f"{SIGNS[connection.status]} {shown}", status, *lacking(facts, words), data, plain(connection.id, 40)]
    return " · ".join(parts)


def list_connections(connections: Sequence[ConnectionFacts], words: Words) -> list[str]:
    if not connections:
        return [words.say("Nothing is connected yet. To begin: {command}", command="/redkey connect")]
    return words.first([connection_line(c, words) for c in in_order(connections)], LISTED_MOST)


def list_routes(connections: Sequence[ConnectionFacts], words: Words) -> list[str]:
    """One line for each channel. A private channel shows its name only to its members."""
    if not connections:
        return list_connections([], words)
    heard: dict[str, list[str]] = {}
    for facts in in_order(connections):
        heard.setdefault(facts.channel, []).append(title_of(facts, words))
    lines = []
    for channel, titles in sorted(heard.items()):
        lines.append(f"<#{channel}> · " + ", ".join(words.first(titles, NAMED_MOST)))
    return words.first(lines, LISTED_MOST)


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
        f"{STATES.get(o.outage.state, '🔴')} *{link(o.start_url, titled(o, who_is_hit(o, words), words))}* · "
        f"{states[o.outage.state]} · " + words.say("since {moment}", moment=moment(words, o.outage.opened_at))
        for o in outages
    ]
    return words.first(lines, LISTED_MOST)


def list_checks(answers: Sequence[CheckAnswer], names: dict[str, str], words: Words) -> list[str]:
    """`names`: platform key -> name. What is wrong comes first."""
    if not answers:
        return [words.say("Nothing is connected yet. To begin: {command}", command="/redkey connect")]
    lines = []
    for answer in sorted(answers, key=lambda a: not a.problem):
        connection = answer.connection
        account = plain(connection.account.name) or plain(connection.account.id, 40)
        title = f"*{words.under(names.get(connection.platform, plain(connection.platform)), account)}*"
        if answer.problem:
            lines.append(words.under(f"{SIGNS[connection.status]} {title}", plain(words.look_up(answer.problem), 300)))
        else:
            lines.append(words.under(f"{SIGNS[connection.status]} {title}", words.say("works")))
    return words.first(lines, LISTED_MOST)
