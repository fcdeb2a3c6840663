"""What people read: every message of every state, in both languages, against golden files, limits and hostile names."""

import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sample_announcements import ANNOUNCED, REPLIED, announcement
from sample_facts import ANNA, GOOGLE_PROGRESS, NOW, OUTAGES, REPLIES, caught_up, connection, google
from slack_limits import message_problems, texts

from bot.words.connection import Event
from bot.words.facts import Reply
from bot.words.voice import Spoken
from handlers.slack.looks.announcer import SlackAnnouncer
from handlers.slack.looks.details_view import details_view
from handlers.slack.looks.home_view import home_view
from handlers.slack.looks.messages import SlackComposer
from handlers.words import Words

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
        announcer = SlackAnnouncer(language)
        found |= {f"{name}.{language}": announcer.message(announcement(), f) for name, f in ANNOUNCED.items()}
        found |= {f"reply_{name}.{language}": announcer.reply(announcement(), f) for name, f in REPLIED.items()}
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
    assert "Cost has been missing since 21 Nov 2026: about €4,110, usually €1,370 a day." in text
    assert "Google Ads keeps it until 20 Nov 2029." in text
    assert "It will be recovered" not in text, "it stands under these words"
    assert "It will be recovered; Google Ads keeps it until 20 Nov 2029." in EVERYTHING["google_disconnected.en"].text
    assert "By now about 4 new ads run without UTM tags. About 52 clicks on them can never be attributed" in text


def test_what_is_soon_gone_and_what_is_gone_already_stand_apart() -> None:
    text = words_of(EVERYTHING["google_soon_gone.en"])
    soon = "Google Ads gives the cost of 21 Nov 2026 only until 25 Nov 2026: 2 days left."
    assert "*Soon gone*" in text
    assert soon in text
    assert soon in EVERYTHING["google_soon_gone.en"].text
    gone = words_of(EVERYTHING["google_days_gone.en"])
    assert "*Gone for good*\n• 3 days of cost are lost: Google Ads no longer gives them." in gone
    assert "Google Ads keeps it" not in gone + text


def test_without_earlier_figures_nothing_is_guessed() -> None:
    text = words_of(EVERYTHING["google_new_here.en"])
    assert "• Cost has been missing since 21 Nov 2026. Google Ads keeps it" in text
    assert "New ads run without UTM tags. Clicks on them can never be attributed, not even later." in text
    assert "about" not in text.partition("*Why:*")[0]


def snoozes(name: str) -> list[tuple[str, str]]:
    elements = EVERYTHING[name].attachments[0]["blocks"][-1]["elements"]
    menus = [e for e in elements if e["action_id"] == "snooze"]
    options = [o for menu in menus for o in menu["options"]]
    return [(o["text"]["text"], o.get("description", {}).get("text", "")) for o in options]


def test_each_snooze_says_what_it_costs_before_it_is_chosen() -> None:
    assert snoozes("google_disconnected.en") == [
        ("4 hours", "about €228 of cost late, 5 more ads untagged"),
        ("1 day", "about €1,370 of cost late, 30 more ads untagged"),
        ("3 days", "about €4,110 of cost late, 90 more ads untagged"),
    ]
    assert snoozes("salesforce_disconnected.en")[1] == ("1 day", "about 2,408 touchpoints late")
    assert snoozes("google_new_here.en")[0] == ("4 hours", "new ads untagged")


def test_no_snooze_reaches_into_the_last_day() -> None:
    assert [length for length, _ in snoozes("google_soon_gone.en")] == ["4 hours", "1 day"]
    assert snoozes("google_days_gone.en") == []


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
        url = facts.connections_url if facts.storm else facts.start_url
        assert f"*<{url}|" in blocks[0]["text"]["text"]


def test_the_text_alone_tells_what_broke_what_is_lost_and_what_to_do() -> None:
    text = EVERYTHING["google_disconnected.en"].text
    for part in (
        "Google Ads is disconnected",
        "Acme EMEA",
        "Cost has been missing",
        "€4,110",
        "UTM tags",
        "Log in",
        "Reauthorize",
    ):
        assert part in text


def test_the_buttons_of_a_lost_login_begin_with_reauthorize_which_opens_the_start_page() -> None:
    spoken = EVERYTHING["google_disconnected.en"]
    assert action_ids(spoken) == ["reauthorize", "claim", "snooze", "details", "ask_someone", "pause"]
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
    assert "2 of 3 days of cost (66%)" in words_of(EVERYTHING["google_catching_up.en"])
    done = [replace(p, passed=True) for p in GOOGLE_PROGRESS]
    nearly = replace(OUTAGES["google_catching_up"], progress=tuple(done))
    assert "99%" in words_of(SlackComposer().outage(nearly))


def test_the_receipt_names_what_the_crm_refused() -> None:
    text = words_of(EVERYTHING["salesforce_caught_up.en"])
    assert "1,197 touchpoints pushed" in text
    assert "TP2_0 (REQUIRED_FIELD_MISSING: LastName)" in text
    assert "2 more" in text


def test_what_a_crm_refused_and_what_happened_is_told_in_the_readers_language() -> None:
    aside = [{"id": "TP1", "reason": "The id begins or ends with a space."}, {"id": "TP2", "reason": "NO_TEXT: no"}]
    receipt = words_of(SlackComposer("fr").outage(caught_up(google(), {}, {"set_aside": aside})))
    assert "TP1 (L\u2019identifiant commence ou finit par une espace.)" in receipt
    assert "TP2 (NO_TEXT: no)" in receipt

    stalled = OUTAGES["google_stalled"]
    moved = Event(NOW, "moved", "", "C0SALES00 is_archived")
    facts = replace(stalled, outage=replace(stalled.outage, timeline=(*stalled.outage.timeline, moved)))
    details = "\n".join(text["text"] for _, text in texts(details_view(facts, Words("fr"))["blocks"]))
    assert "Coûts\xa0: les chiffres d\u2019ici et ceux de la plateforme ne concordent pas encore" in details
    assert "<#C0SALES00>\xa0: il est archivé" in details


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


def test_what_needs_a_person_comes_first_on_the_home_tab() -> None:
    lost = connection(2, "Zeta", authorized=False)
    view = home_view([connection(1, "Alpha"), lost], Words(), NOW)
    first = next(b for b in view["blocks"] if b["type"] == "section")
    assert "Zeta" in first["text"]["text"]
    assert lost.reauthorize_url in json.dumps(view)


def test_snooze_ends_by_itself() -> None:
    over = google(snoozed_until=NOW - timedelta(seconds=1))
    assert SlackComposer().outage(over).attachments[0]["color"] == COLOURS["red"]
