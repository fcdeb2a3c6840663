"""The body of an answer, unfolded no further than we are willing to hold: a compressed bomb costs its sender more than us."""

import zlib

import httpx2

from bot.words.errors import TryLater

_FORMS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class TooLarge(TryLater):
    """The answer is larger than we are willing to hold: ask for less."""


async def body_of(response: httpx2.Response, limit: int) -> bytes:
    """Raises TryLater where it is folded in a way we did not ask for, cut off, or larger than `limit`."""
    unfold = _unfolding(response.headers.get("content-encoding", ""))
    parts, held = list[bytes](), 0
    arrived = False
    async for part in response.aiter_raw():
        arrived = arrived or bool(part)
        # One byte more than allowed tells that there is more; nothing beyond that is ever unfolded.
        parts.append(unfold.decompress(part, limit + 1 - held) if unfold else part)
        held += len(parts[-1])
        if held > limit:
            raise TooLarge(f"the answer is larger than {limit >> 20} MiB", unclear=True)
    if unfold and arrived and not unfold.eof:
        raise TryLater("the answer was cut off", unclear=True)
    return b"".join(parts)


class _Unfold:
    def __init__(self, form: int) -> None:
        self._inner = zlib.decompressobj(form)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def decompress(self, part: bytes, most: int) -> bytes:
        try:
            return self._inner.decompress(part, most)
        except zlib.error:
            raise TryLater("the answer cannot be unfolded", unclear=True) from None


def _unfolding(encoding: str) -> _Unfold | None:
    """What lies behind several foldings, or in one we have no measure for, stays folded."""
    named = encoding.strip().lower()
    if named in {"", "identity"}:
        return None
    if named not in _FORMS:
        raise TryLater("the answer is compressed in a way that was not asked for", unclear=True)
    return _Unfold(_FORMS[named])
