"""LinkedIn's way of speaking REST: how values stand in an address, the headers of every call, lists page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.json import Decoder

from bot.words.connection import Json
from bot.words.errors import TryLater
from bot.words.interfaces import Answer, Fetch
from bot.work.courtesy import giving_way
from platforms._answers import digits, expected, text

Value: TypeAlias = "str | int | Sequence[Value] | Mapping[str, Value]"

# https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/query-tunneling: 4 KB, or the answer is 414.
_LONGEST_QUERY = 4_000
_PROTOCOL = "2.0.0"
_FORM = "application/x-www-form-urlencoded"
_ROLES_A_PAGE = 500


class Plain(str):
    """Stands in the address as it is: the commas of `fields` separate, they are no part of a value."""

    __slots__ = ()


def encoded(value: Value) -> str:
    """Write a value as Rest.li 2.0 has it in addresses: (key:value,…) and List(…) bare, everything inside encoded.

    https://linkedin.github.io/rest.li/spec/protocol
    """
    match value:
        case Plain():
            return str(value)
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value, safe="") or "''"
        case int():
            return str(value)
        case Mapping():
            return "(" + ",".join(f"{encoded(key)}:{encoded(inner)}" for key, inner in value.items()) + ")"
        case _:
            return "List(" + ",".join(encoded(inner) for inner in value) + ")"


def urn(kind: str, number: str) -> str:
    return f"urn:li:{kind}:{digits(number)}"


def id_of(value: object) -> str:
    """The number of an object; LinkedIn writes it alone, as a number or as text, or at the end of a URN."""
    return digits(str(value).rpartition(":")[2])


class Restli:
    """The versioned API over one authorized fetch."""

    def __init__(self, fetch: Fetch, version: str) -> None:
        self._fetch = fetch
        self._headers = {"linkedin-version": version, "x-restli-protocol-version": _PROTOCOL}

    async def get(self, path: str, **params: Value) -> Answer:
        """As `find`, with the parameters by name."""
        return await self.find(path, params)

    async def find(self, path: str, params: Mapping[str, Value], *, accept: Sequence[int] = ()) -> Answer:
        """Read. What is too long for an address goes as a POST that says it is a GET."""
        query = "&".join(f"{name}={encoded(value)}" for name, value in params.items())
        headers = self._headers | ({"x-restli-method": "FINDER"} if "q" in params else {})
        if len(query) <= _LONGEST_QUERY:
            url = f"/rest{path}?{query}" if query else f"/rest{path}"
            return await self._fetch("GET", url, headers=headers, accept=accept)
        headers |= {"x-http-method-override": "GET", "content-type": _FORM}
        return await self._fetch("POST", f"/rest{path}", content=query.encode(), headers=headers, accept=accept)

    async def put(self, path: str, body: Json) -> None:
        await self._fetch("PUT", f"/rest{path}", json=body, headers=self._headers)

    async def delete(self, path: str) -> None:
        """Delete; what is not there any more is gone as well."""
        await self._fetch("DELETE", f"/rest{path}", headers=self._headers, accept=(404,))

    async def pages(self, path: str, size: int, **params: Value) -> AsyncIterator[list[Json]]:
        """A list, page by page: https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/cursor-based-pagination."""
        seen: set[str] = set()
        while True:
            answer = await self.get(path, **params, pageSize=size)
            with expected("LinkedIn's list"):
                said = answer.json()
                rows = elements_of(said)
                token = (said.get("metadata") or {}).get("nextPageToken") or ""
                following = text(token) if token else ""
            yield rows
            if not following:
                return
            if following in seen:
                raise TryLater("LinkedIn's pages lead round in a circle")
            seen.add(following)
            params["pageToken"] = following

    async def roles(self) -> dict[str, str]:
        """The role of whoever logged in, by ad account. An account that is not in it cannot be reached."""
        found: dict[str, str] = {}
        start = 0
        while True:
            answer = await self.get("/adAccountUsers", q="authenticatedUser", start=start, count=_ROLES_A_PAGE)
            with expected("LinkedIn's list of roles"):
                said = answer.json()
                users = elements_of(said)
                found |= {id_of(user["account"]): text(user["role"]) for user in users}
                total = int((said.get("paging") or {}).get("total") or 0)
            start += len(users)
            if not users or start >= total:
                return found


class _Listed(Struct):
    elements: list[Raw]


_LISTED, _ELEMENT = Decoder(_Listed), Decoder(dict[str, Any])


def elements_in(body: bytes) -> list[Json]:
    """The rows of a list that may be large, one at a time: decoding lets no other thread run until it has ended. Raises what
    `expected` takes for garbage.
    """
    return [_ELEMENT.decode(row) for row in giving_way(_LISTED.decode(body).elements)]


def elements_of(said: Any) -> list[Json]:
    """The rows of a list. Raises what `expected` takes for garbage."""
    rows = said["elements"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("expected a list of objects")
    return rows
