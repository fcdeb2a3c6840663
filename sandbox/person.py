"""A person at a browser, played by code: what someone would click on the consent pages, over real HTTP."""

from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2


class ConsentFailed(Exception):
    """The authorization server showed an error page instead of a consent page. `page` is its text."""

    def __init__(self, status: int, page: str) -> None:
        super().__init__(f"The consent page answered {status}")
        self.status = status
        self.page = page


class _Form(HTMLParser):
    """The inputs of the page's form, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.inputs: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.action = dict(attrs).get("action") or ""
        if tag == "input":
            self.inputs.append(dict(attrs))


async def consent(
    client: httpx2.AsyncClient,
    authorize_url: str,
    person_email: str = "",
    *,
    allow: bool = True,
    without_scopes: Iterable[str] = (),
) -> str:
    """Open the consent page, log in, press Allow or Deny: the address the browser would be sent to next.

    Without `person_email` the person that the page preselects logs in. Does not follow that redirect.
    Raises ConsentFailed.
    """
    page = await client.get(authorize_url, follow_redirects=False)
    if page.is_redirect:
        return urljoin(authorize_url, page.headers["location"])
    if page.status_code != 200:
        raise ConsentFailed(page.status_code, page.text)
    form = _Form()
    form.feed(page.text)
    fields = _filled(form, person_email, set(without_scopes)) | {"decision": "allow" if allow else "deny"}
    answer = await client.post(urljoin(authorize_url, form.action), data=fields, follow_redirects=False)
    if not answer.is_redirect:
        raise ConsentFailed(answer.status_code, answer.text)
    return urljoin(authorize_url, answer.headers["location"])


def _filled(form: _Form, person_email: str, unticked: set[str]) -> dict[str, str | list[str]]:
    chosen = person_email
    scopes: list[str] = []
    for each in form.inputs:
        value = each.get("value") or ""
        if each.get("name") == "person" and "checked" in each and not chosen:
            chosen = value
        if each.get("name") == "scope" and value not in unticked:
            scopes.append(value)
    return {"person": chosen, "scope": scopes}
