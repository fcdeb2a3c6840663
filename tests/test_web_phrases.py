"""The words of the pages: every sentence has its French, and French says nothing that English does not know."""

from pathlib import Path

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import handlers.web.phrases
from bot.connection import Status
from handlers.web.phrases import LOCALE, Phrases

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


def test_a_value_is_escaped_and_a_sentence_is_no_markup():
    say = Phrases("en").say

    assert say("<i>{who}", who="<b>") == "&lt;i&gt;&lt;b&gt;"


def test_braces_in_a_foreign_sentence_mean_nothing():
    assert Phrases("fr").foreign("Odd {cause} <b>") == "Odd {cause} &lt;b&gt;"
