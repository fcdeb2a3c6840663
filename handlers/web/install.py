"""Adding the app to another workspace: the page with the button, and the way back from Slack."""

from typing import Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Begun
from bot.reauthorize.installing import How, Installation
from handlers.web.callback import read_query
from handlers.web.rendering import Pages
from handlers.web.state_cookie import StateCookie

STATUS = {How.OVER: 400, How.ORG_WIDE: 403, How.NOT_LISTED: 403, How.REFUSED: 400, How.LATER: 503}


class Installs(Protocol):
    async def begin(self) -> Begun: ...
    async def finish(self, params: dict[str, str], browser: str | None) -> Installation: ...


def routes(installs: Installs, pages: Pages, cookie: StateCookie) -> APIRouter:
    router = APIRouter()

    @router.api_route("/slack/install", methods=["GET", "HEAD"])
    async def install_page() -> Response:
        return pages.render("install.html", leads_to="slack", told=None)

    @router.post("/slack/install")
    async def begin(request: Request) -> Response:
        return cookie.send_away(request, await installs.begin())

    @router.get("/slack/oauth_redirect")
    async def back(request: Request) -> Response:
        """GET alone: a HEAD must not use up a state."""
        params = read_query(request.scope["query_string"])
        if params is None:
            return pages.problem("malformed", 400)
        state = params.get("state", "")
        told = await installs.finish(params, cookie.browser(request, state))
        response = pages.render("install.html", STATUS.get(told.how, 200), leads_to="slack", told=told)
        cookie.forget(request, response, state)
        return response

    return router
