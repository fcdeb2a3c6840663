"""The API: touchpoints in; connections, outages, costs and freshness out. Every call carries a bearer key."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.desk.intake import BadTouchpoints, parse_json, parse_ndjson
from bot.people.people import Desk, Ledger
from bot.settings.api_keys import KeyRing
from bot.words.connection import Outage
from bot.words.freight import Touchpoint
from bot.words.listing import connection_item, cost_csv, cost_ndjson, freshness_item, outage_item
from handlers.web import openapi
from handlers.web.bearer import CHALLENGE, shown
from handlers.web.own_ids import own_id
from handlers.web.paging import WRONG_CURSOR, after_of, following, limit_of, page
from handlers.web.problems import problem_json
from handlers.web.streamed import Streamed

Parse = Callable[[bytes, Collection[str]], list[Touchpoint]]

PARSERS: dict[str, Parse] = {"application/json": parse_json, "application/x-ndjson": parse_ndjson}
EXPORTS = {"csv": ("text/csv; charset=utf-8", cost_csv), "ndjson": ("application/x-ndjson", cost_ndjson)}
LITTLE = 16 * 1024  # bytes, some eighty touchpoints


def routes(desk: Desk, ledger: Ledger, api_keys: Sequence[str], crms: Collection[str]) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    ring = KeyRing(api_keys)

    @router.api_route("/openapi.json", methods=["GET", "HEAD"])
    async def described() -> Response:
        return JSONResponse(openapi.document())

    async def take_touchpoints(request: Request) -> Response:
        _check(ring, request, "touchpoints")
        parse = _parser(request)
        body = await request.body()
        try:
            # Up to 16 MiB: the loop must not wait for it. To ask a thread takes longer than to read a little.
            some = parse(body, crms) if len(body) < LITTLE else await run_in_threadpool(parse, body, crms)
        except BadTouchpoints as bad:
            return _told(bad)
        accepted, duplicates, homeless = await ledger.accept(some)
        waiting = {"waiting_for_crm": homeless} if homeless else {}
        return JSONResponse({"accepted": accepted, "duplicates": duplicates, **waiting}, 202)

    # Starlette's route, not FastAPI's: there is nothing to inject, and it would cost a quarter of a small call.
    router.add_route(f"{router.prefix}/touchpoints", take_touchpoints, methods=["POST"])

    @router.api_route("/connections", methods=["GET", "HEAD"], dependencies=[_needs(ring, "connections")])
    async def connections(request: Request) -> Response:
        every = sorted(await desk.connections(), key=lambda facts: facts.connection.id)
        part, headers = page(request, every, lambda facts: facts.connection.id)
        return JSONResponse([connection_item(facts) for facts in part], headers=headers)

    @router.api_route("/outages", methods=["GET", "HEAD"], dependencies=[_needs(ring, "outages")])
    async def outages(request: Request) -> Response:
        limit, after = limit_of(request), after_of(request)
        found = await desk.past(limit + 1, _opened(after) if after else None)
        headers = following(limit, _place(found[limit - 1])) if len(found) > limit else {}
        return JSONResponse([outage_item(outage) for outage in found[:limit]], headers=headers)

    @router.api_route("/costs", methods=["GET", "HEAD"], dependencies=[_needs(ring, "costs")])
    async def costs(request: Request) -> Response:
        since, until = _day(request, "from"), _day(request, "to")
        if since and until and since > until:
            raise HTTPException(422, "from: expected a day no later than to")
        wanted = request.query_params.get("format", "csv")
        if wanted not in EXPORTS:
            raise HTTPException(422, "format: expected csv or ndjson")
        media_type, export = EXPORTS[wanted]
        if request.method == "HEAD":
            return Response(media_type=media_type)
        return Streamed(_encoded(export(ledger.costs(since, until))), media_type=media_type)

    @router.api_route("/freshness/{connection}", methods=["GET", "HEAD"], dependencies=[_needs(ring, "freshness")])
    async def freshness(connection: str) -> Response:
        found = await ledger.freshness(own_id(connection))
        return JSONResponse(freshness_item(found), 200 if found.fresh else 409)

    return router


def _needs(ring: KeyRing, scope: str) -> Any:
    async def check(request: Request) -> None:  # else FastAPI would go to a thread for it
        _check(ring, request, scope)

    return Depends(check)


def _check(ring: KeyRing, request: Request, scope: str) -> None:
    """A key of ours, and one that may do this (RFC 6750)."""
    if not ring:
        raise HTTPException(401, "The API is closed: web.api_keys holds no key.", CHALLENGE)
    key = shown(request, ring, "one of web.api_keys")
    if not key.may(scope):
        lacking = f'{CHALLENGE["WWW-Authenticate"]}, error="insufficient_scope", scope="{scope}"'
        raise HTTPException(403, f"This key lacks the scope {scope}.", {"WWW-Authenticate": lacking})


def _place(outage: Outage) -> str:
    """Where the list goes on after this one."""
    return f"{outage.opened_at.isoformat()} {outage.id}"


def _opened(place: str) -> tuple[datetime, str]:
    moment, _, last = place.partition(" ")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), last
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, WRONG_CURSOR) from error


def _parser(request: Request) -> Parse:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    parse = PARSERS.get(kind.strip().lower())
    charset = parameters.lower().replace(" ", "").replace('"', "")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if parse is None or ("charset=" in charset and "charset=utf-8" not in charset) or encoding != "identity":
        raise HTTPException(415, f"Expected {' or '.join(PARSERS)}, in UTF-8 and not compressed.")
    return parse


def _told(bad: BadTouchpoints) -> Response:
    problems = [{"where": p.where, "id": p.id, "what": p.what} for p in bad.problems]
    detail = f"Nothing was taken: {bad}"
    return problem_json(422, detail, count=bad.count, problems=problems)


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        if len(text) != len("2026-11-23"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(422, f"{name}: expected a day such as 2026-11-23") from error


async def _encoded(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece.encode("utf-8", "replace")
