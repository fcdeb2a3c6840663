"""A new login: the page behind a one-time link, the way to the platform, and the choice of accounts afterwards."""

from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import ConnectPage, Door, NotFound
from handlers.web.members import Members
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages
from handlers.web.state_cookie import StateCookie

FORM = "application/x-www-form-urlencoded"
MOST_ACCOUNTS = 5000
LONGEST_ACCOUNT = 200


def routes(door: Door, pages: Pages, cookie: StateCookie, members: Members) -> APIRouter:
    router = APIRouter()

    async def opened(token: str) -> ConnectPage:
        page = await door.connect_page(own_id(token))
        if page is None:
            raise NotFound("this link was used already, or it is too old")
        return page

    @router.api_route("/connect/{token}", methods=["GET", "HEAD"])
    async def connect_page(request: Request, token: str) -> Response:
        page, member = await opened(token), members.of(request)
        if page.accounts:
            return pages.render("choose.html", page=page, none_chosen=False, member=member)
        return pages.render("connect.html", leads_to=page.platform, page=page, member=member)

    @router.post("/connect/{token}")
    async def begin(request: Request, token: str) -> Response:
        return cookie.send_away(request, await door.connect(own_id(token)))

    @router.post("/connect/{token}/accounts")
    async def choose(request: Request, token: str) -> Response:
        chosen = await _chosen(request)
        page, member = await opened(token), members.of(request)
        if not chosen:
            return pages.render("choose.html", 422, page=page, none_chosen=True, member=member)
        watched = await door.choose(token, chosen)
        return pages.render("watching.html", page=page, watched=watched, member=member)

    return router


async def _chosen(request: Request) -> list[str]:
    """The ticked account ids. Raises HTTPException for what no form of ours sends."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    body = await request.body()
    try:
        form = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=MOST_ACCOUNTS)
    except ValueError as error:  # a UnicodeDecodeError is one
        raise HTTPException(400) from error
    chosen = form.get("account", [])
    if any(len(account) > LONGEST_ACCOUNT or not account.isprintable() for account in chosen):
        raise HTTPException(400)
    return chosen
