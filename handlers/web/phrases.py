"""What the pages say, in the operator's language. The sentences stand in the templates; locale/fr.po beside them is theirs."""

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from handlers.words import Words, catalogue

MOST_KEPT = 1000  # sentences without values; the pages have some three hundred
LOCALE = Path(__file__).parent / "locale"


@lru_cache
def page_catalogue(language: str) -> NullTranslations:
    """The pages' own sentences first, then those shared with Slack: status words, causes and cures."""
    source = LOCALE / f"{language}.po"
    found = NullTranslations()
    if source.exists():
        compiled = BytesIO()
        with source.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        found = GNUTranslations(compiled)
    found.add_fallback(catalogue(language))
    return found


class Phrases:
    """Sentences as HTML: the sentence and every value that is not markup already are escaped."""

    def __init__(self, language: str) -> None:
        self.words = Words(language)
        self._catalogue = page_catalogue(language)
        self._as_they_are = lru_cache(MOST_KEPT)(self._filled)
        self._counted = lru_cache(MOST_KEPT)(self._in_number)

    def say(self, sentence: str, **values: object) -> Markup:
        """Translate, then fill in."""
        return self._filled(sentence, **values) if values else self._as_they_are(sentence)

    def _filled(self, sentence: str, **values: object) -> Markup:
        return Markup(escape(self._catalogue.gettext(sentence) if sentence else "")).format(**values)  # noqa: S704

    def many(self, one: str, other: str, count: int, **values: object) -> Markup:
        """As `say`, in the form that fits `count`; {n} is the count with the language's separators."""
        return self._in_number(one, other, count, **values) if values else self._counted(one, other, count)

    def _in_number(self, one: str, other: str, count: int, **values: object) -> Markup:
        found = self._catalogue.ngettext(one, other, count)
        return Markup(escape(found)).format(n=self.words.number(count), **values)  # noqa: S704

    def foreign(self, sentence: str) -> Markup:
        """Translate a sentence that was written elsewhere, such as a cause. Braces in it mean nothing."""
        return escape(self._catalogue.gettext(sentence)) if sentence else Markup("")
