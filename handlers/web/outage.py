"""The page of one outage, and the stream that keeps it current while somebody looks."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.people.showing import Gallery
from bot.words.facts import OutageFacts
from handlers.web.members import Members
from handlers.web.own_ids import own_id
from handlers.web.rendering import Pages
from handlers.web.streamed import Streamed

LASTS = 300.0  # seconds; the browser then opens a new one by itself, so that none is kept for a reader long gone
QUIET = 15.0  # seconds without news after which a comment shows whether anybody still listens
MOST = 200  # streams at once; whoever comes later has a page that reloads instead


def routes(gallery: Gallery, pages: Pages, members: Members, every: float) -> APIRouter:
    router = APIRouter()
    live = _Live(gallery, pages, every)

    @router.api_route("/outages/{outage}", methods=["GET", "HEAD"])
    async def outage_page(request: Request, outage: str) -> Response:
        facts = await gallery.outage(own_id(outage))
        return pages.render("outage.html", facts=facts, member=members.of(request))

    @router.get("/outages/{outage}/live")
    async def outage_live(outage: str) -> Response:
        facts = await gallery.outage(own_id(outage))
        if live.open >= MOST:
            return Response(status_code=503, headers={"Retry-After": "30"})
        return Streamed(live.stream(facts), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return router


class _Live:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): each is the page's live part,
    made by the same template as the page itself.
    """

    def __init__(self, gallery: Gallery, pages: Pages, every: float) -> None:
        self._gallery = gallery
        self._pages = pages
        self._every = every
        self.open = 0

    async def stream(self, facts: OutageFacts) -> AsyncIterator[str]:
        self.open += 1
        try:
            shown, silent, spent = "", 0.0, 0.0
            while spent < LASTS:
                part = self._pages.fragment("outage_now.html", facts=facts)
                if part != shown:
                    yield _event("now", part)
                    shown, silent = part, 0.0
                elif silent >= QUIET:
                    yield ": still here\n\n"
                    silent = 0.0
                if facts.outage.closed_at:
                    yield _event("over", facts.outage.id)
                    return
                await asyncio.sleep(self._every)
                silent, spent = silent + self._every, spent + self._every
                facts = await self._gallery.outage(facts.outage.id)
        finally:
            self.open -= 1


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n"
