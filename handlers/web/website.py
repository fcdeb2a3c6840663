"""Puts the web side together: every route, behind one edge that guards all of them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bot.desk.touchpoint_rules import CRMS
from bot.people.people import Desk, Door, Ledger
from bot.people.showing import Gallery, TagDesk
from bot.settings.api_keys import KeyRing
from bot.words.tenant import Tenant
from handlers.web import (
    api,
    by_tenant,
    callback,
    changes,
    connect,
    connection,
    connections,
    guest,
    health,
    install,
    outage,
    problems,
    reauthorize,
    signin,
)
from handlers.web.by_tenant import Neighbours
from handlers.web.members import Members
from handlers.web.metrics import Requests, exposition
from handlers.web.refusals import Refusals
from handlers.web.rendering import Pages
from handlers.web.security import Edge
from handlers.web.signin import SignIn
from handlers.web.state_cookie import StateCookie

SlackRequests = Callable[[Request], Awaitable[Response]]

# FastAPI's own spans carry the whole query of a callback, code and state included, wherever a provider is set up.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


@dataclass(frozen=True)
class Parts:
    """What stands behind the pages. What is None has no pages here."""

    desk: Desk
    door: Door
    ledger: Ledger
    gallery: Gallery
    health: health.Health
    tagging: TagDesk | None = None
    guard: SignIn | None = None
    """Sign in with Slack, which then guards every page that people open."""
    neighbours: Neighbours | None = None
    """The other workspaces, where the app may be added to more than one."""
    slack_http: SlackRequests | None = None
    """Answers POST /slack/events in Slack's HTTP mode."""


@dataclass(frozen=True)
class Front:
    """How the pages are reached, and with which keys programs come in."""

    public_url: str
    """Where browsers reach us; links and the cookie's name come from it, never from a Host header."""
    language: str = "en"
    api_keys: Sequence[str] = field(default=(), repr=False)
    metrics_token: str = field(default="", repr=False)
    authorize_urls: Mapping[str, str] = field(default_factory=dict)
    """Platform key -> consent address, needed where one is plain http on loopback."""
    crms: Collection[str] = CRMS
    tenant: Tenant | None = None
    """Which workspace this is, where the deployment serves several."""
    live_every: float = 1.0
    """Seconds between two looks of a page that keeps itself current."""


def build_web(parts: Parts, front: Front) -> FastAPI:
    """Build the web application."""
    guard, public_url = parts.guard, front.public_url
    consents = {**front.authorize_urls, **({"slack": guard.login.authorize_url} if guard else {})}
    pages = Pages(public_url, front.language, consents)
    own = front.tenant or Tenant("", public_url)
    members = Members(public_url, guard.signins if guard else None, own)
    # A redirect that adds a slash would be built from the Host header, and the ready-made docs page loads from a CDN.
    app = FastAPI(
        title="Redkey", redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY
    )
    requests, refusals = Requests(), Refusals()

    def answered(path: str, status: int, seconds: float) -> None:
        requests.answered(path, status, seconds)
        refusals.answered(path, status)

    app.add_middleware(Edge, pages=pages, public_url=public_url, answered=answered)
    problems.add_to(app, pages)
    if parts.slack_http is not None:  # first of all, as it is in a hurry and each that stands before it is looked at
        app.add_route("/slack/events", parts.slack_http, methods=["POST"])
    app.include_router(api.routes(parts.desk, parts.ledger, front.api_keys, front.crms))  # what programs call often
    for router in _for_people(parts, front, pages, members):
        app.include_router(router, dependencies=[Depends(members.looking)])
    for router in _for_everybody(parts, front, pages, requests):
        app.include_router(router)
    if parts.tagging is not None:
        app.include_router(changes.routes(parts.desk, parts.gallery, parts.tagging, pages, members))
    if guard is not None:
        secure = public_url.startswith("https:")
        app.include_router(signin.routes(guard, members, pages, own, secure=secure))
    if parts.neighbours is not None:
        app.include_router(install.routes(parts.neighbours.installs, pages, StateCookie(public_url)))
        app.include_router(by_tenant.routes(parts.neighbours, pages))
    _add_the_rest(app, pages)
    return app


def _for_people(parts: Parts, front: Front, pages: Pages, members: Members) -> Sequence[APIRouter]:
    """Behind Sign in with Slack, where it is asked for."""
    cookie = StateCookie(front.public_url)
    return (
        reauthorize.routes(parts.door, pages, cookie, members),
        connect.routes(parts.door, pages, cookie, members),
        connections.routes(parts.desk, parts.gallery, pages, members),
        connection.routes(parts.gallery, pages, members),
        outage.routes(parts.gallery, pages, members, front.live_every),
    )


def _for_everybody(parts: Parts, front: Front, pages: Pages, requests: Requests) -> Sequence[APIRouter]:
    """Guests, browsers that come back, and whoever watches the watcher."""
    cookie = StateCookie(front.public_url)
    scrapers = KeyRing([front.metrics_token])
    return (
        guest.routes(parts.door, pages, cookie),
        callback.routes(parts.desk, parts.door, pages, cookie),
        health.routes(parts.health, partial(exposition, requests=requests), scrapers),
    )


def _add_the_rest(app: FastAPI, pages: Pages) -> None:
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))

    @app.api_route("/", methods=["GET", "HEAD"])
    async def front() -> Response:
        return RedirectResponse(pages.link("/connections"), 303)

    @app.api_route("/favicon.ico", methods=["GET", "HEAD"])
    async def favicon() -> Response:
        return RedirectResponse(pages.asset("icon.svg"), 303)
