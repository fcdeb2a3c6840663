"""Is it alive, is it ready, and how much is waiting: for load balancers, orchestrators and Prometheus."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.settings.api_keys import KeyRing
from bot.words.listing import stamp
from handlers.web.bearer import shown

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE = 3.0  # seconds for the database to answer
REFUSED = "refused"
REACHED = {"connected", "http", "ok"}


@dataclass(frozen=True)
class Numbers:
    """What /metrics tells. `connections`: how many stand at each status."""

    connections: Mapping[str, int] = field(default_factory=dict)
    open_outages: int = 0
    outbox_waiting: int = 0
    touchpoints_waiting: int = 0
    oldest_outage: float = 0  # seconds since it began


Others = Mapping[str, Numbers | None]
"""The workspaces beside home, by their ids. None: not in service here, or its database does not answer."""

Exposition = Callable[[Numbers | None, str, Others], bytes]
"""What Prometheus reads, from the numbers (None: no database), Slack's state and the other workspaces (metrics.py)."""


class Health(Protocol):
    """What the bot knows about itself."""

    async def database(self) -> bool:
        """The database answers and its migrations are done. May raise: that counts as no."""

    def slack(self) -> str:
        """connected, connecting, http (Slack calls us), or refused: the token is refused for good."""

    async def blind(self) -> tuple[datetime, datetime] | None:
        """From when to when nothing was watched, if that was lately."""

    async def numbers(self) -> Numbers: ...
    async def others(self) -> Others: ...
    def in_service(self) -> Mapping[str, bool]:
        """Of the workspaces beside home, by their ids."""


def routes(own: Health, exposition: Exposition, scrapers: KeyRing) -> APIRouter:
    """`scrapers`: whose key opens /metrics; without any, it is open."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        """Slack being down is no reason to send nobody here: pages and work go on. A refused token is."""
        database, slack = await _database(own), own.slack()
        ready = database and slack != REFUSED
        told: dict[str, Any] = {"database": "ok" if database else "down", "slack": slack}
        if database and (blind := await own.blind()) is not None:
            told["blind"] = {"from": stamp(blind[0]), "until": stamp(blind[1])}
        if served := own.in_service().values():  # how many, not which: strangers may ask
            told["workspaces"] = {"in_service": sum(served), "out_of_service": len(served) - sum(served)}
        return JSONResponse(told, 200 if ready else 503)

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics(request: Request) -> Response:
        if scrapers:
            shown(request, scrapers, "web.metrics_token")
        database = await _database(own)
        numbers = await own.numbers() if database else None
        return Response(exposition(numbers, own.slack(), await own.others()), media_type=METRICS_TYPE)

    return router


async def _database(own: Health) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await own.database()
    except Exception:  # noqa: BLE001 - whatever stops the database from answering, it is not ready
        return False
