"""Slack's markup, and the walls around it: a platform's text can become no link, no mention and no formatting.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
import unicodedata
from datetime import datetime
from typing import Literal

from handlers.words import Words

WINDOW = 8  # times the limit: what lies beyond is never shown, so a name of 10 MB costs nothing
JOINER = "\u2060"  # word joiner: zero width, no line break, and no part of any address
MARKS_IN_A_ROW = 6  # letters carry fewer; hostile names pile up hundreds
JOINED = {"So", "Sk", "Mn", "Mc", "Lo"}  # what emoji sequences and Persian or Indic words join
# Letters and marks that show nothing at all (Default_Ignorable_Code_Point), good only for deceiving.
INVISIBLE = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0")
# The formatting signs as their twins: they look alike, and no client formats with them.
TWINS = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
DIVIDES = "\u2223"  # the twin of |
LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # one inside a word formats nothing and is left alone
RIGHT_TO_LEFT = {"R", "AL"}
APART = "\u2068{}\u2069"  # else the number that follows an Arabic or Hebrew name would change its side
LINKING = re.compile(r"(?<=[:@])(?=\S)|(?<=[.\u3002\uff0e\uff61])(?=[^\W\d_])|(?<=/)(?=/)")
LEADING = re.compile(r"^[>\s]+")  # a quotation
ADDRESS = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.+-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
USER = re.compile(r"[UW][A-Z0-9]{5,20}")
GROUP = re.compile(r"S[A-Z0-9]{5,20}")


def plain(text: str, limit: int = 80) -> str:
    """Harmless inside mrkdwn. `limit` counts what is sent, entities included; cut between whole characters."""
    return _fitted(text, limit, {"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def bare(text: str, limit: int = 75) -> str:
    """Harmless inside plain_text, where clients differ on whether entities are read."""
    return _fitted(text, limit, {"<": "\u2039", ">": "\u203a"})


def _fitted(text: str, limit: int, escapes: dict[str, str]) -> str:
    window = text[: limit * WINDOW]
    shown = LEADING.sub("", _tidy(window))
    if any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in shown):
        return APART.format(_cut(shown, len(text) > len(window), limit - 2, escapes))
    return _cut(shown, len(text) > len(window), limit, escapes)


def _cut(shown: str, more: bool, limit: int, escapes: dict[str, str]) -> str:
    shown = LONE_UNDERSCORE.sub("\u02cd", shown.translate(TWINS))
    whole = ["".join(escapes.get(char, char) for char in cluster) for cluster in clusters(LINKING.sub(JOINER, shown))]
    if sum(map(len, whole)) <= limit and not more:
        return "".join(whole)
    kept, length = [], 1
    for piece in whole:
        length += len(piece)
        if length > limit:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def _tidy(text: str) -> str:
    """One line without control, bidirectional, private or invisible characters, and without towers of marks."""
    kept: list[str] = []
    marks = 0
    text = unicodedata.normalize("NFC", text)
    for index, char in enumerate(text):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind[0] == "M" else 0
        if char.isspace():
            kept.append(" ")
        elif char in "\u200c\u200d":
            if _joins(kept, text[index + 1 : index + 2]):
                kept.append(char)
        elif kind in {"Cc", "Cf", "Cs", "Co"} or char in INVISIBLE or marks > MARKS_IN_A_ROW or _unassigned(char, kind):
            continue
        else:
            kept.append(char)
    return " ".join("".join(kept).split())


def _joins(before: list[str], after: str) -> bool:
    return bool(
        before
        and after
        and unicodedata.category(before[-1]) in JOINED
        and unicodedata.category(after) in {"So", "Lo"}
        and after not in INVISIBLE
    )


def _unassigned(char: str, kind: str) -> bool:
    """Never characters, or meant to be ignored. Other unassigned ones may be emoji newer than this Python."""
    return kind == "Cn" and (char >= "\U000e0000" or "\ufdd0" <= char <= "\ufdef" or ord(char) & 0xFFFE == 0xFFFE)


def clusters(text: str) -> list[str]:
    """Split into what a reader takes for one character: letters with their marks, flags, joined emoji, Hangul."""
    found: list[str] = []
    for char in text:
        if found and _continues(found[-1], char):
            found[-1] += char
        else:
            found.append(char)
    return found


def _continues(cluster: str, char: str) -> bool:
    last = cluster[-1]
    if unicodedata.category(char)[0] == "M" or char in {JOINER, "\u200c", "\u200d"}:
        return True
    if last == "\u200d" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    if "\U0001f1e6" <= char <= "\U0001f1ff":
        return len(cluster) == 1 and "\U0001f1e6" <= last <= "\U0001f1ff"
    return "\u1100" <= last <= "\u11ff" and "\u1100" <= char <= "\u11ff"


def login_name(text: str) -> str:
    """A login as people know it. An e-mail address stays whole, so that it can be copied; `verbatim` keeps it unlinked."""
    return text if len(text) <= 100 and ADDRESS.fullmatch(text) else plain(text)


def link(url: str, label: str) -> str:
    """A link to one of our own pages. The label is markup already; a | would end it early."""
    address = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{address}|{label.replace('|', DIVIDES)}>"


def mention(who: str) -> str:
    """A Slack user or user group; anything else, such as a name from the command line, stays text."""
    if USER.fullmatch(who):
        return f"<@{who}>"
    if GROUP.fullmatch(who):
        return f"<!subteam^{who}>"
    return plain(who)


def moment(words: Words, at: datetime, form: Literal["full", "day"] = "full") -> str:
    """A moment in each reader's own zone: https://docs.slack.dev/messaging/formatting-message-text#date-formatting"""
    shape = words.say("{{date_short_pretty}} at {{time}}") if form == "full" else "{date_short_pretty}"
    return f"<!date^{int(at.timestamp())}^{shape}|{words.stamp(at)}>"
