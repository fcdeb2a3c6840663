"""Files that Microsoft has prepared: one CSV in a ZIP. Whatever is in them, reading them ends."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from bot.words.errors import TryLater
from bot.work.courtesy import giving_way
from platforms._unfolding import TooLarge


@contextmanager
def _readable() -> Iterator[None]:
    """Everything a broken file can raise is the platform's trouble: TryLater."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        csv.Error,
        ValueError,  # what is not UTF-8 among them
        EOFError,
        OSError,
        RuntimeError,  # an encrypted member; NotImplementedError: an odd compression
    ) as error:
        raise TryLater("a file from Microsoft could not be read") from error


class _Capped(io.RawIOBase):
    """The unpacked bytes, up to a limit: what a ZIP says about its size need not be true."""

    def __init__(self, inner: IO[bytes], limit: int) -> None:
        self._inner = inner
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        part = self._inner.read(len(buffer))
        self._left -= len(part)
        if self._left < 0:
            raise TooLarge("a file from Microsoft unfolds to more than we are willing to read")
        buffer[: len(part)] = part
        return len(part)


def rows_of(body: bytes, columns: Sequence[str], *, exactly: bool, limit: int) -> Iterator[dict[str, str]]:
    """The rows by column. `exactly`: the file has these columns in this order; else these and perhaps others. `limit`:
    how many bytes it may unfold to.

    Raises TryLater for a file that is not what was asked for, TooLarge for one that has no end.
    """
    with _readable(), zipfile.ZipFile(io.BytesIO(body)) as archive:
        (member,) = archive.infolist()
        if member.file_size > limit:
            raise TooLarge("a file from Microsoft unfolds to more than we are willing to read")
        with archive.open(member) as packed:
            raw = io.BufferedReader(_Capped(packed, limit))
            lines = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""), strict=True)
            header = next(lines, [])
            places = _places(header, columns, exactly=exactly)
            for line in giving_way(lines):
                if not line:
                    continue
                if len(line) != len(header):
                    raise ValueError("a row has more or fewer fields than the header")
                yield {name: line[place] for name, place in places.items()}


def _places(header: Sequence[str], columns: Sequence[str], *, exactly: bool) -> dict[str, int]:
    if (exactly and list(header) != list(columns)) or len(set(header)) != len(header):
        raise ValueError("expected other columns")
    return {name: header.index(name) for name in columns}
