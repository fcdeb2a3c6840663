"""Our two languages: translated sentences, and numbers, money, dates and durations as their readers write them.

The English sentence is the key. locale/fr.po holds the French; a test fails when a sentence is missing there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, format_percent, validate_currency

from bot.words.connection import Status

LOCALE = Path(__file__).parent / "locale"
MICROS = 1_000_000


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """Read the .po file as it is, so that nothing compiled has to be kept in step with it. English needs none."""
    source = LOCALE / f"{language}.po"
    if not source.exists():
        return NullTranslations()
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache
def reasons(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Sentences with {} in them for what differs and {why} for one more reason, and their translations; the longest first,
    as it says most.
    """
    source = LOCALE / f"{language}_reasons.po"
    if not source.exists():
        return []
    with source.open("rb") as file:
        told = sorted(((str(m.id), str(m.string)) for m in read_po(file) if m.id), key=lambda each: -len(each[0]))
    return [(re.compile(_pattern(english), re.DOTALL), other) for english, other in told]


def _pattern(english: str) -> str:
    return re.escape(english).replace(r"\{\}", "(.+?)").replace(r"\{why\}", "(?P<why>.+)")


class Words:
    """Everything that is said in one language. `say` and `many` take literal sentences, so that a test can find them."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def say(self, sentence: str, **values: str) -> str:
        """Translate, then fill in. Values must be harmless already."""
        return self._catalogue.gettext(sentence).format(**values)

    def many(self, one: str, other: str, count: int, **values: str) -> str:
        """As `say`, in the form that fits `count`; {n} is the count with the language's separators."""
        return self._catalogue.ngettext(one, other, count).format(n=self.number(count), **values)

    def first(self, lines: Sequence[str], most: int) -> list[str]:
        """So many of them, then how many more there are."""
        more = len(lines) - most
        return [*lines[:most], *([self.many("and {n} more", "and {n} more", more)] if more > 0 else [])]

    def some(self, items: Sequence[str], most: int) -> str:
        """As in "A, B and 15 more", in a sentence."""
        more = len(items) - most
        rest = [self.many("{n} more", "{n} more", more)] if more > 0 else []
        return self.listing([*items[:most], *rest])

    def under(self, title: str, told: str) -> str:
        """With the colon between them as the language sets it. Values must be harmless already."""
        return self.say("{platform}: {what}", platform=title, what=told)

    def look_up(self, sentence: str, deep: int = 2) -> str:
        """Translate a sentence that was written elsewhere, such as a cause or a reason; English when there is no
        translation. What was filled in stays as it is, but for reasons, so many `deep`.
        """
        told = self._catalogue.gettext(sentence) if sentence else ""
        if told != sentence or deep < 0:
            return told
        for english, other in reasons(self.language):
            if found := english.fullmatch(sentence):
                reason = {name: self.look_up(why, deep - 1) for name, why in found.groupdict().items()}
                kept = [part for n, part in enumerate(found.groups(), 1) if n not in english.groupindex.values()]
                return other.format(*kept, **reason)
        return self._one_by_one(sentence, deep)

    def _one_by_one(self, sentences: str, deep: int) -> str:
        """A cause and its cure, say. English where only some of them are known: they are somebody else's then."""
        for end in re.finditer(r"\. (?=\S)", sentences):
            first, rest = sentences[: end.start() + 1], sentences[end.end() :]
            told, after = self._catalogue.gettext(first), ""
            if told != first and (after := self.look_up(rest, deep - 1)) != rest:
                return f"{told} {after}"
        return sentences

    def status(self, status: Status) -> str:
        return self.look_up(status.value)

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.language)

    def percent(self, fraction: float) -> str:
        """Rounded down: 100 % is said by the receipt, never by the progress."""
        return format_percent(Decimal(int(fraction * 100)) / 100, locale=self.language)

    def money(self, micros: int, currency: str) -> str:
        """Micros of a currency; one that nobody knows is written as it is, if it looks like a currency at all."""
        amount = Decimal(micros) / MICROS
        try:
            validate_currency(currency)
        except UnknownCurrencyError:
            code = f" {currency}" if currency.isascii() and currency.isalpha() and len(currency) <= 5 else ""
            return format_decimal(amount, "#,##0.00", locale=self.language) + code
        told = format_currency(amount, currency, locale=self.language)
        return re.sub(r"([A-Z]{3})(?=\d)", "\\1\u00a0", told)  # AED 7.18: a code is no sign, and stands apart

    def amounts(self, micros: Mapping[str, int]) -> str:
        """Money in several currencies, which cannot be added up."""
        return self.listing(self.money(value, currency) for currency, value in sorted(micros.items()))

    def about(self, micros: Mapping[str, int]) -> str:
        """Estimated money: three digits that mean something, and no cents where there are hundreds."""
        return self.listing(self._about(value, currency) for currency, value in sorted(micros.items()))

    def _about(self, micros: int, currency: str) -> str:
        whole = round(micros / MICROS)
        if whole < 100:
            return self.money(micros, currency)
        rounded = round(whole, 3 - len(str(whole)))
        return re.sub(r"[.,]00(?!\d)", "", self.money(rounded * MICROS, currency))

    def listing(self, items: Iterable[str]) -> str:
        return format_list(list(items), locale=self.language)

    def day(self, day: date) -> str:
        """An account day. It has no time zone, so it is the same for every reader."""
        told = format_date(day, "d MMM y", locale=self.language)
        return re.sub(r"^1 ", "1er ", told) if self.language == "fr" else told

    def stamp(self, at: datetime) -> str:
        """A moment, in UTC, for places that cannot show it in the reader's own zone."""
        at = at.astimezone(UTC)
        return f"{self.day(at.date())}, {format_time(at, 'HH:mm', locale=self.language)} UTC"

    def duration(self, length: timedelta) -> str:
        """The two largest units: "2 d 3 h", "3 h 20 min", "12 min", "45 s"; no line ends between a number and its unit."""
        seconds = max(int(length.total_seconds()), 0)
        day = self.say("d")
        units = ((86_400, day), (3600, "h"), (60, "min"), (1, "s"))
        for (size, name), (smaller, smaller_name) in pairwise(units):
            if seconds >= size:
                rest = seconds % size // smaller
                short = f"{seconds // size}\u00a0{name}"
                return f"{short} {rest}\u00a0{smaller_name}" if rest and name != "min" else short
        return f"{seconds}\u00a0s"
