"""Puts the web side together: every route, behind one edge that guards all of them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bot.desk.touchpoint_rules import CRMS
from bot.people.people import Desk, Door, Ledger
from bot.people.showing import Gallery, TagDesk
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


def build_web(
    desk: Desk,
    door: Door,
    ledger: Ledger,
    gallery: Gallery,
    own_health: health.Health,
    *,
    public_url: str,
    api_keys: Sequence[str] = (),
    language: str = "en",
    authorize_urls: Mapping[str, str] | None = None,
    crms: Collection[str] = CRMS,
    slack_http: SlackRequests | None = None,
    live_every: float = 1.0,
    tagging: TagDesk | None = None,
    guard: SignIn | None = None,
    tenant: Tenant | None = None,
    neighbours: Neighbours | None = None,
) -> FastAPI:
    """Build the web application.

    public_url: where browsers reach us; links and the cookie's name come from it, never from a Host header.
    authorize_urls: platform key -> consent address, needed where one is plain http on loopback.
    guard: Sign in with Slack, which then guards every page that people open.
    live_every: seconds between two looks of a page that keeps itself current.
    neighbours: the other workspaces, where the app may be added to more than one.
    tenant: which workspace this is, where the deployment serves several.
    slack_http: answers POST /slack/events in Slack's HTTP mode.
    """
    consents = {**(authorize_urls or {}), **({"slack": guard.login.authorize_url} if guard else {})}
    pages = Pages(public_url, language, consents)
    own = tenant or Tenant("", public_url)
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
    cookie = StateCookie(public_url)
    if slack_http is not None:  # the first of all, as it is in a hurry and each that stands before it is looked at
        app.add_route("/slack/events", slack_http, methods=["POST"])
    app.include_router(api.routes(desk, ledger, api_keys, crms))  # then what programs call again and again
    for router in (
        reauthorize.routes(door, pages, cookie, members),
        connect.routes(door, pages, cookie),
        connections.routes(desk, gallery, pages, members),
        connection.routes(gallery, pages, members),
        outage.routes(gallery, pages, live_every),
    ):
        app.include_router(router, dependencies=[Depends(members.looking)])
    for router in (
        guest.routes(door, pages, cookie),
        callback.routes(desk, door, pages, cookie),
        health.routes(own_health, partial(exposition, requests=requests)),
    ):
        app.include_router(router)
    if tagging is not None:
        app.include_router(changes.routes(desk, gallery, tagging, pages, members))
    if guard is not None:
        secure = public_url.startswith("https:")
        app.include_router(signin.routes(guard, members, pages, own, secure=secure))
    if neighbours is not None:
        app.include_router(install.routes(neighbours.installs, pages, cookie))
        app.include_router(by_tenant.routes(neighbours, pages))
    _add_the_rest(app, pages)
    return app


def _add_the_rest(app: FastAPI, pages: Pages) -> None:
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))

    @app.api_route("/", methods=["GET", "HEAD"])
    async def front() -> Response:
        return RedirectResponse(pages.link("/connections"), 303)

    @app.api_route("/favicon.ico", methods=["GET", "HEAD"])
    async def favicon() -> Response:
        return RedirectResponse(pages.asset("icon.svg"), 303)
