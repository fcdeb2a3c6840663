"""What is read and noted around a refresh: the tokens, the intent before the request, its end; of many logins at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.memory import Memory, SealBroken
from bot.words.connection import Cause, Grant, TokenSet
from bot.words.errors import AuthorizationLost
from bot.words.interfaces import Clock
from bot.work.together import Together

KNOWN_LOST = Cause(
    "known_lost",
    "The login stopped working earlier, and nobody has logged in again since.",
    "Log in again.",
)
KEY_LOST = Cause(
    "key_lost",
    "The stored login cannot be opened: the key it was sealed with is missing, or the row was changed.",
    "Put the old key back into secrets.keys, or log in again.",
)


@dataclass(frozen=True)
class Held:
    grant: Grant
    tokens: TokenSet


class Intents:
    """`held`: a grant and its tokens as they are now; raises AuthorizationLost where there are none that could be used."""

    def __init__(self, memory: Memory, now: Clock) -> None:
        self._memory = memory
        self._now = now
        self.held = Together(self._held)
        self._begun = Together(self._begin)
        self._ended = Together(self._end)

    async def begin(self, grant: Grant, *, anew: bool) -> bool:
        """Committed before the request. False: the generation moved, or another intent stands. `anew` gives that one up."""
        return await self._begun((grant, anew))

    async def end(self, grant: Grant) -> None:
        """The request definitely changed nothing."""
        await self._ended(grant)

    async def put_back(self, grant: Grant) -> None:
        """The retry definitely changed nothing, but the request before it may have: its intent stands again, as it did."""
        assert grant.refresh_started_at is not None
        async with self._memory.begin() as tx:
            await tx.grants.end_refreshes([grant])
            await tx.grants.begin_refreshes([grant], grant.refresh_started_at)

    async def _held(self, grant_ids: Sequence[str]) -> list[Held | Exception]:
        async with self._memory.read() as tx:
            found = await tx.grants.opened(list(dict.fromkeys(grant_ids)))
        return [_usable(*found.get(each, (None, None))) for each in grant_ids]

    async def _begin(self, some: Sequence[tuple[Grant, bool]]) -> list[bool | Exception]:
        async with self._memory.begin() as tx:
            if given_up := [grant for grant, anew in some if anew]:
                await tx.grants.end_refreshes(given_up)
            begun = await tx.grants.begin_refreshes([grant for grant, _ in some], self._now())
        return [grant.id in begun for grant, _ in some]

    async def _end(self, some: Sequence[Grant]) -> list[Exception | None]:
        async with self._memory.begin() as tx:
            await tx.grants.end_refreshes(some)
        return [None] * len(some)


def _usable(grant: Grant | None, tokens: TokenSet | SealBroken | None) -> Held | AuthorizationLost:
    if isinstance(tokens, SealBroken):
        lost = AuthorizationLost(KEY_LOST)
        lost.__cause__ = tokens
        return lost
    if grant is None or tokens is None or grant.lost_at is not None:
        return AuthorizationLost(KNOWN_LOST)
    return Held(grant, tokens)
