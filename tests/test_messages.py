"""What people read: every message of every state, in both languages, against golden files, limits and hostile names."""

import json
import os
import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_facts import ANNA, GOOGLE_PROGRESS, NOW, OUTAGES, REPLIES, SET_ASIDE, caught_up, connection, google
from sentences import causes, said
from slack_limits import foreign, message_problems, texts, view_problems

from bot.connection import Event, Outage, Status
from bot.facts import CheckAnswer, OutageFacts, Reply
from bot.interfaces import Spoken
from handlers.slack.connection_lists import home_view, list_checks, list_connections, list_outages
from handlers.slack.details_view import details_view
from handlers.slack.markup import bare, clusters, plain
from handlers.slack.messages import SlackComposer
from handlers.slack.private_answers import private
from handlers.words import Words, catalogue

GOLDEN = Path(__file__).parent / "golden"
COLOURS = {"red": "#D92D20", "amber": "#F79009", "green": "#12B76A", "grey": "#98A2B3"}


def shown(spoken: Spoken) -> dict[str, object]:
    return {
        "text": spoken.text,
        "blocks": list(spoken.blocks),
        "attachments": list(spoken.attachments),
        "metadata": spoken.metadata,
        "broadcast": spoken.broadcast,
    }


def words_of(spoken: Spoken) -> str:
    return "\n".join(t["text"] for _, t in texts([*spoken.blocks, *spoken.attachments]))


def action_ids(spoken: Spoken) -> list[str]:
    blocks = [b for a in spoken.attachments for b in a["blocks"]]
    return [e["action_id"] for b in blocks if b["type"] == "actions" for e in b["elements"]]


def everything() -> dict[str, Spoken]:
    found = {}
    for language in ("en", "fr"):
        composer = SlackComposer(language, name_of={ANNA: "Anna Berg"}.get)
        found |= {f"{name}.{language}": composer.outage(facts) for name, facts in OUTAGES.items()}
        found |= {f"reply_{name}.{language}": composer.reply(*pair) for name, pair in REPLIES.items()}
    return found


