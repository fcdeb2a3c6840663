"""What a member of the workspace may change on the pages: power, how ads are tagged, and what is connected at all."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.people.people import Desk
from bot.people.showing import Gallery, TagDesk
from bot.words.errors import Refused
from handlers.web.connection import render
from handlers.web.members import Members
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages


def routes(desk: Desk, gallery: Gallery, tagging: TagDesk, pages: Pages, members: Members) -> APIRouter:
    router = APIRouter()

    @router.post("/connect")
    async def begin(request: Request) -> Response:
        """A one-time link for whoever asks, followed at once."""
        member, fields = await members.changing(request)
        return RedirectResponse(await desk.connect_link(fields.get("platform", ""), member.user), 303)

    @router.api_route("/connect", methods=["GET", "HEAD"])
    async def list_first() -> Response:
        """Where somebody ends whose session was over when they pressed the button."""
        return RedirectResponse(pages.link("/connections"), 303)

    @router.post("/connections/{connection}/power")
    async def power(request: Request, connection: str) -> Response:
        member, fields = await members.changing(request)
        change = desk.resume if fields.get("on") == "1" else desk.pause
        await change(own_id(connection), member.user)
        back = pages.link("/connections") if fields.get("from") == "list" else pages.link("/connections", connection)
        return RedirectResponse(back, 303)

    @router.post("/connections/{connection}/remove")
    async def remove(request: Request, connection: str) -> Response:
        """Only with the box ticked: a slip of the finger must not give a login back."""
        member, fields = await members.changing(request)
        if fields.get("sure") != "1":
            return RedirectResponse(pages.link("/connections", own_id(connection)) + "#remove", 303)
        await desk.remove(own_id(connection), member.user)
        return RedirectResponse(pages.link("/connections"), 303)

    @router.post("/connections/{connection}/tagging")
    async def tag(request: Request, connection: str) -> Response:
        """Save, or only show what real ads would look like."""
        member, fields = await members.changing(request)
        page = await gallery.connection(own_id(connection))
        utm, wrong = fields.get("utm", ""), ""
        try:
            if fields.get("do") == "preview":
                preview = await tagging.preview(connection, utm)
                return render(pages, page, member, utm=utm, preview=preview)
            await tagging.save(connection, autotagging=fields.get("autotagging") == "1", utm=utm)
            return RedirectResponse(pages.link("/connections", connection) + "#tagging", 303)
        except Refused as refused:
            wrong = refused.code
        return render(pages, page, member, 422, utm=utm, wrong=wrong)

    return router
