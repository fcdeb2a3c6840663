"""Reading what a platform answered: every shape we did not expect is garbage, and garbage is never a verdict."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from bot.words.errors import TryLater

Item = TypeVar("Item")


@contextmanager
def expected(what: str) -> Iterator[None]:
    """Read an answer's inside; a wrong shape becomes TryLater."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise TryLater(f"{what} did not have the expected shape") from error


def text(value: object) -> str:
    """A string that says something."""
    if not isinstance(value, str) or not value:
        raise TypeError("expected a text")
    return value


def digits(value: object) -> str:
    """An id made of digits: it goes into addresses and queries."""
    found = str(value)
    if not (found.isascii() and found.isdigit()):
        raise ValueError("expected a number")
    return found


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