EVERYTHING = everything()


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_message_is_as_it_was_last_read_and_approved(name: str) -> None:
    """WRITE_GOLDEN=1 writes the files anew; then read them."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(json.dumps(shown(EVERYTHING[name]), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert shown(EVERYTHING[name]) == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_message_keeps_slacks_limits(name: str) -> None:
    assert message_problems(EVERYTHING[name]) == []


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(EVERYTHING)


def test_the_google_alert_says_what_comes_back_and_what_never_does() -> None:
    text = words_of(EVERYTHING["google_disconnected.en"])
    assert "Cost is missing since 21 Nov 2026. It will be recovered." in text
    assert "New ads run without UTM tags. Clicks on them can never be attributed, not even later." in text


def test_the_salesforce_alert_counts_what_waits() -> None:
    assert "1,204 touchpoints wait. All of them will be pushed." in words_of(EVERYTHING["salesforce_disconnected.en"])
    assert "1\u202f204 points de contact attendent." in words_of(EVERYTHING["salesforce_disconnected.fr"])


@pytest.mark.parametrize(
    ("name", "colour", "status"),
    [
        ("google_disconnected", "red", "Autorisation requise"),
        ("google_claimed", "red", "Autorisation requise"),
        ("google_snoozed", "grey", "Autorisation requise"),
        ("google_catching_up", "amber", "Rattrapage en cours"),
        ("google_stalled", "amber", "Rattrapage en cours"),
        ("google_caught_up", "green", "Connecté avec balisage automatique"),
        ("google_paused", "grey", "Déconnecté"),
    ],
)
def test_the_colour_is_the_state_and_french_messages_hold_the_french_status_words(
    name: str, colour: str, status: str
) -> None:
    spoken = EVERYTHING[f"{name}.fr"]
    assert spoken.attachments[0]["color"] == COLOURS[colour]
    assert status in words_of(spoken)


def test_the_headline_alone_stands_in_the_top_blocks_and_links_to_the_start_page() -> None:
    for name, facts in OUTAGES.items():
        blocks = EVERYTHING[f"{name}.en"].blocks
        assert len(blocks) == 1
        assert f"*<{facts.start_url}|" in blocks[0]["text"]["text"]


def test_the_text_alone_tells_what_broke_what_is_lost_and_what_to_do() -> None:
    text = EVERYTHING["google_disconnected.en"].text
    for part in ("Google Ads is disconnected", "Acme EMEA", "Cost is missing", "UTM tags", "Log in", "Reauthorize"):
        assert part in text


def test_the_buttons_of_a_lost_login_begin_with_reauthorize_which_opens_the_start_page() -> None:
    spoken = EVERYTHING["google_disconnected.en"]
    assert action_ids(spoken) == ["reauthorize", "claim", "snooze", "details", "pause"]
    first = spoken.attachments[0]["blocks"][-1]["elements"][0]
    assert first["url"] == OUTAGES["google_disconnected"].start_url
    assert first["style"] == "primary"
    assert first["accessibility_label"] == "Reauthorize Google Ads account Acme EMEA"


def test_where_a_login_is_not_the_cure_reauthorize_does_not_stand_first() -> None:
    denied, ours = EVERYTHING["google_no_access.en"], EVERYTHING["google_bad_client.en"]
    assert action_ids(denied)[:2] == ["details", "reauthorize"]
    assert denied.attachments[0]["blocks"][-1]["elements"][0]["text"]["text"] == "Ask for access"
    assert action_ids(ours)[0] == "details"


def test_exactly_one_button_is_the_primary_one() -> None:
    for name in ("google_disconnected", "google_no_access", "google_bad_client", "google_twelve_accounts"):
        elements = EVERYTHING[f"{name}.en"].attachments[0]["blocks"][-1]["elements"]
        assert sum(e.get("style") == "primary" for e in elements) == 1


def test_nobody_is_asked_to_reauthorize_once_someone_has() -> None:
    for name in ("google_catching_up", "google_stalled", "google_caught_up"):
        assert action_ids(EVERYTHING[f"{name}.en"]) == ["details"]


def test_owners_are_mentioned_until_someone_takes_it() -> None:
    assert "<@U0ANNA000> <!subteam^S0MARKETIN>" in words_of(EVERYTHING["google_disconnected.en"])
    taken = replace(OUTAGES["google_disconnected"], outage=google(claimed_by="U0BEN0000").outage)
    assert "<@U0ANNA000>" not in words_of(SlackComposer().outage(taken))


def test_who_acted_is_named_in_the_thread_and_not_pinged() -> None:
    assert EVERYTHING["reply_claimed.en"].text == "Anna Berg takes care of this."
    unknown = SlackComposer().reply(OUTAGES["google_claimed"], Reply("claimed", ANNA))
    assert "<@" not in unknown.text


def test_ten_accounts_are_named_and_the_rest_counted() -> None:
    text = words_of(EVERYTHING["google_twelve_accounts.en"])
    assert "Acme 10" in text
    assert "and 2 more" in text
    assert "Acme 11" not in text.partition("*Accounts:*")[2].partition("Login")[0]


def test_progress_is_counted_and_never_says_a_hundred_percent_too_early() -> None:
    assert "Cost: 2 of 3 days (66%)" in words_of(EVERYTHING["google_catching_up.en"])
    done = [replace(p, passed=True) for p in GOOGLE_PROGRESS]
    nearly = replace(OUTAGES["google_catching_up"], progress=tuple(done))
    assert "99%" in words_of(SlackComposer().outage(nearly))


def test_the_receipt_names_what_the_crm_refused() -> None:
    text = words_of(EVERYTHING["salesforce_caught_up.en"])
    assert "1,197 touchpoints pushed" in text
    assert "TP2_0 (REQUIRED_FIELD_MISSING: LastName)" in text
    assert "2 more" in text


def test_the_receipt_says_so_when_nothing_stays_lost() -> None:
    facts = caught_up(google(), {"cost_days": 1, "cost_micros": {"EUR": 0}}, {})
    assert "Nothing stays lost." in SlackComposer().outage(facts).text


def test_wrong_account_names_the_login_used_and_the_account_expected() -> None:
    text = EVERYTHING["reply_wrong_account.en"].text
    for part in ("bob@agency.com", "ana@acme.com", "Acme EMEA"):
        assert part in text


def test_only_caught_up_is_broadcast_and_only_when_the_setting_says_so() -> None:
    loud = SlackComposer(broadcast_caught_up=True)
    assert loud.reply(*REPLIES["caught_up"]).broadcast
    assert not any(loud.reply(*pair).broadcast for name, pair in REPLIES.items() if name != "caught_up")
    assert not SlackComposer().reply(*REPLIES["caught_up"]).broadcast


def test_metadata_holds_ids_only_and_a_reply_carries_its_own_revision() -> None:
    facts, reply = REPLIES["claimed"]
    spoken = SlackComposer().reply(facts, replace(reply, revision=2))
    assert spoken.metadata == {"event_type": "redkey_outage", "event_payload": {"outage": "out_google", "revision": 2}}


def test_no_message_shouts() -> None:
    for spoken in EVERYTHING.values():
        assert "!" not in re.sub(r"<![^>]*>", "", words_of(spoken) + spoken.text)


# Languages


def test_every_sentence_we_say_has_its_french() -> None:
    french = catalogue("fr")
    missing = [s[0] for s in said() if len(s) == 1 and not _translated(s[0])]
    missing += [s[0] for s in said() if len(s) == 2 and french.ngettext(s[0], s[1], 2) == s[1]]
    assert sorted(set(missing)) == []


def test_every_cause_and_cure_has_its_french() -> None:
    assert sorted({c for c in causes() if not _translated(c)}) == []


def test_every_status_has_the_french_word_of_the_contract() -> None:
    words = Words("fr")
    assert [words.status(s) for s in Status] == [
        "Autorisation requise",
        "Déconnecté",
        "Rattrapage en cours",
        "Connecté avec balisage automatique",
        "Connecté",
    ]


def _translated(sentence: str) -> bool:
    held = catalogue("fr")._catalog
    return sentence in held or (sentence, 0) in held


def test_durations_are_short() -> None:
    words = Words("fr")
    for seconds, text in ((45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min"), (183_600, "2 j 3 h"), (3600, "1 h")):
        assert words.duration(timedelta(seconds=seconds)) == text


def test_money_is_written_as_its_readers_write_it() -> None:
    assert Words("en").money(4_100_250_000, "EUR") == "€4,100.25"
    assert Words("fr").money(4_100_250_000, "EUR") == "4\u202f100,25\xa0€"
    assert Words("en").money(1_000_000, "<!channel>") == "1.00"


# Hostile names

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
    "🇫🇷" * 60,
    "e" + "\u0301" * 500,
    "x" * 5000,
    "|>|<|",
    ":tada: :fire:",
    "\u2028\u2029\r\n\t",
    "",
    "U0ANNA000",
    "Ⓔⓥⓘⓛ．ｃｏｍ evil。com",
]
# Random text is drawn half from what hurts: single characters alone hardly ever meet to make a link.
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from([*NASTY, "://", ".com", "<", ">", "@", "|", "_", "*", " ", "a"]), max_size=6).map("".join),
    st.text(max_size=200),
)
OUR_MENTIONS = {"@U0ANNA000", "!subteam^S0MARKETIN"}


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
    return replace(facts, outage=changed, accounts=accounts, progress=progress)


def hidden(text: str) -> list[str]:
    """Characters that change what a reader sees: only joiners inside a sequence are allowed."""
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
    return re.sub(r"(?<=Login: )[\w.+-]+@[\w.-]+|(?<=by )[\w.+-]+@[\w.-]+(?=,)|[\w.+-]+@[\w.-]+(?= logged in)", "", text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nasty=HOSTILE, name=st.sampled_from(sorted(OUTAGES)))
def test_no_name_can_make_a_link_a_mention_or_a_message_slack_refuses(nasty: str, name: str) -> None:
    facts = poisoned(OUTAGES[name], nasty)
    spoken = SlackComposer("en").outage(facts)
    assert message_problems(spoken) == []
    assert problems([*spoken.blocks, *spoken.attachments], {facts.start_url}) == []
    assert view_problems(details_view(facts, Words())) == []


@settings(max_examples=60, deadline=None)
@given(nasty=HOSTILE, name=st.sampled_from(sorted(REPLIES)))
def test_no_name_can_do_that_in_a_reply_either(nasty: str, name: str) -> None:
    facts, reply = REPLIES[name]
    detail = {k: [nasty] * 30 if isinstance(v, list) else nasty for k, v in reply.detail.items()}
    who = nasty if reply.what == "reauthorized" else reply.who
    spoken = SlackComposer("en").reply(poisoned(facts, nasty), replace(reply, detail=detail, who=who))
    assert message_problems(spoken) == []
    mails = re.sub(r"(?<=logged in as )\S+@\S+(?=,)|(?<=so far was )\S+@\S+(?=\.)", "", spoken.text)
    assert foreign(_without_logins(mails), {facts.start_url}, OUR_MENTIONS) == []


@settings(max_examples=60, deadline=None)
@given(nasty=HOSTILE)
def test_no_name_can_do_that_in_a_list_or_on_the_home_tab(nasty: str) -> None:
    words = Words()
    several = [connection(n, nasty, authorized=n % 2 == 0, login=nasty) for n in range(1, 120)]
    view = home_view(several, words)
    links = {c.reauthorize_url for c in several}
    assert view_problems(view) == []
    assert problems(view, links) == []
    checks = list_checks([CheckAnswer(c.connection, nasty) for c in several], {}, words)
    outages = list_outages([poisoned(f, nasty) for f in OUTAGES.values()], words)
    for lines in (list_connections(several, words), checks, outages):
        answer = private(*lines)
        assert problems(answer["blocks"], links | {f.start_url for f in OUTAGES.values()}) == []
        assert len(json.dumps(answer["blocks"], ensure_ascii=False)) < 13_000


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
    for name in ("Acme EMEA", "Müller & Söhne", "acme_search_eu", "広告アカウント", "Brand | Search (EU) #2", "مؤسسة می‌خواهم"):
        assert plain(name).replace("&amp;", "&") == name
        assert bare(name) == name


def test_what_needs_a_person_comes_first_on_the_home_tab() -> None:
    lost = connection(2, "Zeta", authorized=False)
    view = home_view([connection(1, "Alpha"), lost], Words())
    first = next(b for b in view["blocks"] if b["type"] == "section")
    assert "Zeta" in first["text"]["text"]
    assert first["accessory"]["url"] == lost.reauthorize_url


def test_snooze_ends_by_itself() -> None:
    over = google(snoozed_until=NOW - timedelta(seconds=1))
    assert SlackComposer().outage(over).attachments[0]["color"] == COLOURS["red"]
