"""What is said when something is wrong: a page to a person, application/problem+json (RFC 9457) to a program."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.people.people import NotFound
from bot.words.errors import MemoryAway, RedkeyError
from handlers.web.members import NotSignedIn, ReadOnly
from handlers.web.rendering import Pages

PROGRAMS = ("/api/", "/slack/events", "/healthz", "/readyz", "/metrics")
SOON = {"Retry-After": "5"}  # seconds, as long as a writer waits for the database
PAGES = {
    400: "malformed",
    403: "cross_site",
    404: "page",
    405: "method",
    408: "malformed",
    413: "too_big",
    415: "malformed",
    503: "platform",
}


def problem_json(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answer(pages: Pages, request: Request, status: int, what: str = "", detail: str = "") -> Response:
    """The answer to a request that cannot be served, in the form its sender can read."""
    if request.scope["path"].startswith(PROGRAMS):
        return problem_json(status, detail or HTTPStatus(status).description)
    return pages.problem(what or PAGES.get(status, "server"), status)


def add_to(app: FastAPI, pages: Pages) -> None:
    """Register how each kind of error is answered."""

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        given = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
        response = answer(pages, request, error.status_code, detail=given)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, error: Exception) -> Response:  # noqa: ARG001 - it is asked for any page
        return RedirectResponse(f"{pages.link('/signin')}?{urlencode({'then': str(error)})}", 303)

    @app.exception_handler(ReadOnly)
    async def read_only(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return pages.problem("read_only", 403)

    @app.exception_handler(NotFound)
    async def not_found(request: Request, error: Exception) -> Response:
        family = request.scope["path"].split("/")[1]
        what = {"reauthorize": "link", "connect": "connect_link"}.get(family, "page")
        return answer(pages, request, 404, what, str(error))

    @app.exception_handler(RedkeyError)
    async def later(request: Request, error: Exception) -> Response:
        """Its text is for the log."""
        ours = isinstance(error, MemoryAway)
        if request.scope["path"].startswith(PROGRAMS):
            who = "Redkey's database" if ours else "A platform"
            return problem_json(503, f"{who} did not answer properly. Try again in a moment.", SOON)
        same = ours and request.method == "GET"
        page = pages.problem("database" if ours else "platform", 503, retry=_way_back(request), same=same)
        page.headers.update(SOON)
        return page


def _way_back(request: Request) -> str:
    """The start page a failed post came from."""
    parts = request.scope["path"].split("/")
    return "/".join(parts[:3]) if parts[1] in {"reauthorize", "connect"} else ""
