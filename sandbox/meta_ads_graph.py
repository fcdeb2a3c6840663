"""The Graph API of the practice world's Meta: which call goes where, and what each answers."""

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.ledger import Ledger
from sandbox.meta_ads_ads import AD_FIELDS, CREATIVE_FIELDS, Ads, shown_creative
from sandbox.meta_ads_data import Account, Book
from sandbox.meta_ads_entrance import Caller, Entrance, bearer
from sandbox.meta_ads_errors import GraphError, bad_parameter, not_there, unknown_path
from sandbox.meta_ads_insights import Insights
from sandbox.meta_ads_login import MetaLogin
from sandbox.meta_ads_params import Params, chosen, paged, read_params
from sandbox.tokens import Problem

ME = {"id", "name", "email", "first_name", "last_name"}
ACCOUNT = {"id", "account_id", "name", "account_status", "currency", "timezone_name", "amount_spent", "business"}
RUN = {
    "id",
    "account_id",
    "async_status",
    "async_percent_completion",
    "is_running",
    "date_start",
    "date_stop",
    "time_ref",
    "time_completed",
    "error_code",
    "error_subcode",
    "error_message",
    "error_user_msg",
    "error_user_title",
}
APP_TOKEN_NEEDED = (
    "(#100) You must provide an app access token, or a user access token that is an owner or developer of the app"
)


class Call:
    """One call, read."""

    def __init__(self, request: Request, params: Params) -> None:
        self.request = request
        self.params = params
        self.version = request.path_params["version"]
        self.path = request.path_params["path"].strip("/")
        self.parts = self.path.split("/")

    @property
    def account(self) -> str:
        """The ad account that the path begins with, or nothing."""
        found = re.fullmatch(r"act_(\d+)", self.parts[0])
        return found[1] if found else ""


