"""Hostile names: whatever a platform returns, the payload holds exactly the links and mentions we built."""

import json
import re
import unicodedata
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sample_announcements import ANNOUNCED, announcement
from sample_facts import CHANNEL, NOW, OUTAGES, REPLIES, SET_ASIDE, connection
from slack_limits import foreign, message_problems, texts, view_problems

from bot.people.people import LoginEnd, Removed, RouteFacts
from bot.words.announced import BorrowedFacts, DigestFacts, EndingFacts, EndingsFacts, EndpointFacts, LeaverFacts
from bot.words.connection import Account, Event, Outage
from bot.words.facts import CheckAnswer, OutageFacts
from handlers.slack.listeners.choose_window import choose_window
from handlers.slack.listeners.connection_window import connection_window
from handlers.slack.listeners.power_window import pause_window, paused, resumed
from handlers.slack.listeners.private_answers import private
from handlers.slack.listeners.remove_window import ask_window, ended
from handlers.slack.listeners.route_window import route_form
from handlers.slack.listeners.windows import told
from handlers.slack.looks.announcer import SlackAnnouncer
from handlers.slack.looks.connection_lists import list_checks, list_connections, list_outages
from handlers.slack.looks.details_view import details_view
from handlers.slack.looks.digest_card import alt_text, legend
from handlers.slack.looks.home_view import home_view
from handlers.slack.looks.markup import ADDRESS, bare, clusters, plain
from handlers.slack.looks.messages import SlackComposer
from handlers.words import Words

NASTY = [
    "<!channel>",
    "<!here|x>",
    "<@U0ANNA000>",
    "<https://evil.example|Reauthorize>",
    "https://evil.example/a?b=c",
    "www.evil.com",
    "evil.com",
    "mailto:a@evil.com",
    "a@evil.com",
    "@here @channel #general",
    "*bold* _it_ ~no~ `code` ```block```",
    "> quote\n> quote",
    "&lt;!channel&gt;",
    "a\u202eb\u2066c\u200b\ufeffd\x00e\x1b[31m",
    "\ud800\udfff lone",
    "👨‍👩‍👧‍👦" * 40,
    "أكمي\u2069 الخليج",
    "🇫🇷" * 60,
    "e" + "\u0301" * 500,
    "x" * 5000,
    "|>|<|",
    ":tada: :fire:",
    "\u2028\u2029\r\n\t",
    "",
    "U0ANNA000",
    "\u24ba\u24e5\uff0e\uff43\uff4f\uff4d evil\u3002com",  # circled and fullwidth letters and stops
]
# Random text is drawn half from what hurts: single characters alone hardly ever meet to make a link.
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from([*NASTY, "://", ".com", "<", ">", "@", "|", "_", "*", " ", "a"]), max_size=6).map("".join),
    st.text(max_size=200),
)
OUR_MENTIONS = {"@U0ANNA000", "!subteam^S0MARKETIN", f"#{CHANNEL}"}


def poisoned(facts: OutageFacts, nasty: str) -> OutageFacts:
    """The same outage, with `nasty` wherever a platform's text can stand."""
    outage = facts.outage
    timeline = tuple(
        Event(e.at, e.what, e.who if e.what == "paused" else nasty, f"cost: {nasty}") for e in outage.timeline
    )
    records = [{"id": nasty, "reason": nasty} for _ in SET_ASIDE]
    lost = {**outage.lost, "set_aside": records, "set_aside_count": 60} if outage.lost else {}
    changed: Outage = replace(
        outage,
        cause=replace(outage.cause, code=nasty, vendor=nasty),
        login=nasty,
        reauthorized_by=nasty if outage.reauthorized_by else None,
        timeline=timeline,
        recovered={**outage.recovered, "cost_micros": {nasty: 1}} if outage.recovered else {},
        lost=lost,
    )
    accounts = tuple(replace(a, name=nasty, account_id=nasty) for a in facts.accounts)
    progress = tuple(replace(p, account=nasty) for p in facts.progress)
    lines = [replace(line, account=nasty, login=nasty) for line in facts.storm.lines] if facts.storm else []
    storm = replace(facts.storm, lines=tuple(lines)) if facts.storm else None
    return replace(facts, outage=changed, accounts=accounts, progress=progress, storm=storm)


