"""Lists of connections and outages: the Home tab, and the answers of /redkey. What needs a person comes first."""

from collections.abc import Sequence

from bot.connection import Json, Kind, Status
from bot.facts import CheckAnswer, ConnectionFacts, OutageFacts
from handlers.slack.blocks import actions, context, header, section, sections, words_only
from handlers.slack.buttons import reauthorize_link
from handlers.slack.loss import titled, who_is_hit
from handlers.slack.markup import link, login_name, moment, plain
from handlers.words import Words

HOME_PAGE = 20
HOME_SHOW, HOME_BACK, HOME_ON = "home_show", "home_back", "home_on"
ALL, NEEDS_ACTION = "all", "needs_action"  # filters of the Home tab, beside the two kinds
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


def list_routes(connections: Sequence[ConnectionFacts], words: Words) -> list[str]:
    """One line for each channel. A private channel shows its name only to its members."""
    if not connections:
        return list_connections([], words)
    heard: dict[str, list[str]] = {}
    for facts in in_order(connections):
        heard.setdefault(facts.channel, []).append(title_of(facts))
    lines = []
    for channel, titles in sorted(heard.items()):
        more = len(titles) - NAMED_MOST
        rest = [words.many("and {n} more", "and {n} more", more)] if more > 0 else []
        lines.append(f"<#{channel}> · " + ", ".join([*titles[:NAMED_MOST], *rest]))
    return _at_most(lines, words)


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


def home_view(connections: Sequence[ConnectionFacts], words: Words, show: str = ALL, page: int = 0) -> Json:
    """Connections with their keys, twenty on a page, the lost ones first, each with its way back. `show` is a filter."""
    chosen = in_order([c for c in connections if _fits(c, show)])
    pages = max(-(-len(chosen) // HOME_PAGE), 1)
    page = min(max(page, 0), pages - 1)
    blocks = [header(words.say("Connections")), context(_summary(connections, words))]
    if not connections:
        return {"type": "home", "blocks": [*blocks, *sections(list_connections([], words))]}
    blocks.append(actions([_filter(show, words)]))
    blocks += [_home_block(c, words) for c in chosen[page * HOME_PAGE : (page + 1) * HOME_PAGE]]
    if not chosen:
        blocks.append(section(words.say("No connection is like that.")))
    if pages > 1:
        blocks.append(
            context(words.say("Page {page} of {pages}", page=words.number(page + 1), pages=words.number(pages)))
        )
        blocks.append(actions(_turns(show, page, pages, words)))
    return {"type": "home", "blocks": blocks}


def _fits(facts: ConnectionFacts, show: str) -> bool:
    if show == NEEDS_ACTION:
        return facts.connection.status is Status.AUTHORIZATION_REQUIRED
    return show not in {Kind.ADS, Kind.CRM} or facts.connection.kind == show


def _filter(show: str, words: Words) -> Json:
    labels = {
        ALL: words.say("All connections"),
        NEEDS_ACTION: words.say("What needs a person"),
        Kind.ADS.value: words.say("Ad platforms"),
        Kind.CRM.value: words.say("CRMs"),
    }
    options = {key: {"text": words_only(label), "value": key} for key, label in labels.items()}
    return {
        "type": "static_select",
        "action_id": HOME_SHOW,
        "placeholder": words_only(words.say("Show")),
        "options": list(options.values()),
        "initial_option": options.get(show, options[ALL]),
    }


def _turns(show: str, page: int, pages: int, words: Words) -> list[Json]:
    turns = [(HOME_BACK, words.say("Previous"), page - 1), (HOME_ON, words.say("Next"), page + 1)]
    return [
        {"type": "button", "action_id": name, "text": words_only(label), "value": f"{show}:{to}"}
        for name, label, to in turns
        if 0 <= to < pages
    ]


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
