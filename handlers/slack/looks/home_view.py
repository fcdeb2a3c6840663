"""The Home tab's view: every connection with its key and what can be done, those that need a person first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.words.connection import Json, Kind, Status
from bot.words.facts import ConnectionFacts
from handlers.slack.looks.blocks import LABEL_LIMIT, actions, context, header, section, sections, words_only
from handlers.slack.looks.buttons import reauthorize_link
from handlers.slack.looks.connection_lists import SIGNS, in_order, lacking, list_connections, title_of
from handlers.slack.looks.markup import bare, link, login_name, moment
from handlers.words import Words

PAGE = 20  # two blocks each and a few around them stay below Slack's hundred
SHOW, BACK, ON, FIND, CONNECT, MORE, DETAILS = (
    "home_show",
    "home_back",
    "home_on",
    "home_find",
    "home_connect",
    "home_more",
    "home_details",
)
ALL, NEEDS_ACTION, ENDS_SOON, PAUSED = "all", "needs_action", "ends_soon", "paused"  # beside the two kinds
SOON = timedelta(days=30)
FEW = 5  # so many need no search
SEARCH_LONGEST = 60


def place_of(show: str, page: int, find: str) -> str:
    """Where someone is on their Home tab; remembered in it, so that it looks the same after a deed."""
    return f"{show}:{page}:{find[:SEARCH_LONGEST]}"


def place_in(text: str) -> tuple[str, int, str]:
    show, _, rest = text.partition(":")
    page, _, find = rest.partition(":")
    return show or ALL, int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 0, find


def home_view(connections: Sequence[ConnectionFacts], words: Words, now: datetime, place: str = "") -> Json:
    """Twenty on a page. `place`: the filter, the page and what is searched for."""
    show, page, find = place_in(place)
    chosen = _urgent_first([c for c in connections if _fits(c, show, now) and _found(c, find)], now)
    pages = max(-(-len(chosen) // PAGE), 1)
    page = min(page, pages - 1)
    blocks = [header(words.say("Connections")), context(_summary(connections, words, now))]
    if not connections:
        blocks += [*sections(list_connections([], words)), actions([_connect(words)])]
        return {"type": "home", "blocks": blocks}
    blocks.append(actions([_filter(show, words), _connect(words)]))
    if find or len(connections) > FEW:
        blocks.append(_search(find, words))
    for facts in chosen[page * PAGE : (page + 1) * PAGE]:
        blocks += _connection(facts, words)
    if not chosen:
        blocks.append(section(words.say("No connection is like that.")))
    if pages > 1:
        blocks.append(
            context(words.say("Page {page} of {pages}", page=words.number(page + 1), pages=words.number(pages)))
        )
        blocks.append(actions(_turns(show, page, pages, find, words)))
    return {"type": "home", "blocks": blocks, "private_metadata": place_of(show, page, find)}


def closed_view(words: Words) -> Json:
    """For whoever is no member of this workspace."""
    told = words.say("Only members of the workspace that runs Redkey can see its connections.")
    return {"type": "home", "blocks": [section(told)]}


def _fits(facts: ConnectionFacts, show: str, now: datetime) -> bool:
    connection = facts.connection
    if show == NEEDS_ACTION:
        return connection.status is Status.AUTHORIZATION_REQUIRED
    if show == PAUSED:
        return not connection.enabled
    if show == ENDS_SOON:
        return _ends_soon(facts, now)
    return show not in {Kind.ADS, Kind.CRM} or connection.kind == show


def _ends_soon(facts: ConnectionFacts, now: datetime) -> bool:
    ends = facts.connection.expires_at
    return facts.connection.enabled and facts.connection.authorized and ends is not None and ends < now + SOON


def _urgent_first(connections: Sequence[ConnectionFacts], now: datetime) -> list[ConnectionFacts]:
    """What is lost, then what will be within a month."""

    def urgency(facts: ConnectionFacts) -> int:
        return 0 if facts.connection.status is Status.AUTHORIZATION_REQUIRED else 2 - _ends_soon(facts, now)

    return sorted(in_order(connections), key=urgency)


def _found(facts: ConnectionFacts, find: str) -> bool:
    connection = facts.connection
    known = (connection.account.name, connection.account.id, connection.login, connection.id, facts.platform_name)
    return all(any(part in text.casefold() for text in known) for part in find.casefold().split())


def _filter(show: str, words: Words) -> Json:
    labels = {
        ALL: words.say("All connections"),
        NEEDS_ACTION: words.say("What needs a person"),
        ENDS_SOON: words.say("Logins that end within a month"),
        PAUSED: words.say("Paused"),
        Kind.ADS.value: words.say("Ad platforms"),
        Kind.CRM.value: words.say("CRMs"),
    }
    options = {key: {"text": words_only(label), "value": key} for key, label in labels.items()}
    return {
        "type": "static_select",
        "action_id": SHOW,
        "placeholder": words_only(words.say("Show")),
        "options": list(options.values()),
        "initial_option": options.get(show, options[ALL]),
    }


def _connect(words: Words) -> Json:
    return {"type": "button", "action_id": CONNECT, "text": words_only(words.say("Connect an account"))}


def _search(find: str, words: Words) -> Json:
    field: Json = {
        "type": "plain_text_input",
        "action_id": FIND,
        "placeholder": words_only(words.say("Account, id, login or platform")),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    field |= {"initial_value": find} if find else {}
    label = words_only(words.say("Search"))
    # A new block id each time it was used, or Slack would keep showing what was typed before.
    return {
        "type": "input",
        "block_id": f"{FIND}:{find}",
        "dispatch_action": True,
        "optional": True,
        "label": label,
        "element": field,
    }


def _turns(show: str, page: int, pages: int, find: str, words: Words) -> list[Json]:
    turns = [(BACK, words.say("Previous"), page - 1), (ON, words.say("Next"), page + 1)]
    return [
        {"type": "button", "action_id": name, "text": words_only(label), "value": place_of(show, to, find)}
        for name, label, to in turns
        if 0 <= to < pages
    ]


def _connection(facts: ConnectionFacts, words: Words) -> list[Json]:
    """A line with a menu. What is lost has its way back beneath, as a button that nobody has to look for."""
    connection = facts.connection
    blocks = [section("\n".join(_lines(facts, words)), _menu(facts, words))]
    if connection.status is Status.AUTHORIZATION_REQUIRED:
        spoken = words.say("Reauthorize {platform}", platform=facts.platform_name)
        back = reauthorize_link(facts.reauthorize_url, connection.id, spoken, words)
        details = {
            "type": "button",
            "action_id": DETAILS,
            "text": words_only(words.say("Details")),
            "value": connection.id,
        }
        blocks.append(actions([{**back, "style": "primary"}, details]))
    return blocks


def _lines(facts: ConnectionFacts, words: Words) -> list[str]:
    """What it is; how it is; whose login it rests on. Its id stands in the details: here it would only be noise."""
    connection = facts.connection
    title = title_of(facts, words)
    lost = connection.status is Status.AUTHORIZATION_REQUIRED
    what = f"{SIGNS[connection.status]} *{link(facts.reauthorize_url, title) if lost else title}*"
    data = (
        words.say("last data {moment}", moment=moment(words, connection.last_data_at))
        if connection.last_data_at
        else words.say("no data yet")
    )
    whose = [words.say("Login: {login}", login=login_name(connection.login))] if connection.login else []
    if connection.expires_at:
        whose.append(words.say("expires {moment}", moment=moment(words, connection.expires_at, "day")))
    how = " · ".join([words.status(connection.status), *lacking(facts, words), data])
    return [what, how, *([" · ".join(whose)] if whose else [])]


def _menu(facts: ConnectionFacts, words: Words) -> Json:
    """https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element takes five options."""
    connection = facts.connection
    labels = {
        "details": words.say("Details"),
        "renew": words.say("Renew the login"),
        "pause": words.say("Pause") if connection.enabled else words.say("Resume"),
        "routes": words.say("Channel and owners"),
        "remove": words.say("Remove"),
    }
    options = []
    for deed, label in labels.items():
        wanted = "resume" if deed == "pause" and not connection.enabled else deed
        option: Json = {"text": words_only(bare(label, LABEL_LIMIT)), "value": f"{wanted}:{connection.id}"}
        options.append(option | ({"url": facts.reauthorize_url} if deed == "renew" else {}))
    return {"type": "overflow", "action_id": MORE, "options": options}


def _summary(connections: Sequence[ConnectionFacts], words: Words, now: datetime) -> str:
    soon = sum(_ends_soon(c, now) for c in connections)
    ends = words.many("{n} login ends within a month", "{n} logins end within a month", soon) if soon else ""
    return " · ".join(filter(None, [_lost(connections, words), ends]))


def _lost(connections: Sequence[ConnectionFacts], words: Words) -> str:
    lost = sum(c.connection.status is Status.AUTHORIZATION_REQUIRED for c in connections)
    if lost:
        return words.many("{n} connection needs a login", "{n} connections need a login", lost)
    return words.say("No connection needs a login")
