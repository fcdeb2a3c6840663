"""Daily cost as a picture: drawn here, without a script, and with the days an outage lay over marked in it."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from bot.people.showing import CostDay

HEIGHT = 120  # of the tallest bar, in the picture's own units
STEP = 12  # from one bar to the next
WIDE = 9


def chart(days: Sequence[CostDay], label: str, told: Callable[[CostDay], str]) -> Markup:
    """`told`: what one day says to a pointer that rests on it."""
    tallest = max((day.micros or 0 for day in days), default=0) or 1
    bars = Markup("").join(_bar(n * STEP, day, tallest, told(day)) for n, day in enumerate(days))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}'
        '<path class="floor" d="M0 {}H{}"/></svg>'
    ).format(len(days) * STEP, HEIGHT + 8, label, bars, HEIGHT + 1, len(days) * STEP)


def _bar(x: int, day: CostDay, tallest: int, told: str) -> Markup:
    """A recovered day is green and striped below, one that is missing a red frame: shape tells it, not only colour. Of one
    that is late, what came before the outage stands in its frame.
    """
    shape, recovered = Markup(""), day.missed and not day.late
    if day.missed and (day.late or day.micros is None):
        shape += Markup('<rect class="bar gone" x="{}" y="8" width="{}" height="{}"/>').format(x + 1, WIDE, HEIGHT - 8)
    if day.micros is None:
        return _named(shape, told)
    height = max(round(day.micros * (HEIGHT - 8) / tallest), 1)
    kind = "recovered" if recovered else "usual"
    bar = Markup('<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"/>')
    shape += bar.format(kind, x + 1, HEIGHT - height, WIDE, height)
    if recovered:
        shape += Markup('<rect class="bar under" x="{}" y="{}" width="{}" height="4"/>').format(x + 1, HEIGHT + 3, WIDE)
    return _named(shape, told)


def _named(shape: Markup, told: str) -> Markup:
    return Markup("<g><title>{}</title>{}</g>").format(told, shape) if shape else shape
