"""Ninety days of a connection at a glance: one small picture, drawn here, with its meaning in words beside it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from markupsafe import Markup

from bot.showing import STRIP_DAYS, Shown

DAY = timedelta(days=1)
RED, AMBER, GREEN, NONE = "red", "amber", "green", "none"
WORST = [RED, AMBER, GREEN, NONE]


def days_of(shown: Shown, today: date) -> list[str]:
    """One tone a day, oldest first: red where the login was lost, amber where it was catching up, none before its time."""
    first = today - (STRIP_DAYS - 1) * DAY
    created = _day(shown.connection.created_at) if shown.connection.created_at else first
    tones = [GREEN if first + n * DAY >= created else NONE for n in range(STRIP_DAYS)]
    for down in shown.downs:
        back = _day(down.reauthorized_at or down.closed_at) if down.reauthorized_at or down.closed_at else today
        over = _day(down.closed_at) if down.closed_at else today
        _paint(tones, AMBER, (back - first).days, (over - first).days)
        _paint(tones, RED, (_day(down.opened_at) - first).days, (back - first).days)
    return tones


def _paint(tones: list[str], tone: str, start: int, end: int) -> None:
    for n in range(max(start, 0), min(end, len(tones) - 1) + 1):
        tones[n] = min(tones[n], tone, key=WORST.index)


def picture(tones: Iterable[str], label: str) -> Markup:
    """Neighbouring days of one tone are one dashed stroke: some hundred bytes instead of ninety elements."""
    strokes = Markup("").join(
        Markup('<path class="day {}" d="M{} 6h{}"/>').format(tone, start, length) for tone, start, length in runs(tones)
    )
    return Markup(
        '<svg class="strip" viewBox="0 0 {} 12" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(STRIP_DAYS, label, strokes)


def runs(tones: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    start = 0
    for tone, same in groupby(tones):
        length = len(list(same))
        yield tone, start, length
        start += length


def _day(at: datetime | None) -> date:
    assert at is not None
    return at.astimezone(UTC).date()
