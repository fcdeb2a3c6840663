"""The page of keys: every connection, and a red key where a person must log in again."""

from collections.abc import Callable
from datetime import UTC
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Desk
from bot.people.showing import Gallery
from bot.words.connection import Kind
from handlers.web.members import Members
from handlers.web.rendering import Pages, tidy
from handlers.web.strip import days_of, picture

LONGEST_SEARCH = 100
LAST_PAGE = 100_000


def routes(desk: Desk, gallery: Gallery, pages: Pages, members: Members) -> APIRouter:
    router = APIRouter()

    @router.api_route("/connections", methods=["GET", "HEAD"])
    async def connections_page(request: Request) -> Response:
        search = tidy(request.query_params.get("search", ""), LONGEST_SEARCH)
        wanted = {kind: _page(request.query_params.get(kind.value, "1")) for kind in Kind}
        sheets = await gallery.sheets(wanted, search)
        today = gallery.now().astimezone(UTC).date()
        return pages.render(
            "connections.html",
            member=members.of(request),
            ads=sheets[Kind.ADS],
            crm=sheets[Kind.CRM],
            red=sum(sheet.red for sheet in sheets.values()),
            search=search,
            days=lambda shown: days_of(shown, today),
            picture=picture,
            platforms=sorted(desk.platforms().items(), key=lambda known: known[1]),
            turned=_turning(pages, {kind: sheet.page for kind, sheet in sheets.items()}, search),
        )

    return router


def _page(text: str) -> int:
    return min(int(text), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _turning(pages: Pages, at: dict[Kind, int], search: str) -> Callable[[Kind, int], str]:
    """Makes the address of another page of one table; the other table stays where it is."""

    def turned(kind: Kind, page: int) -> str:
        numbers = {k.value: n for k, n in {**at, kind: page}.items() if n > 1}
        query = urlencode({**({"search": search} if search else {}), **numbers})
        return pages.link("/connections") + (f"?{query}" if query else "") + f"#{kind.value}"

    return turned
