"""The start page behind every Reauthorize button, and the way from there to the platform."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Door, NotFound
from handlers.web.members import Members
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages
from handlers.web.state_cookie import StateCookie


def routes(door: Door, pages: Pages, cookie: StateCookie, members: Members) -> APIRouter:
    router = APIRouter()

    @router.api_route("/reauthorize/{ref}", methods=["GET", "HEAD"])
    async def start_page(request: Request, ref: str) -> Response:
        """Changes nothing: link previews, scanners and crawlers open it before any person does."""
        page = await door.start_page(own_id(ref))
        if page is None:
            raise NotFound(ref)
        return pages.render(
            "start.html", leads_to=page.platform, page=page, another=_another(request), member=members.of(request)
        )

    @router.post("/reauthorize/{ref}")
    async def begin(request: Request, ref: str) -> Response:
        member = members.of(request)
        who = member.user if member else ""
        return cookie.send_away(request, await door.begin(own_id(ref), who, another=_another(request)))

    return router


def _another(request: Request) -> bool:
    """Whether the link asks for any login but the one that is known: its owner has left."""
    return request.query_params.get("login") == "another"
