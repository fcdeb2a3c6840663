"""The page of one connection: its outages, its days, its cost, and what waits or runs untagged."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.memory.history import UntaggedAd
from bot.people.members import Member
from bot.people.showing import ConnectionPage, Gallery, Previewed
from bot.words.listing import cell, stamp
from handlers.web.cost_chart import chart
from handlers.web.members import Members
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages
from handlers.web.strip import days_of, picture


def routes(gallery: Gallery, pages: Pages, members: Members) -> APIRouter:
    router = APIRouter()

    @router.api_route("/connections/{connection}", methods=["GET", "HEAD"])
    async def connection_page(request: Request, connection: str) -> Response:
        return render(pages, await gallery.connection(own_id(connection)), members.of(request))

    @router.api_route("/connections/{connection}/untagged.csv", methods=["GET", "HEAD"])
    async def untagged(connection: str) -> Response:
        ads = await gallery.untagged(own_id(connection))
        named = {"Content-Disposition": f'attachment; filename="untagged-{connection}.csv"'}
        return Response(_csv(ads), media_type="text/csv; charset=utf-8", headers=named)

    return router


def render(
    pages: Pages,
    page: ConnectionPage,
    member: Member | None,
    status: int = 200,
    *,
    utm: str | None = None,
    preview: Sequence[Previewed] | None = None,
    wrong: str = "",
) -> Response:
    """`utm`: what is being tried, with what it would make of real ads, or why it cannot be."""
    today = page.now.astimezone(UTC).date()
    return pages.render(
        "connection.html",
        status,
        page=page,
        member=member,
        utm=page.utm if utm is None else utm,
        preview=preview,
        wrong=wrong,
        days=lambda shown: days_of(shown, today),
        picture=picture,
        chart=chart,
        told=lambda day: pages.cost(day, page.shown.connection.account.currency),
    )


def _csv(ads: Sequence[UntaggedAd]) -> str:
    """Names are the platform's text, so a spreadsheet must not take one for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["ad", "name", "why", "created_at"])
    writer.writerows([cell(ad.ad), cell(ad.name), cell(ad.why), stamp(ad.since) or ""] for ad in ads)
    return buffer.getvalue()
