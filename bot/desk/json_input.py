"""JSON from strangers: read strictly, so that nothing in it is dropped, rounded or doubled without a word."""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST_INTEGER = 18  # digits; what every database and CRM can hold exactly


class JsonProblem(ValueError):
    """The text is no JSON we can take; the message says where and why."""


@dataclass(frozen=True)
class Wrong:
    """Stands where a value was that cannot be kept exactly, so that the item it belongs to can be named."""

    what: str


class Doubled(dict[str, Any]):
    """An object that has a key twice; the first such key is kept to be named."""

    key = ""


def read_json(body: bytes) -> Any:
    """Decode one JSON text. Raises JsonProblem; values that cannot be kept come as Wrong, doubled keys as Doubled."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonProblem(f"is not UTF-8 (byte {error.start + 1})") from error
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonProblem(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise JsonProblem("is nested too deeply; a touchpoint is a flat object") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled, seen = Doubled(found), set[str]()
    for key, _ in pairs:
        if key in seen:
            doubled.key = key
            break
        seen.add(key)
    return doubled


def _integer(text: str) -> int | Wrong:
    if len(text.lstrip("-")) > LONGEST_INTEGER:
        return Wrong(f"is a number of more than {LONGEST_INTEGER} digits; send it as text")
    return int(text)


def fraction(text: str) -> float | Wrong:
    """Floats are all JSON numbers with a point are to a CRM; one that would be rounded on the way is refused."""
    if len(text) > 40:
        return Wrong("is a number with too many digits; send it as text")
    number = float(text)
    try:
        exact = Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # an exponent beyond anything
        exact = False
    return number if exact else Wrong("is a number that cannot be kept exactly; send it as text")


def _constant(name: str) -> Wrong:
    return Wrong(f"is {name}, which is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=fraction, parse_constant=_constant
)
