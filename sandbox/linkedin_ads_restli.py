"""Reading addresses as strictly as Rest.li 2.0: structure is bare, and everything inside it is percent-encoded.

https://linkedin.github.io/rest.li/spec/protocol
"""

import re
from typing import Any
from urllib.parse import unquote

_ATOM = re.compile(r"(?:[A-Za-z0-9_.~!*$+@;/?=-]|%[0-9A-Fa-f]{2})+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class BadSyntax(Exception):
    """The text is not what Rest.li writes."""


def read_query(raw: str) -> dict[str, Any]:
    """Texts, lists and maps by parameter. `fields` is a list without `List`. Raises BadSyntax with the parameter's name."""
    found: dict[str, Any] = {}
    for pair in raw.split("&") if raw else ():
        name, _, value = pair.partition("=")
        if name in found:
            raise BadSyntax(name)
        try:
            found[name] = [read(each) for each in value.split(",")] if name == "fields" else read(value)
        except BadSyntax:
            raise BadSyntax(name) from None
    return found


def is_plain(name: str) -> bool:
    """Whether a parameter's name is one: dateRange.start.day and accounts[0] are Rest.li 1.0."""
    return _NAME.fullmatch(name) is not None


def read(text: str) -> Any:
    value, rest = _value(text)
    if rest:
        raise BadSyntax(text)
    return value


def _value(text: str) -> tuple[Any, str]:
    if text.startswith("List("):
        return _list(text.removeprefix("List("))
    if text.startswith("("):
        return _map(text.removeprefix("("))
    return _atom(text)


def _list(text: str) -> tuple[list[Any], str]:
    found: list[Any] = []
    if text.startswith(")"):
        return found, text[1:]
    while True:
        value, text = _value(text)
        found.append(value)
        if text.startswith(")"):
            return found, text[1:]
        text = _after(text, ",")


def _map(text: str) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}
    if text.startswith(")"):
        return found, text[1:]
    while True:
        key, text = _atom(text)
        found[key], text = _value(_after(text, ":"))
        if text.startswith(")"):
            return found, text[1:]
        text = _after(text, ",")


def _atom(text: str) -> tuple[str, str]:
    if text.startswith("''"):
        return "", text[2:]
    match = _ATOM.match(text)
    if match is None:
        raise BadSyntax(text)
    try:
        return unquote(match[0], errors="strict"), text[match.end() :]
    except UnicodeDecodeError:
        raise BadSyntax(text) from None


def _after(text: str, sign: str) -> str:
    if not text.startswith(sign):
        raise BadSyntax(text)
    return text[1:]
