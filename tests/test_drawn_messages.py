"""The pictures of the docs: a renderer that others wrote shows each message as it is meant, nothing of its markup left."""

import html
import json
import re
from pathlib import Path

from drawn_messages import drawn_messages

GOLDEN = Path(__file__).parent / "golden"
LEFT_OVER = re.compile(r".{0,40}(?:<[@!#]|<https?:|\{date|\{time|\*\w|mailto:).{0,40}")
LINK = re.compile(r"<(https?://[^|>]+)[|>]")


def parts(held: object, kind: str) -> list[str]:
    """What is written in the texts of a message: all of them (`text`), or those on its buttons (`button`)."""
    if isinstance(held, list):
        return [text for each in held for text in parts(each, kind)]
    if not isinstance(held, dict):
        return []
    if kind == "button" and held.get("type") == "button":
        return [held["text"]["text"]]
    own = [held["text"]] if kind == "text" and isinstance(held.get("text"), str) else []
    return own + [text for each in held.values() for text in parts(each, kind)]


def trouble(message: dict, page: str) -> list[str]:
    seen = html.unescape(page.split("<body>")[1])
    shown = [message["blocks"], message["attachments"]]
    meant = sorted(html.unescape(link) for text in parts(shown, "text") for link in LINK.findall(text))
    links = sorted(re.findall(r'<a href="([^"]+)"', seen))
    found = [f"no button {name}" for name in parts(shown, "button") if f"{name}</" not in seen]
    found += [f"links {links} instead of {meant}"] if links != meant else []
    return found + [f"left over: {each}" for each in LEFT_OVER.findall(seen)]


def test_every_message_is_drawn_with_its_buttons_and_links_and_nothing_of_its_markup_is_left() -> None:
    names = sorted(GOLDEN.glob("*.en.json"))
    messages = [json.loads(path.read_text(encoding="utf-8")) for path in names]
    pages = drawn_messages(messages, "en")
    wrong = {
        path.name: found
        for path, message, page in zip(names, messages, pages, strict=True)
        if (found := trouble(message, page))
    }
    assert names
    assert wrong == {}


def test_a_picture_names_people_and_groups_and_tells_dates_in_the_readers_language() -> None:
    message = json.loads((GOLDEN / "google_disconnected.fr.json").read_text(encoding="utf-8"))
    (page,) = drawn_messages([message], "fr")
    assert trouble(message, page) == []
    for shown in ("@Anna Berg", "@marketing", "23 nov. 2026 à 05:36", "border-color:#D92D20"):
        assert shown in page
