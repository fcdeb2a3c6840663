"""A moment in one of Slack's date formats, as the reader's own Slack writes it: in English or in French.

https://docs.slack.dev/messaging/formatting-message-text#date-formatting
"""

import re
from datetime import datetime, timedelta, tzinfo

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
SHORT = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")


def told(at: datetime, form: str, zone: tzinfo | None, now: datetime, *, french: bool = False) -> str:
    local, today = at.astimezone(zone), now.astimezone(zone)
    shapes = _in_french(local) if french else _in_english(local)
    near = _near((today.date() - local.date()).days, french=french)
    pretty = {f"{name}_pretty": near or shapes[name] for name in ("date_long", "date_short", "date")}
    fixed = {"date_num": f"{local:%Y-%m-%d}", "ago": _ago(now - at, french=french)}
    shapes |= pretty | fixed
    return re.sub(r"\{(\w+)\}", lambda m: shapes.get(m.group(1), m.group(0)), form)


def _in_english(local: datetime) -> dict[str, str]:
    hour, half = local.hour % 12 or 12, f"{local:%p}"
    return {
        "date_slash": f"{local:%m/%d/%Y}",
        "date_long": f"{local:%A, %B} {local.day}, {local.year}",
        "date_short": f"{local:%b} {local.day}, {local.year}",
        "date": f"{local:%B} {local.day}, {local.year}",
        "time_secs": f"{hour}:{local:%M:%S} {half}",
        "time": f"{hour}:{local:%M} {half}",
    }


def _in_french(local: datetime) -> dict[str, str]:
    date = f"{local.day} {MONTHS[local.month - 1]} {local.year}"
    return {
        "date_slash": f"{local:%d/%m/%Y}",
        "date_long": f"{DAYS[local.weekday()]} {date}",
        "date_short": f"{local.day} {SHORT[local.month - 1]} {local.year}",
        "date": date,
        "time_secs": f"{local:%H:%M:%S}",
        "time": f"{local:%H:%M}",
    }


def _near(days: int, *, french: bool) -> str:
    words = (
        {0: "aujourd\N{RIGHT SINGLE QUOTATION MARK}hui", 1: "hier", -1: "demain"}
        if french
        else {0: "today", 1: "yesterday", -1: "tomorrow"}
    )
    return words.get(days, "")


def _ago(since: timedelta, *, french: bool) -> str:
    seconds = since.total_seconds()
    names = ("jour", "heure", "minute") if french else ("day", "hour", "minute")
    for name, length in zip(names, (86400, 3600, 60), strict=True):
        if abs(seconds) >= length:
            count = int(abs(seconds) // length)
            words = f"{count} {name}{'s' if count > 1 else ''}"
            if french:
                return f"il y a {words}" if seconds > 0 else f"dans {words}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "à l\N{RIGHT SINGLE QUOTATION MARK}instant" if french else "just now"
