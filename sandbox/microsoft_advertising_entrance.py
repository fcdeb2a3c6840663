"""Who may call the practice world's Microsoft Advertising: developer token, login, account, and the pace of calls."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.entra import Entra
from sandbox.microsoft_advertising_data import Account, Book
from sandbox.microsoft_advertising_faults import ApiFault, tracking_id
from sandbox.oauth import Person

SCOPE = "https://ads.microsoft.com/msads.manage"
DEVELOPER_TOKEN = "0REDKEY0SANDBOX0"

Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One authorized call. `here` is the practice world's own address, for links."""

    person: Person
    user: str
    account: Account | None
    body: Body
    here: str

    @property
    def of_account(self) -> Account:
        assert self.account is not None
        return self.account


Work = Callable[[Call], Body]


class Entrance:
    """`users`: who is a user of Microsoft Advertising, with their id there, by e-mail address.

    `withdrawn` holds (e-mail, account) pairs that lost their access; `identity` the code that meets a person whatever they
    ask; `over_limit` how many of the next calls are too many (None: all).
    """

    def __init__(self, book: Book, oauth: Entra) -> None:
        self.book = book
        self.oauth = oauth
        self.users: dict[str, str] = {}
        self.withdrawn: set[tuple[str, str]] = set()
        self.identity: dict[str, int] = {}
        self.developer_token = DEVELOPER_TOKEN
        self.over_limit: int | None = 0

    def route(
        self, path: str, name: str, work: Work, fields: str, *, method: str = "POST", account: bool = True
    ) -> Route:
        """A call whose body may hold these fields; `account`: one that wants to be told which account it is for."""
        allowed = set(fields.split())

        async def answer(request: Request) -> Response:
            try:
                call = await self._admitted(request, allowed, account=account)
                response: Response = JSONResponse(work(call), headers={"trackingid": tracking_id()})
                outcome = "ok"
            except ApiFault as fault:
                response = fault.answer(of_customers=path.startswith("/clientcenter"))
                outcome = str(fault.code)
            self._note(request, name, outcome)
            return response

        return Route(path, answer, methods=[method])

    async def _admitted(self, request: Request, allowed: set[str], *, account: bool) -> Call:
        """Raises ApiFault."""
        needed = ["developertoken", "authorization", *(["customeraccountid", "customerid"] if account else [])]
        if any(not request.headers.get(name) for name in needed):
            raise ApiFault(116)
        person = self._person(request)
        if person.email in self.identity:
            raise ApiFault(self.identity[person.email])
        if self.over_limit != 0:
            self.over_limit = None if self.over_limit is None else self.over_limit - 1
            raise ApiFault(117)
        body = await _json(request, allowed)
        found = self._account(request, person) if account else None
        here = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        return Call(person, self.users[person.email], found, body, here)

    def _person(self, request: Request) -> Person:
        if request.headers["developertoken"] != self.developer_token:
            raise ApiFault(105)
        checked = self.oauth.check_request(request)
        if checked.reason == "expired":
            raise ApiFault(109)
        if checked.reason is not None or SCOPE not in checked.scopes:
            raise ApiFault(105)
        if checked.who.email not in self.users:
            raise ApiFault(105, "UserNotFound")
        return checked.who

    def _account(self, request: Request, person: Person) -> Account:
        account = self.reached(person, request.headers["customeraccountid"])
        if account is None or request.headers["customerid"] != account.customer:
            raise ApiFault(106)
        if account.status == "Inactive":
            raise ApiFault(105, "AccountInactive")
        return account

    def reached(self, person: Person, number: str) -> Account | None:
        if number not in person.accounts or (person.email, number) in self.withdrawn:
            return None
        return self.book.accounts[number]

    def _note(self, request: Request, name: str, outcome: str) -> None:
        checked = self.oauth.check_request(request)
        self.oauth.ledger.record(
            "api_call",
            call=name,
            account=request.headers.get("customeraccountid"),
            customer=request.headers.get("customerid"),
            person=checked.person.email if checked.person else None,
            outcome=outcome,
        )


async def _json(request: Request, allowed: set[str]) -> Body:
    """What cannot be read is no request at Microsoft: an unknown name, a number where a long is written as text."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise ApiFault(100) from None
    if not isinstance(body, dict) or set(body) - allowed:
        raise ApiFault(100)
    return body


def a_long(value: object) -> str:
    """64-bit numbers are text in Microsoft's JSON."""
    if not isinstance(value, str) or not value.isdigit():
        raise ApiFault(100)
    return value


async def not_found(_request: Request, _problem: Exception) -> Response:
    return Response(status_code=404)
