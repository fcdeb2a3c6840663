"""The REST calls of the practice world's Google Ads: who may call, and what each call answers.

https://developers.google.com/google-ads/api/rest/overview
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.google_ads_data import Book
from sandbox.google_ads_entrance import LIVE, Call, Entrance
from sandbox.google_ads_errors import (
    AdsError,
    BadPayload,
    MissingScope,
    MissingToken,
    answer,
    bad_payload,
    error_body,
    failure,
    front_error,
)
from sandbox.google_ads_mutate import AdsErrors, Mutation
from sandbox.google_ads_query import read_query
from sandbox.google_ads_rows import field_mask
from sandbox.google_ads_search import Search
from sandbox.oauth import AuthorizationServer

STREAM_ROWS = 10_000
PAGES_KEPT = 64
NOT_FOUND = "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> That's an error.</html>"


@dataclass(frozen=True)
class Page:
    customer: str
    query: str
    rows: list[dict[str, Any]]
    at: int


class GoogleAdsApi:
    """All calls, over one book of accounts. `refused_ads`: what the platform objects to, by ad id."""

    def __init__(self, book: Book, oauth: AuthorizationServer) -> None:
        self.book = book
        self.oauth = oauth
        self.ledger = oauth.ledger
        self.page_rows = 10_000
        self.stream_rows = STREAM_ROWS
        self.entrance = Entrance(book, oauth)
        self.refused_ads: dict[str, AdsError] = {}
        self._pages: dict[str, Page] = {}
        self._requests = 0

    def routes(self) -> list[Route]:
        at = "/{version}/customers"
        return [
            Route(f"{at}:listAccessibleCustomers", self._guarded(self._list, "list"), methods=["GET"]),
            Route(f"{at}/{{customer}}/googleAds:search", self._guarded(self._search, "search"), methods=["POST"]),
            Route(f"{at}/{{customer}}/googleAds:searchStream", self._guarded(self._stream, "stream"), methods=["POST"]),
            Route(f"{at}/{{customer}}/ads:mutate", self._guarded(self._mutate, "mutate"), methods=["POST"]),
        ]

    def _guarded(
        self, work: Callable[[Request, str, str], Awaitable[Response]], name: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """Turns what `work` raises into Google's answers, and writes the call into the ledger."""

        async def guarded(request: Request) -> Response:
            self._requests += 1
            request_id = f"sandbox{self._requests:012d}"
            version = request.path_params["version"]
            try:
                response, outcome = await work(request, version, request_id), "ok"
            except (AdsError, AdsErrors) as error:
                errors = error.errors if isinstance(error, AdsErrors) else [error]
                outcome = errors[0].code
                shown = version if version in LIVE else LIVE[-1]
                body: Any = error_body(errors[0].http, [failure(errors, shown, request_id)])
                response = answer([body] if name == "stream" else body, errors[0].http, request_id)
            except (MissingToken, MissingScope, BadPayload) as refused:
                status, body = _front(refused)
                outcome = type(refused).__name__
                response = answer([body] if name == "stream" else body, status, request_id)
            self._note(request, name, outcome)
            return response

        return guarded

    def _note(self, request: Request, name: str, outcome: str) -> None:
        checked = self.oauth.check_request(request)
        self.ledger.record(
            "api_call",
            call=name,
            customer=request.path_params.get("customer"),
            login_customer=request.headers.get("login-customer-id"),
            person=checked.person.email if checked.person else None,
            outcome=outcome,
        )

    # What the calls answer

    async def _list(self, request: Request, version: str, request_id: str) -> Response:
        person = self.entrance.admit(request, version)
        names = [f"customers/{each}" for each in person.accounts if (person.email, each) not in self.entrance.withdrawn]
        return answer({"resourceNames": names} if names else {}, 200, request_id)

    async def _search(self, request: Request, version: str, request_id: str) -> Response:
        allowed = {"query", "pageToken", "pageSize", "validateOnly", "searchSettings"}
        call = await self.entrance.authorized(request, version, request_id, allowed)
        if "pageSize" in call.body:
            raise AdsError(
                400,
                "requestError",
                "PAGE_SIZE_NOT_SUPPORTED",
                "Setting the page size is not supported. Search Responses will have fixed page size of '10000' rows.",
            )
        query = read_query(_query(call.body))
        page = self._page(call)
        rows = page.rows[page.at : page.at + self.page_rows]
        found: dict[str, Any] = {"results": rows} if rows else {}
        following = page.at + self.page_rows
        if following < len(page.rows):
            found["nextPageToken"] = self._keep(Page(page.customer, page.query, page.rows, following))
        found["fieldMask"] = field_mask(query)
        return answer(found, 200, request_id)

    def _page(self, call: Call) -> Page:
        """The page that the token names, from the rows as they were at the first page; else the first page."""
        token = call.body.get("pageToken")
        text = _query(call.body)
        if not token:
            return Page(call.account.id, text, self._rows(call), 0)
        page = self._pages.get(str(token))
        if page is None or page.customer != call.account.id or page.query != text:
            raise AdsError(400, "requestError", "INVALID_PAGE_TOKEN", "Page token is invalid.")
        return page

    def _keep(self, page: Page) -> str:
        self._requests += 1
        token = f"CAoSsandbox{self._requests:08d}"
        self._pages[token] = page
        while len(self._pages) > PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        return token

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        query = read_query(_query(call.body))
        person = call.person
        search = Search(query, call.account, self.book.now(), lambda account: self.entrance.reached(person, account.id))
        rows = search.rows()
        self.ledger.record("query", customer=call.account.id, resource=query.resource, rows=len(rows))
        return rows

    async def _stream(self, request: Request, version: str, request_id: str) -> Response:
        call = await self.entrance.authorized(request, version, request_id, {"query", "summaryRowSetting"})
        rows, mask = self._rows(call), field_mask(read_query(_query(call.body)))
        headers = {"content-type": "application/json; charset=UTF-8", "request-id": request_id}
        return StreamingResponse(_chunks(rows, mask, request_id, self.stream_rows), headers=headers)

    async def _mutate(self, request: Request, version: str, request_id: str) -> Response:
        allowed = {"operations", "partialFailure", "validateOnly", "responseContentType"}
        call = await self.entrance.authorized(request, version, request_id, allowed)
        if call.account.manager:
            raise AdsError(403, "authorizationError", "ACTION_NOT_PERMITTED", "Managers have no ads.")
        mutation = Mutation(self.book, call.account, self.ledger, self.refused_ads)
        return answer(mutation.run(call.body, version, request_id), 200, request_id)


def _front(refused: Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(refused, MissingToken):
        return 401, front_error(401, "CREDENTIALS_MISSING")
    if isinstance(refused, MissingScope):
        return 403, front_error(403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    return 400, bad_payload(str(refused))


def _query(body: dict[str, Any]) -> str:
    query = body.get("query")
    if not isinstance(query, str) or not query:
        raise AdsError(
            400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing", path=(("query", None),)
        )
    return query


async def _chunks(rows: list[dict[str, Any]], mask: str, request_id: str, most: int) -> AsyncIterator[bytes]:
    """A JSON array of answers of at most so many rows; an account without rows answers one without results."""
    yield b"["
    for at in range(0, max(len(rows), 1), most):
        part = rows[at : at + most]
        chunk = ({"results": part} if part else {}) | {"fieldMask": mask, "requestId": request_id}
        yield (b"," if at else b"") + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode()
        await asyncio.sleep(0)
    yield b"]"


async def not_found(_request: Request, _problem: Exception) -> Response:
    return HTMLResponse(NOT_FOUND, status_code=404)
