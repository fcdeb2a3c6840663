"""The words of the pages: every sentence has its French, and French says nothing that English does not know."""

import re
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import bot
import handlers.web.phrases
from bot.words.connection import Status
from handlers.turns import turn
from handlers.web.phrases import LOCALE, Phrases
from handlers.words import Words

PAGES = Path(handlers.web.phrases.__file__).parent / "pages"


def sentences():
    for page in PAGES.glob("*.html"):
        with page.open("rb") as file:
            for _, function, found, _ in babel_extract(file, ("_", "many"), (), {}):
                parts = [found] if isinstance(found, str) else [part for part in found if part]
                yield tuple(parts[:2]) if function == "many" else parts[0]


def test_every_sentence_of_every_page_is_translated():
    with (LOCALE / "fr.po").open("rb") as file:
        french = {message.id: message.string for message in read_po(file, locale="fr") if message.id}

    known = {*sentences(), *(status.value for status in Status)}
    assert {sentence for sentence in known if not french.get(sentence)} == set()
    assert {sentence for sentence in french if sentence not in known} == set()


def test_every_turn_of_an_outage_has_words_on_its_page_and_in_slack():
    """Each is written down somewhere in bot/ as Event(moment, "what", ...)."""
    told = " ".join(path.read_text() for path in Path(bot.__path__[0]).rglob("*.py"))
    turns = set(re.findall(r"""\bEvent\([^"'()]*(?:\(\))?, "(\w+)\"""", told))

    assert {"reauthorized", "guest_link", "stalled", "dropped"} <= turns
    assert {what for what in {*turns, "disconnected"} if not turn(what, Words())} == set()


def test_a_value_is_escaped_and_a_sentence_is_no_markup():
    say = Phrases("en").say

    assert say("<i>{who}", who="<b>") == "&lt;i&gt;&lt;b&gt;"


def test_braces_in_a_foreign_sentence_mean_nothing():
    assert Phrases("fr").foreign("Odd {cause} <b>") == "Odd {cause} &lt;b&gt;"
