"""Our two languages: nothing is said that has no French, and numbers look as their readers write them."""

import ast
import re
import string
from collections.abc import Sequence
from datetime import date, timedelta

from babel.messages.pofile import read_po
from sentences import ROOT, causes, reasons, said, trees

import handlers.words
from bot.reauthorize.reauthorize import in_words
from bot.words.connection import Status
from handlers.words import Words, catalogue
from platforms._dynamics_365_errors import key_not_active
from platforms._meta_ads_creatives import BY_HAND

ENGLISH = {"the", "it", "this", "that", "is", "was", "of", "and", "with", "be", "no", "not"}  # none of them is French


def test_every_sentence_we_say_has_its_french() -> None:
    french = catalogue("fr")
    missing = [s[0] for s in said() if len(s) == 1 and not _translated(s[0])]
    missing += [s[0] for s in said() if len(s) == 2 and french.ngettext(s[0], s[1], 2) == s[1]]
    assert sorted(set(missing)) == []


def test_every_cause_and_cure_has_its_french() -> None:
    assert sorted({c for c in causes() if not _translated(c)}) == []


def test_every_reason_has_its_french() -> None:
    words = Words("fr")
    assert sorted({reason for reason in reasons() if words.look_up(reason) == reason}) == []
    half = {reason for reason in reasons() if ENGLISH & set(re.findall(r"\w+", words.look_up(reason)))}
    assert sorted(half) == []


def test_a_reason_is_told_in_french_with_what_was_filled_in_as_it_is() -> None:
    told = Words("fr").look_up
    assert told("Google's token endpoint answered HTTP 503 (a) (b)") == (
        "le serveur de jetons de Google a répondu HTTP 503 (a) (b)"
    )
    assert told("Meta's cost report did not have the expected shape") == "réponse inattendue (rapport de coût de Meta)"
    assert told("the push pauses at {0}, which the CRM refused: {x}") == (
        "l\u2019envoi s\u2019arrête à {0}, que le CRM a refusé\xa0: {x}"
    )
    assert (
        told("Google refused the request (Accounts): Accounts") == "Google a refusé la requête (Accounts)\xa0: Accounts"
    )
    assert told("salesforce has no field Wrong__c, or this user may not see it.") == (
        "salesforce n\u2019a pas de champ Wrong__c, ou cet utilisateur ne peut pas le voir."
    )
    by_hand = told(BY_HAND.format("utm_source=x"))
    assert by_hand.endswith("`redkey tagging preview`\xa0: utm_source=x")
    nested = told(f"Making this ad anew would lose its template_url. {BY_HAND.format('utm_source=x')}")
    assert nested == f"Refaire cette annonce lui ferait perdre template_url. {by_hand}"
    assert told("something nobody has translated") == "something nobody has translated"
    assert Words("en").look_up("Meta gave no file") == "Meta gave no file"


def test_a_cause_and_its_cure_in_one_are_told_in_french_and_a_vendors_sentences_as_they_are() -> None:
    told, failed = Words("fr").look_up, key_not_active("Pending")
    cause = failed.cause
    both = f"{cause.words} {cause.cure}"
    french = f"{told(cause.words)} {told(cause.cure)}"
    assert told(in_words(failed)) == f"{french} (key_Pending)"
    assert told(f"contacts takes nothing: {both}") == f"contacts ne prend rien\xa0: {french}"
    for vendors in (f"{cause.words} Try again.", "No. Not now.", "INVALID: Accounts", f"INVALID: {both}"):
        assert told(vendors) == vendors


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


def test_durations_are_short_and_a_number_stays_with_its_unit() -> None:
    words = Words("fr")
    told = {45: "45_s", 720: "12_min", 12_000: "3_h 20_min", 183_600: "2_j 3_h", 3600: "1_h"}
    for seconds, text in told.items():
        assert words.duration(timedelta(seconds=seconds)) == text.replace("_", "\u00a0")


def test_the_first_of_a_month_is_the_first_in_french() -> None:
    told = [Words(language).day(date(2026, 11, 1)) for language in ("en", "fr")]
    assert told == ["1 Nov 2026", "1er nov. 2026"]
    assert Words("fr").day(date(2026, 11, 11)) == "11 nov. 2026"


def test_money_is_written_as_its_readers_write_it() -> None:
    assert Words("en").money(4_100_250_000, "EUR") == "€4,100.25"
    assert Words("fr").money(4_100_250_000, "EUR") == "4\u202f100,25\xa0€"
    assert Words("en").money(7_180_000, "AED") == "AED\xa07.18"
    assert Words("en").money(1_000_000, "<!channel>") == "1.00"


def test_a_translation_fills_in_what_its_sentence_fills_in() -> None:
    """Else the French message would fail where the English one works."""
    for key, french in catalogue("fr")._catalog.items():
        english = key[0] if isinstance(key, tuple) else key
        if english:
            assert fields(french) == fields(english), english


def test_french_is_set_as_the_french_set_it() -> None:
    """A colon never begins a line, and an apostrophe is one. What stands between ` is typed as it stands there."""
    for path in ("handlers/locale/fr.po", "handlers/locale/fr_reasons.po", "handlers/web/locale/fr.po"):
        with (ROOT / path).open("rb") as file:
            told = [text for m in read_po(file, locale="fr") if m.id for text in _forms(m.string)]
        wrong = [text for text in told if re.search(r" [;:?!»]|« |\w'\w", re.sub("`.*?`", "", text))]
        assert (wrong, len(told) > 100) == ([], True)


def _forms(french: object) -> Sequence[str]:
    return [french] if isinstance(french, str) else list(french)  # type: ignore[call-overload]


def test_no_translation_is_left_over() -> None:
    """Every English sentence in the catalogue is still written somewhere in the source."""
    folders = ("handlers", "platforms", "bot")
    nodes = [node for _, tree in trees(*folders) for node in ast.walk(tree)]
    written = {node.value for node in nodes if isinstance(node, ast.Constant)} | set(causes())
    keys = {key[0] if isinstance(key, tuple) else key for key in catalogue("fr")._catalog} - {""}
    assert sorted(keys - written) == []
    every = "\n".join([*reasons(), *(each for each in written if isinstance(each, str))])
    patterns = [english for english, _ in handlers.words.reasons("fr")]
    assert [english.pattern for english in patterns if not english.search(every)] == []


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
