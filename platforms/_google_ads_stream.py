"""Google's streamed answers, read one row at a time: megabytes decoded at one go hold up whoever clicks meanwhile.

Decoding JSON never lets another thread run until it has ended, so a thread of its own is not enough. Where each row begins
and ends is found at one go all the same: that is quick, and makes nothing.
"""

from collections.abc import Iterator
from typing import TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from bot.words.errors import TryLater
from bot.work.courtesy import giving_way

Row = TypeVar("Row")


class _Part(Struct):
    results: list[Raw] = []
    error: Raw = Raw()


_PARTS = Decoder(list[_Part])


def rows_of(body: bytes, kind: type[Row]) -> Iterator[Row]:
    """The rows of every part. Raises ValueError for what is no stream of Google's, TryLater for one that broke off."""
    decoded = Decoder(kind, strict=False).decode  # int64 comes as text, and is read as the number it is
    for part in _PARTS.decode(body):
        yield from map(decoded, giving_way(part.results))
        if part.error:
            # The stream broke in its middle, after it began with 200. The next try meets the error by itself.
            raise TryLater("Google ended its answer with an error")
