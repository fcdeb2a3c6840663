"""The API: touchpoints in; connections, outages, costs and freshness out. Every call carries a bearer key."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import date

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bot.connection import Touchpoint
from bot.intake import BadTouchpoints, parse_json, parse_ndjson
from bot.listing import connection_item, cost_csv, cost_ndjson, freshness_item, outage_item
from bot.people import Desk, Ledger
from handlers.web.own_ids import own_id
from handlers.web.problems import problem_json

Parse = Callable[[bytes, Collection[str]], list[Touchpoint]]

PARSERS: dict[str, Parse] = {"application/json": parse_json, "application/x-ndjson": parse_ndjson}
EXPORTS = {"csv": ("text/csv; charset=utf-8", cost_csv), "ndjson": ("application/x-ndjson", cost_ndjson)}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="redkey"'}


def routes(desk: Desk, ledger: Ledger, api_keys: Sequence[str], crms: Collection[str]) -> APIRouter:
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(_guard(api_keys))])

    @router.post("/touchpoints")
    async def take_touchpoints(request: Request) -> Response:
        parse = _parser(request)
        body = await request.body()
        try:
            touchpoints = await run_in_threadpool(parse, body, crms)  # up to 16 MiB: the loop must not wait for it
        except BadTouchpoints as bad:
            return _told(bad)
        accepted, duplicates, homeless = await ledger.accept(touchpoints)
        waiting = {"waiting_for_crm": homeless} if homeless else {}
        return JSONResponse({"accepted": accepted, "duplicates": duplicates, **waiting}, 202)

    @router.api_route("/connections", methods=["GET", "HEAD"])
    async def connections() -> Response:
        return JSONResponse([connection_item(facts) for facts in await desk.connections()])

    @router.api_route("/outages", methods=["GET", "HEAD"])
    async def outages() -> Response:
        return JSONResponse([outage_item(facts) for facts in await desk.outages()])

    @router.api_route("/costs", methods=["GET", "HEAD"])
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
        return StreamingResponse(_encoded(export(ledger.costs(since, until))), media_type=media_type)

    @router.api_route("/freshness/{connection}", methods=["GET", "HEAD"])
    async def freshness(connection: str) -> Response:
        found = await ledger.freshness(own_id(connection))
        return JSONResponse(freshness_item(found), 200 if found.fresh else 409)

    return router


def _guard(api_keys: Sequence[str]) -> Callable[[Request], None]:
    """Only digests of the keys are kept, and every one is compared, so that timing tells nothing about any."""
    known = [_digest(key) for key in api_keys if key]

    def check(request: Request) -> None:
        if not known:
            raise HTTPException(401, "The API is closed: web.api_keys holds no key.", CHALLENGE)
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        given = _digest(key.strip())
        matches = [hmac.compare_digest(given, one) for one in known]
        if scheme.lower() != "bearer" or not any(matches):
            raise HTTPException(401, "Send one of web.api_keys as: Authorization: Bearer KEY", CHALLENGE)

    return check


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


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
