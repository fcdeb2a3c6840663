"""The page of keys: every connection, and a red key where a person must log in again."""

from fastapi import APIRouter
from starlette.responses import Response

from bot.connection import Kind, Status
from bot.facts import ConnectionFacts
from bot.people import Desk
from handlers.web.rendering import Pages

URGENT = (Status.AUTHORIZATION_REQUIRED, Status.CATCHING_UP)


def routes(desk: Desk, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.api_route("/connections", methods=["GET", "HEAD"])
    async def connections_page() -> Response:
        every = sorted(await desk.connections(), key=_order)
        return pages.render(
            "connections.html",
            ads=[facts for facts in every if facts.connection.kind is Kind.ADS],
            crm=[facts for facts in every if facts.connection.kind is Kind.CRM],
            red=[facts for facts in every if not facts.connection.authorized],
            platforms=desk.platforms(),
        )

    return router


def _order(facts: ConnectionFacts) -> tuple[int, str, str, str]:
    """What needs a person comes first."""
    connection = facts.connection
    rank = URGENT.index(connection.status) if connection.status in URGENT else len(URGENT)
    return rank, facts.platform_name, connection.account.name.casefold(), connection.id