def hidden(text: str) -> list[str]:
    """Characters that change what a reader sees: only joiners inside a sequence are allowed, and the pair that we set around
    what is written from right to left.
    """
    text = re.sub("\u2068([^\u2068\u2069]*)\u2069", r"\1", text)
    return [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\u2060\u200c\u200d"]


def problems(found: object, links: set[str]) -> list[str]:
    wrong = []
    for kind, text in texts(found):
        wrong += hidden(text["text"])
        if kind == "mrkdwn":
            assert text["verbatim"] is True
            wrong += foreign(_without_logins(text["text"]), links, OUR_MENTIONS)
    return wrong


def _without_logins(text: str) -> str:
    """A well-formed e-mail address that is the login stays whole: `verbatim` keeps Slack from linking it."""
    mail = r"[\w.+-]+@[\w.-]+"
    after = ("Login: ", "enewed by ", "over by ", "used by ")
    kept = "|".join([*(f"(?<={text}){mail}" for text in after), rf"(?<=by ){mail}(?=,)", rf"{mail}(?= logged in)"])
    kept += rf"|(?<=\(){mail}(?=\))"
    return re.sub(kept, "", text)


def own_links(facts: OutageFacts) -> set[str]:
    if facts.storm is None:
        return {facts.start_url}
    starts = {facts.start_url.replace(facts.outage.id, line.outage_id) for line in facts.storm.lines}
    return starts | {facts.connections_url}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nasty=HOSTILE, name=st.sampled_from(sorted(OUTAGES)))
def test_no_name_can_make_a_link_a_mention_or_a_message_slack_refuses(nasty: str, name: str) -> None:
    facts = poisoned(OUTAGES[name], nasty)
    spoken = SlackComposer("en").outage(facts)
    assert message_problems(spoken) == []
    assert problems([*spoken.blocks, *spoken.attachments], own_links(facts)) == []
    assert view_problems(details_view(facts, Words())) == []


@settings(max_examples=60, deadline=None)
@given(nasty=HOSTILE, name=st.sampled_from(sorted(REPLIES)))
def test_no_name_can_do_that_in_a_reply_either(nasty: str, name: str) -> None:
    facts, reply = REPLIES[name]
    detail = {
        k: [nasty] * 30 if isinstance(v, list) else v if isinstance(v, int) else nasty for k, v in reply.detail.items()
    }
    who = nasty if reply.what == "reauthorized" else reply.who
    spoken = SlackComposer("en").reply(poisoned(facts, nasty), replace(reply, detail=detail, who=who))
    assert message_problems(spoken) == []
    mails = re.sub(r"(?<=logged in as )\S+@\S+(?=,)|(?<=so far was )\S+@\S+(?=\.)", "", spoken.text)
    assert foreign(_without_logins(mails), {facts.start_url}, OUR_MENTIONS) == []


@settings(max_examples=25, deadline=None)
@given(nasty=HOSTILE)
def test_no_name_can_do_that_in_a_list_or_on_the_home_tab(nasty: str) -> None:
    words = Words()
    several = [connection(n, nasty, authorized=n % 2 == 0, login=nasty) for n in range(1, 30)]
    view = home_view(several, words, NOW)
    links = {c.reauthorize_url for c in several}
    assert view_problems(view) == []
    assert problems(view, links) == []
    checks = list_checks([CheckAnswer(c.connection, nasty) for c in several], {}, words)
    outages = list_outages([poisoned(f, nasty) for f in OUTAGES.values()], words)
    for lines in (list_connections(several, words), checks, outages):
        answer = private(*lines)
        assert problems(answer["blocks"], links | {f.start_url for f in OUTAGES.values()}) == []
        assert len(json.dumps(answer["blocks"], ensure_ascii=False)) < 13_000


