"""Meta's Graph API as we use it: reading objects, edges page by page, and writing. Tokens stay out of every address."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

from bot.words.connection import Json
from bot.words.errors import TryLater
from bot.words.interfaces import Fetch
from platforms._answers import expected, text
from platforms._meta_ads_errors import TooMuch

_SMALLEST_PAGE = 5
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class Graph:
    """One version of the API over one authorized fetch. Values that are no text go out as JSON.

    `fetch` sends the token in the Authorization header, as Meta's own examples for Graph do
    (https://developers.facebook.com/docs/whatsapp/cloud-api/get-started), and not as the parameter `access_token`:
    addresses end up in logs everywhere.
    """

    def __init__(self, fetch: Fetch, version: str) -> None:
        self._fetch = fetch
        self._version = version

    async def get(self, path: str, **params: Any) -> Json:
        answer = await self._fetch("GET", f"/{self._version}/{path}", params=_encoded(params))
        return _object(answer.json())

    async def post(self, path: str, **params: Any) -> Json:
        content = urlencode(_encoded(params)).encode()
        answer = await self._fetch("POST", f"/{self._version}/{path}", content=content, headers=_FORM)
        return _object(answer.json())

    async def pages(self, path: str, *, shrink: bool = True, **params: Any) -> AsyncIterator[list[Json]]:
        """An edge, page by page. What is too much for Meta is asked for in smaller pages, unless `shrink` is false.

        `paging.next` is only looked at: that address has the token in it, and whoever could change it could lead us
        anywhere. Its cursor is enough.
        """
        seen: set[str] = set()
        while True:
            try:
                said = await self.get(path, **params)
            except TooMuch:
                smaller = int(params.get("limit", "0")) // 2
                if not shrink or smaller < _SMALLEST_PAGE:
                    raise
                params["limit"] = str(smaller)
                continue
            with expected("Meta's list"):
                rows = [_object(row) for row in said["data"]]
                paging = said.get("paging") or {}
                after = text(paging["cursors"]["after"]) if paging.get("next") else ""
            yield rows
            if not after:
                return
            if after in seen:
                raise TryLater("Meta's pages lead round in a circle")
            seen.add(after)
            params["after"] = after


def _encoded(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise TryLater("Meta's answer did not have the expected shape")
    return value
