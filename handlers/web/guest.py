"""The page behind a link for somebody outside Slack, and the way from there to the platform. It opens no other page."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.memory.entrances import LINK_OVER
from bot.people.people import Door, NotFound
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages
from handlers.web.state_cookie import StateCookie


def routes(door: Door, pages: Pages, cookie: StateCookie) -> APIRouter:
    router = APIRouter()

    @router.api_route("/guest/{token}", methods=["GET", "HEAD"])
    async def guest_page(token: str) -> Response:
        """Changes nothing: mail scanners open it before any person does."""
        page = await door.guest_page(own_id(token))
        if page is None:
            raise NotFound(LINK_OVER)
        return pages.render("guest.html", leads_to=page.platform, page=page)

    @router.post("/guest/{token}")
    async def begin(request: Request, token: str) -> Response:
        return cookie.send_away(request, await door.guest(own_id(token)))

    return router