@settings(max_examples=60, deadline=None)
@given(nasty=HOSTILE, name=st.sampled_from(sorted(ANNOUNCED)))
def test_no_name_can_do_that_in_an_announcement(nasty: str, name: str) -> None:
    assume(not ADDRESS.fullmatch(nasty))  # a login that is an address is shown as one
    facts = ANNOUNCED[name]
    if isinstance(facts, EndingFacts):
        links = {facts.renew_url}
        facts = replace(facts, accounts=(nasty,) * 12, login=nasty, renewed_by=nasty)
    elif isinstance(facts, EndingsFacts):
        links = {facts.connections_url, *(line.renew_url for line in facts.lines)}
        one = {"accounts": (nasty,) * 12, "login": nasty, "renewed_by": nasty}
        facts = replace(facts, lines=tuple(replace(line, **one) for line in facts.lines))
    elif isinstance(facts, LeaverFacts):
        links = {facts.connections_url, *(line.renew_url for line in facts.lines)}
        lines = tuple(replace(line, login=nasty, accounts=(nasty,) * 7) for line in facts.lines)
        facts = replace(facts, name=nasty, lines=lines)
    elif isinstance(facts, DigestFacts):
        links = {facts.url, *(outage.url for outage in facts.outages)}
        outages = tuple(replace(o, accounts=(nasty,) * 4, by=nasty) for o in facts.outages)
        endings = tuple(replace(e, login=nasty) for e in facts.endings)
        facts = replace(
            facts, outages=outages, endings=endings, strips=tuple(replace(s, name=nasty) for s in facts.strips)
        )
        assert len(alt_text(facts, Words())) <= 1000
        assert foreign(legend(facts, Words()), set(), set()) == []
    elif isinstance(facts, BorrowedFacts):
        links, facts = set(), replace(facts, who="U0ANNA000", login=nasty, accounts=(nasty,) * 12)
    elif isinstance(facts, EndpointFacts):
        links, facts = set(), replace(facts, name="warehouse", why=nasty)  # the settings name it
    else:
        links = set()
    spoken = SlackAnnouncer().message(announcement(), facts)
    assert message_problems(spoken) == []
    assert problems([*spoken.blocks, *spoken.attachments], links) == []


@settings(max_examples=25, deadline=None)
@given(nasty=HOSTILE)
def test_no_name_can_do_that_in_a_window(nasty: str) -> None:
    words, several = Words(), [connection(n, nasty, authorized=n % 2 == 0, login=nasty) for n in range(1, 12)]
    one = replace(several[0], connection=replace(several[0].connection, account=Account(nasty, nasty)))
    links = {c.reauthorize_url for c in several} | {one.page_url}
    made = RouteFacts("google_ads", "Google Ads", one, one.channel, ())
    windows = [connection_window(one, words), pause_window(one, words), paused(one, words), resumed(one, words)]
    windows += [
        ask_window(one, words),
        route_form(made, words),
        told("Remove", ended(Removed(one, LoginEnd.DEAD), words), words),
    ]
    windows += [
        choose_window(verb, several, {"google_ads": "Google Ads"}, words) for verb in ("pause", "remove", "routes")
    ]
    for view in windows:
        assert view_problems(view) == []
        assert problems(view, links) == []


def test_ten_megabytes_of_name_cost_nothing() -> None:
    facts = poisoned(OUTAGES["google_disconnected"], "<!channel>\x00" * 1_000_000)
    assert message_problems(SlackComposer().outage(facts)) == []


def test_text_is_cut_between_whole_characters() -> None:
    family = "👨‍👩‍👧‍👦"
    cut = plain(family * 20, 30)
    assert cut == family * 4 + "…"
    assert plain("🇫🇷" * 10, 5) == "🇫🇷🇫🇷…"
    assert clusters("e\u0301a") == ["e\u0301", "a"]


def test_ordinary_names_are_left_as_they_are() -> None:
    for name in (
        "Acme EMEA",
        "Müller & Söhne",
        "acme_search_eu",
        "広告アカウント",
        "Brand | Search (EU) #2",
    ):
        assert plain(name).replace("&amp;", "&") == name
        assert bare(name) == name


def test_a_name_from_right_to_left_is_set_apart_so_that_its_number_stays_behind_it() -> None:
    name = "مؤسسة می‌خواهم"
    assert plain(name) == bare(name) == f"\u2068{name}\u2069"
    assert len(plain(name * 20, 30)) <= 30
    assert plain(name * 20, 30).endswith("…\u2069")
