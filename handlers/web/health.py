"""Is it alive, is it ready, and how much is waiting: for load balancers, orchestrators and Prometheus."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

PATIENCE = 3.0  # seconds for the database to answer
REFUSED = "refused"
REACHED = {"connected", "http", "ok"}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Numbers:
    """What /metrics tells. `connections`: how many stand at each status."""

    connections: Mapping[str, int] = field(default_factory=dict)
    open_outages: int = 0
    outbox_waiting: int = 0
    touchpoints_waiting: int = 0


class Health(Protocol):
    """What the bot knows about itself."""

    async def database(self) -> bool:
        """The database answers and its migrations are done. May raise: that counts as no."""

    def slack(self) -> str:
        """connected, connecting, http (Slack calls us), or refused: the token is refused for good."""

    async def numbers(self) -> Numbers: ...


def routes(own: Health) -> APIRouter:
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        """Slack being down is no reason to send nobody here: pages and work go on. A refused token is."""
        database, slack = await _database(own), own.slack()
        ready = database and slack != REFUSED
        return JSONResponse({"database": "ok" if database else "down", "slack": slack}, 200 if ready else 503)

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        database = await _database(own)
        numbers = await own.numbers() if database else None
        return PlainTextResponse(exposition(numbers, own.slack()), media_type=METRICS_TYPE)

    return router


async def _database(own: Health) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await own.database()
    except Exception:  # noqa: BLE001 - whatever stops the database from answering, it is not ready
        return False


def exposition(numbers: Numbers | None, slack: str) -> str:
    """Prometheus text format, https://prometheus.io/docs/instrumenting/exposition_formats/.

    Without a database only what is known without one is told: a missing series is honest, a zero is not.
    """
    lines = _gauge("redkey_database_up", "Whether the database answers.", {"": int(numbers is not None)})
    lines += _gauge("redkey_slack_connected", "Whether Slack can reach us.", {"": int(slack in REACHED)})
    if numbers is not None:
        by_status = {f'{{status="{_label(name)}"}}': count for name, count in sorted(numbers.connections.items())}
        lines += _gauge("redkey_connections", "Connections by status.", by_status)
        lines += _gauge("redkey_open_outages", "Outages that are not caught up.", {"": numbers.open_outages})
        lines += _gauge("redkey_outbox_waiting", "Slack messages not said yet.", {"": numbers.outbox_waiting})
        lines += _gauge("redkey_touchpoints_waiting", "Touchpoints not pushed yet.", {"": numbers.touchpoints_waiting})
    return "\n".join(lines) + "\n"


def _gauge(name: str, text: str, values: Mapping[str, int]) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} gauge", *(f"{name}{label} {n}" for label, n in values.items())]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
