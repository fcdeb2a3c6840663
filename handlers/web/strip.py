"""Ninety days of a connection at a glance: one small picture, drawn here, with its meaning in words beside it."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby

from markupsafe import Markup, escape

from bot.memory.history import tones_of
from bot.people.showing import STRIP_DAYS, Shown


def days_of(shown: Shown, today: date) -> list[str]:
    """One tone a day, oldest first: red where the login was lost, amber where it was catching up, none before its time."""
    return tones_of(shown.connection.created_at, shown.downs, today, STRIP_DAYS)


def picture(tones: Iterable[str], label: str) -> Markup:
    """Neighbouring days of one tone are one dashed stroke: some hundred bytes instead of ninety elements.

    Tones and numbers are our own, so that only the label is escaped: with escaping, the strips took half the time of the page.
    """
    strokes = "".join(f'<path class="day {tone}" d="M{start} 6h{length}"/>' for tone, start, length in runs(tones))
    return Markup(  # noqa: S704
        f'<svg class="strip" viewBox="0 0 {STRIP_DAYS} 12" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{strokes}</svg>'
    )


def runs(tones: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    start = 0
    for tone, same in groupby(tones):
        length = len(list(same))
        yield tone, start, length
        start += length
