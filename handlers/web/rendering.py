"""How a page is made: templates, links, and the walls around text that came from a platform."""

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from bot.people.showing import CostDay
from bot.words.listing import stamp
from handlers.turns import turn
from handlers.web.phrases import Phrases
from handlers.words import Words

HERE = Path(__file__).parent
LONGEST_NAME = 120
SLACK_USER = re.compile("[UW][A-Z0-9]{7,}")
IN_SLACK = "someone in Slack"
MOST_KEPT = 100  # pages; a few KB each
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
)


def policy(*forms: str) -> str:
    """The Content-Security-Policy; `forms`: where a form may lead besides to us."""
    return POLICY.format(forms=" ".join(("'self'", *forms)))


def tidy(text: str, limit: int = LONGEST_NAME) -> str:
    """A platform's text on one line, without control, bidirectional or invisible characters, and not too long."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split())
    head = text[: limit * 4]
    seen = "".join(" " if c.isspace() else c for c in head if c.isspace() or unicodedata.category(c) not in UNSEEN)
    line = " ".join(seen.split())
    return line if len(line) <= limit and len(text) <= limit * 4 else f"{line[:limit].rstrip()}…"


class Pages:
    """Renders every page. Links are made from public_url alone."""

    def __init__(self, public_url: str, language: str, authorize_urls: Mapping[str, str]) -> None:
        self._prefix = urlsplit(public_url).path.rstrip("/")
        self._authorize_urls = authorize_urls
        self._environment = _environment(language)
        self._words = Words(language)
        self._here = {"link": self.link, "asset": self.asset}
        self._nobody = {"member": None}
        self._kept = lru_cache(MOST_KEPT)(self._body)

    def render(self, template: str, status: int = 200, /, *, leads_to: str = "", **values: Any) -> HTMLResponse:
        """`leads_to`: the platform whose consent page a form on this page leads to."""
        headers = {"Content-Security-Policy": policy(*self._consent_hosts(leads_to))} if leads_to else {}
        return HTMLResponse(self._body(template, **values), status, headers)

    def keep(self, template: str, status: int, /, **values: Hashable) -> HTMLResponse:
        """A page that says the same to everybody: what strangers ask for most is written once, not for each of them."""
        return HTMLResponse(self._kept(template, **values), status)

    def cost(self, day: CostDay, currency: str) -> str:
        """What one day of the cost chart says."""
        amount = "-" if day.micros is None else self._words.money(day.micros, currency)
        return self._words.under(self._words.day(day.day), amount)

    def fragment(self, template: str, **values: Any) -> str:
        """A part of a page, as the page itself would hold it."""
        return self._body(template, **values).decode()

    def _body(self, template: str, /, **values: Any) -> bytes:
        return self._environment.get_template(template).render(**self._here, **{**self._nobody, **values}).encode()

    def problem(self, what: str, status: int, *, retry: str = "", same: bool = False) -> HTMLResponse:
        """A page for what went wrong, never a dead end. `retry`: one of our own paths; `same`: the one that was asked for."""
        return self.keep("problem.html", status, what=what, retry=retry, same=same)

    def link(self, path: str, *parts: str) -> str:
        """An address on this site; `parts` are quoted."""
        return self._prefix + "/".join([path.rstrip("/") or "/", *(quote(part, safe="") for part in parts)])

    def asset(self, name: str) -> str:
        return f"{self.link('/static', name)}?v={_fingerprint(name)}"

    def _consent_hosts(self, platform: str) -> tuple[str, ...]:
        """Where the answer to our form may redirect.

        Chromium holds form-action against the whole chain of redirects that follows a form, and that chain is not ours:
        a login host hands over to a company's own domain or identity provider (measured: with the consent host alone
        the click then silently does nothing). So any https host may follow; plain http only where the consent
        address itself is, which settings allow on loopback only. https://github.com/w3c/webappsec-csp/issues/8
        """
        parts = urlsplit(self._authorize_urls.get(platform, ""))
        return ("https:", f"http://{parts.netloc}") if parts.scheme == "http" and parts.netloc else ("https:",)


@cache
def _environment(language: str) -> Environment:
    phrases = Phrases(language)
    words = phrases.words

    def moment(at: datetime | None) -> Markup:
        if at is None:
            return Markup('<span class="none">&ndash;</span>')
        return Markup('<time datetime="{}">{}</time>').format(stamp(at), words.stamp(at))

    written = lru_cache(1000)(words.day)

    def brief(at: datetime | None) -> Markup:
        """A function, not a macro: there are 150 on the page of connections, and a macro costs ten times as much."""
        if at is None:
            return Markup('<span class="none">&ndash;</span>')
        utc = at.astimezone(UTC)
        told = f'{escape(written(utc.date()))} <span class="fine">{utc:%H:%M}</span>'
        return Markup(f'<time datetime="{stamp(at)}">{told}</time>')  # noqa: S704

    def person(who: str) -> Markup:
        """Slack's own id of a person says nothing here, and the pages do not ask Slack for names."""
        return phrases.foreign(IN_SLACK) if SLACK_USER.fullmatch(who) else _name(who)

    environment = Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=phrases.say, many=phrases.many, foreign=phrases.foreign, words=words)
    environment.globals.update(
        language=language,
        name=_name,
        login=_login,
        person=person,
        turn=turn,
        moment=moment,
        brief=brief,
    )
    return environment


def _login(text: str) -> Markup:
    """An address may break after its @, which keeps the tables narrow and breaks no word."""
    return Markup("<bdi>{}</bdi>").format(escape(tidy(text)).replace("@", Markup("@<wbr>")))


def _name(text: str, limit: int = LONGEST_NAME) -> Markup:
    """A platform's text, kept from turning the direction of ours."""
    return Markup(f"<bdi>{escape(tidy(text, limit))}</bdi>")  # noqa: S704


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
