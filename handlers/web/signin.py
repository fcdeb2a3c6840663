"""Signing in with Slack, and out again."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.people.members import SignIns
from bot.words.tenant import Tenant
from handlers.web.callback import read_query
from handlers.web.members import Members
from handlers.web.rendering import Pages
from handlers.web.slack_login import NotAllowed, SlackLogin

log = structlog.get_logger()

COOKIE = "redkey_signin"
LIVES = 600
LONGEST_WAY = 500


@dataclass(frozen=True)
class SignIn:
    """What guards the pages where it is configured."""

    signins: SignIns
    login: SlackLogin


def routes(guard: SignIn, members: Members, pages: Pages, tenant: Tenant, *, secure: bool) -> APIRouter:
    router, signins, login = APIRouter(), guard.signins, guard.login
    cookie = tenant.own(f"__Host-{COOKIE}" if secure else COOKIE)

    @router.api_route("/signin", methods=["GET", "HEAD"])
    async def signin_page(request: Request) -> Response:
        return pages.render("signin.html", leads_to="slack", then=own_way(request.query_params.get("then", "")), why="")

    @router.post("/signin")
    async def begin(request: Request) -> Response:
        trip = await signins.begin(own_way(request.query_params.get("then", "")))
        response = RedirectResponse(await login.url(trip.state, trip.nonce), 303)
        response.set_cookie(cookie, trip.browser, max_age=LIVES, path="/", secure=secure, httponly=True, samesite="lax")
        return response

    @router.get("/signin/callback")
    async def callback(request: Request) -> Response:
        params = read_query(request.scope["query_string"]) or {}
        begun = await signins.finish(params.get("state", ""), request.cookies.get(cookie, ""))
        if begun is None:
            return _again(pages, 400, "over")
        then, nonce = begun
        if "code" not in params:
            return _again(pages, 200, "declined", then)
        try:
            known = await login.known(params["code"], nonce.reveal(), signins.now())
        except NotAllowed as refusal:
            log.warning("a sign-in was refused", why=str(refusal))
            return _again(pages, 403, "not_allowed", then)
        response = RedirectResponse(pages.link("").rstrip("/") + then, 303)
        await members.let_in(request, response, known.user, known.name)
        response.delete_cookie(cookie, path="/", secure=secure, httponly=True, samesite="lax")
        return response

    @router.post("/signout")
    async def signout(request: Request) -> Response:
        member, _ = await members.changing(request)
        response = RedirectResponse(pages.link("/signin"), 303)
        await members.let_go(response, member)
        return response

    return router


def _again(pages: Pages, status: int, why: str, then: str = "/connections") -> Response:
    return pages.render("signin.html", status, leads_to="slack", then=then, why=why)


def own_way(path: str) -> str:
    """A path of ours and nothing else: no host, no backslash that a browser takes for a slash."""
    parts = urlsplit(path)
    fine = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    if fine and path.isascii() and not parts.netloc and not parts.scheme and len(path) <= LONGEST_WAY:
        return path
    return "/connections"
