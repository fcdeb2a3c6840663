"""Several workspaces behind one address: whose pages a request is for says its path, whose consent it ends says its state.

Each has a website of its own; what is passed on to it has no way to another's.
"""

import re
from typing import Protocol
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.words.tenant import TEAM, team_of
from handlers.web.install import Installs
from handlers.web.rendering import Pages

PAGE = re.compile(rf"/w/({TEAM.pattern})(/.*)?")
BACK = ("/oauth/callback/", "/signin/callback")  # registered at each vendor once, for all of us
HOME_ALONE = ("/healthz", "/readyz", "/metrics", "/slack/", "/w/")  # of the process, not of one workspace


class Neighbours(Protocol):
    """The workspaces beside home."""

    @property
    def installs(self) -> Installs: ...
    def site(self, team: str) -> ASGIApp | None:
        """Its website; None where it is not in service here."""

    def known(self, team: str) -> bool: ...


class ByTenant:
    """ASGI, before home's own edge: each website has one."""

    def __init__(self, home: ASGIApp, neighbours: Neighbours) -> None:
        self._home = home
        self._neighbours = neighbours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        team, path = _whose(scope) if scope["type"] == "http" else ("", "")
        if not team:
            await self._home(scope, receive, send)
            return
        site = self._neighbours.site(team)
        if site is None or path.startswith(HOME_ALONE):
            await self._home(_to(scope, f"/w/{team}"), receive, send)
            return
        await site(_to(scope, path), receive, send)


def routes(neighbours: Neighbours, pages: Pages) -> APIRouter:
    """What home answers for a workspace that is not in service."""
    router = APIRouter()

    @router.api_route("/w/{team}", methods=["GET", "HEAD", "POST"])
    async def not_here(team: str) -> Response:
        if neighbours.known(team) and neighbours.site(team) is None:
            return pages.problem("asleep", 503)
        raise HTTPException(404)

    return router


def _whose(scope: Scope) -> tuple[str, str]:
    """The workspace, and the path on its website."""
    path: str = scope["path"]
    if found := PAGE.fullmatch(path):
        return found[1], found[2] or "/"
    if path.startswith(BACK):
        # A query that cannot be read is home's to refuse.
        query = parse_qs(scope["query_string"].decode("latin-1")[:8192], max_num_fields=None)
        return team_of(query.get("state", [""])[0]), path
    return "", path


def _to(scope: Scope, path: str) -> Scope:
    return {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogatepass")}
