"""A person visiting Redkey's own pages, played by code: what a browser would send, over real HTTP, cookies kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import httpx2

from sandbox.person import consent


@dataclass(frozen=True)
class Page:
    """What the visitor sees at the end."""

    status: int
    url: str
    html: str


class _Forms(HTMLParser):
    """The page's forms, with their fields as a browser would send them untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and (found.get("method") or "").lower() == "post":
            self.forms.append((found.get("action") or "", []))
        if tag in ("input", "button") and self.forms and found.get("name"):
            unticked = found.get("type") in ("checkbox", "radio") and "checked" not in found
            if not unticked and "disabled" not in found:
                self.forms[-1][1].append((found["name"] or "", found.get("value") or ""))


class Visitor:
    """One browser. Each has cookies of its own, so two visitors are two people."""

    def __init__(self) -> None:
        self.client = httpx2.AsyncClient(timeout=30, verify=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def to_consent(self, url: str) -> str:
        """Open a start or connect page and press its button: the platform's address the browser is sent to."""
        page = await self.client.get(url)
        action, fields = _first_form(page)
        answer = await self._send(urljoin(str(page.url), action), fields)
        if answer.status_code != 303:
            raise AssertionError(f"{url} answered {answer.status_code} where it should lead to the platform")
        return answer.headers["location"]

    async def log_in(self, url: str, email: str, *, allow: bool = True) -> Page:
        """The whole way: start page, consent page, back to Redkey."""
        back = await consent(self.client, await self.to_consent(url), email, allow=allow)
        return await self.open(back)

    async def connect(self, url: str, email: str, accounts: Sequence[str] | None = None) -> Page:
        """Connect a new login and choose accounts, all of them unless some are named."""
        page = await self.log_in(url, email)
        action, fields = _form_of(page)
        if accounts is not None:
            fields = [(name, value) for name, value in fields if name != "account" or value in accounts]
        answer = await self._send(urljoin(page.url, action), fields)
        return Page(answer.status_code, str(answer.url), answer.text)

    async def open(self, url: str) -> Page:
        answer = await self.client.get(url)
        return Page(answer.status_code, str(answer.url), answer.text)

    async def _send(self, url: str, fields: Sequence[tuple[str, str]]) -> httpx2.Response:
        data: dict[str, list[str]] = {}
        for name, value in fields:
            data.setdefault(name, []).append(value)
        origin = "/".join(url.split("/")[:3])
        return await self.client.post(url, data=data, headers={"origin": origin}, follow_redirects=False)


def _first_form(page: httpx2.Response) -> tuple[str, list[tuple[str, str]]]:
    return _form_of(Page(page.status_code, str(page.url), page.text))


def _form_of(page: Page) -> tuple[str, list[tuple[str, str]]]:
    parser = _Forms()
    parser.feed(page.html)
    if not parser.forms:
        raise AssertionError(f"{page.url} answered {page.status} and offers no form")
    return parser.forms[0]