class GraphApi:
    """All calls, over one book of accounts. `page_rows`: at most so many objects a page, however many are asked for."""

    def __init__(self, book: Book, oauth: MetaLogin, ledger: Ledger) -> None:
        self.book = book
        self.oauth = oauth
        self.ledger = ledger
        self.page_rows = 500
        self.entrance = Entrance(book, oauth, ledger.now)
        self.insights = Insights(ledger.now, book.number)
        self.ads = Ads(book, ledger, ledger.now)

    def routes(self) -> list[Route]:
        return [Route("/{version}/{path:path}", self._guarded, methods=["GET", "POST", "DELETE"])]

    async def _guarded(self, request: Request) -> Response:
        """Turns what a call raises into Meta's answers, and writes it into the ledger."""
        call, headers = Call(request, Params(request.method, {})), dict[str, str]()
        try:
            call = Call(request, await read_params(request))
            answer, outcome = self._answer(call, headers), "ok"
            response: Response = JSONResponse(answer, headers=headers | {"facebook-api-version": call.version})
        except GraphError as error:
            response, outcome = error.answer(), error.name
        in_query = bool({"access_token", "input_token"} & set(call.params.query))
        details = {"token_in_query": in_query, "proof": "appsecret_proof" in call.params.values}
        self.ledger.record("api_call", call=f"{call.params.method} {call.path}", outcome=outcome, **details)
        return response

    def _answer(self, call: Call, headers: dict[str, str]) -> Any:
        if call.parts == ["debug_token"]:
            return self._debug_token(call)
        ads = bool(call.account or call.parts[0].isdigit())
        self.entrance.check_version(call.version, call.path, ads=ads)
        caller = self.entrance.admit(call.request, call.params)
        if call.account:
            headers |= self.entrance.spend(call.account)
            return self._of_account(call, caller)
        if len(call.parts) > 1 and call.parts[1] == "permissions":
            return self._permissions(call, caller)
        if call.parts[0] == "me":
            return self._of_me(call, caller)
        if call.parts[0].isdigit():
            return self._of_object(call, caller)
        raise unknown_path(call.path)

    # The person

    def _debug_token(self, call: Call) -> Any:
        client = self.oauth.client
        if bearer(call.request, call.params) != f"{client.id}|{client.secret}":
            raise GraphError(400, 100, APP_TOKEN_NEEDED)
        if call.params.method != "GET":
            raise bad_parameter("Unsupported method for debug_token")
        if not call.params.text("input_token"):
            raise bad_parameter("The parameter input_token is required")
        told: Any = self.oauth.looked_at(call.params.text("input_token"))
        return told

    def _of_me(self, call: Call, caller: Caller) -> Any:
        person = caller.person
        match (call.params.method, call.parts[1:]):
            case ("GET", []):
                first, _, last = person.name.partition(" ")
                mail = {"email": person.email} if "email" in caller.scopes else {}
                whole = {"id": person.sub, "name": person.name, "first_name": first, "last_name": last} | mail
                return chosen(whole, call.params.fields(ME, "User", ("name", "id")))
            case ("GET", ["adaccounts"]):
                fields = call.params.fields(ACCOUNT, "AdAccount", ("account_id",))
                return self._page(call, caller, [chosen(self._account(a), fields) for a in self._reached(caller)])
            case _:
                raise unknown_path(call.path)

    def _reached(self, caller: Caller) -> list[Account]:
        if not caller.scopes & {"ads_read", "ads_management"}:
            raise GraphError(403, 200, "(#200) Requires ads_management or ads_read permission to manage the object")
        own = [each for each in caller.person.accounts if (caller.person.email, each) not in self.entrance.withdrawn]
        return [self.book.accounts[each] for each in own]

    def _permissions(self, call: Call, caller: Caller) -> Any:
        """https://developers.facebook.com/docs/graph-api/reference/user/permissions."""
        if call.parts[0] not in {"me", caller.person.sub}:
            raise not_there(call.parts[0], call.params.method.lower())
        declined = self.oauth.declined.get(caller.person.email, set())
        match (call.params.method, call.parts[2:]):
            case ("GET", []):
                told = [(scope, "granted") for scope in sorted(caller.scopes)]
                told += [(scope, "declined") for scope in sorted(declined)]
                return {"data": [{"permission": scope, "status": status} for scope, status in told]}
            case ("DELETE", []):
                self.ledger.record("revoke_request", known=True)
                self.oauth.end(caller.person.email, Problem.REVOKED)
            case ("DELETE", [scope]):
                self.oauth.decline(caller.person.email, scope)
            case _:
                raise unknown_path(call.path)
        return {"success": True}

    # Accounts and what is in them

    def _of_account(self, call: Call, caller: Caller) -> Any:
        edge = call.parts[1:]
        account = self.entrance.account(caller, call.account, edge=bool(edge))
        if call.params.method == "POST" and edge == ["adcreatives"]:
            self.entrance.check_writing(caller, account)
            return {"id": self.ads.create_creative(account, call.params).id}
        if call.params.method == "POST" and edge == ["insights"]:
            return {"report_run_id": self.insights.order(account, call.params)}
        if call.params.method != "GET":
            raise not_there(call.parts[0], call.params.method.lower())
        edges: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "ads": lambda: self._listed_ads(account, call),
            "adcreatives": lambda: self._listed_creatives(account, call),
            "insights": lambda: self.insights.read(account, call.params),
        }
        if not edge:
            return chosen(self._account(account), call.params.fields(ACCOUNT, "AdAccount", ("account_id", "id")))
        if len(edge) > 1 or edge[0] not in edges:
            raise unknown_path(call.path)
        return self._page(call, caller, edges[edge[0]]())

    def _account(self, account: Account) -> dict[str, Any]:
        return {
            "id": f"act_{account.id}",
            "account_id": account.id,
            "name": account.name,
            "account_status": account.account_status,
            "currency": account.currency,
            "timezone_name": account.time_zone,
        }

    def _listed_ads(self, account: Account, call: Call) -> list[dict[str, Any]]:
        fields = call.params.fields(AD_FIELDS, "Ad", ("id",))
        return [chosen(self.ads.shown(account, ad, fields), fields) for ad in self.ads.listed(account, call.params)]

    def _listed_creatives(self, account: Account, call: Call) -> list[dict[str, Any]]:
        fields = call.params.fields(CREATIVE_FIELDS, "AdCreative", ("id",))
        return [chosen(shown_creative(account, each), fields) for each in self.ads.creatives(account, call.params)]

    def _of_object(self, call: Call, caller: Caller) -> Any:
        """An ad, a creative or a report by its number."""
        number, edge, writing = call.parts[0], call.parts[1:], call.params.method == "POST"
        if number in self.insights.reports:
            return self._of_report(call, caller)
        for kind in ("ads", "creatives"):
            found = self.book.find(kind, number)
            if found is None or edge:
                continue
            account, thing = found
            self.entrance.account(caller, account.id, edge=False)
            if not writing:
                return self._shown(kind, account, thing, call)
            self.entrance.check_writing(caller, account)
            if kind == "ads":
                self.ads.update_ad(account, thing, call.params)
            else:
                self.ads.update_creative(thing, call.params)
            return {"success": True}
        raise not_there(number, call.params.method.lower())

    def _shown(self, kind: str, account: Account, thing: Any, call: Call) -> Any:
        known, name = (AD_FIELDS, "Ad") if kind == "ads" else (CREATIVE_FIELDS, "AdCreative")
        fields = call.params.fields(known, name, ("id",))
        whole = self.ads.shown(account, thing, fields) if kind == "ads" else shown_creative(account, thing)
        return chosen(whole, fields)

    def _of_report(self, call: Call, caller: Caller) -> Any:
        report = self.insights.reports[call.parts[0]]
        self.entrance.account(caller, report.account, edge=False)
        if call.parts[1:] == ["insights"]:
            return self._page(call, caller, self.insights.found(report.id))
        default = ("id", "account_id", "async_status", "async_percent_completion", "date_start", "date_stop")
        fields = call.params.fields(RUN, "AdReportRun", default)
        told = self.insights.look(report.id)
        return {name: told[name] for name in ("id", *fields) if name in told}

    def _page(self, call: Call, caller: Caller, rows: list[dict[str, Any]]) -> dict[str, Any]:
        address = str(call.request.url).partition("?")[0]
        return paged(rows, call.params, address, self.page_rows, caller.token.text)
