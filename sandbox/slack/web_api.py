"""The Web API's front door: who asks, may they, how often, and how Slack would say so."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.dropping import drop_connection
from sandbox.slack.arguments import Arguments, read_arguments
from sandbox.slack.mishaps import Mishap, Mishaps
from sandbox.slack.model import Call, Json
from sandbox.slack.rates import Rates
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import WorkspaceState

NEVER = datetime.max.replace(tzinfo=UTC)

Run = Callable[[WorkspaceState, Arguments], Json]


@dataclass(frozen=True)
class Method:
    """One Web API method; any one of `scopes` opens it."""

    run: Run
    scopes: tuple[str, ...] = ()
    per_minute: int = 50
    token: str = "bot"


class Dropped(Response):
    """The answer that is never sent: the connection breaks instead."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await drop_connection(scope, receive)


class WebApi:
    def __init__(self, state: WorkspaceState, methods: Mapping[str, Method], rates: Rates, mishaps: Mishaps) -> None:
        self.state = state
        self.methods = methods
        self.rates = rates
        self.mishaps = mishaps

    async def answer(self, request: Request) -> Response:
        name = request.path_params["method"]
        self._learn_address(request)
        if self.mishaps.down_with:
            return self._noted(name, {}, None, HTMLResponse("<h1>Slack is down</h1>", self.mishaps.down_with))
        try:
            args = await read_arguments(request)
        except SlackRefusal as refusal:
            return self._noted(name, {}, refusal.body, JSONResponse(refusal.body))
        given = deepcopy(args.given)
        mishap = self.mishaps.next_for(name)
        if mishap and mishap.late:
            self.state.changed()
            await self.mishaps.last(mishap.late)
        response = self._met(name, args, given, mishap)
        if mishap and mishap.delay:
            await self.mishaps.last(mishap.delay)
        return response

    def _met(self, name: str, args: Arguments, given: Json, mishap: Mishap | None) -> Response:
        """Do the work, unless a mishap prevents it, and answer it, unless a mishap keeps the answer back."""
        if mishap and not mishap.done and not mishap.drop and (mishap.error or mishap.status != 200):
            return self._struck(name, given, mishap)
        body, response = self._worked(name, args)
        if mishap and mishap.drop:
            return self._noted(name, given, None, Dropped(status_code=599))
        if mishap and mishap.done:
            return self._struck(name, given, mishap)
        return self._noted(name, given, body, response)

    def _learn_address(self, request: Request) -> None:
        """response_urls and sockets are on the address by which the app reaches us, unless one was set."""
        if not self.state.base_url:
            root = request.scope.get("root_path", "")
            self.state.base_url = f"{request.url.scheme}://{request.url.netloc}{root}"

    def _noted(self, name: str, args: Json, body: Json | None, response: Response) -> Response:
        self.state.calls.append(Call(name, args, self.state.now(), response.status_code, deepcopy(body)))
        self.state.changed()
        return response

    def _struck(self, name: str, args: Json, mishap: Mishap) -> Response:
        if mishap.status != 200:
            return self._noted(name, args, None, HTMLResponse("<h1>Something went wrong</h1>", mishap.status))
        if mishap.error == "ratelimited":
            return self._noted(name, args, {"ok": False, "error": "ratelimited"}, too_many(mishap.retry_after))
        body: Json = {"ok": False, "error": mishap.error}
        return self._noted(name, args, body, JSONResponse(body))

    def _worked(self, name: str, args: Arguments) -> tuple[Json, Response]:
        method = self.methods.get(name)
        if method is None:
            unknown: Json = {"ok": False, "error": "unknown_method", "req_method": name}
            return unknown, JSONResponse(unknown)
        try:
            self._let_in(method, args)
            seconds = self.rates.wait(name, method.per_minute, args.text("channel"))
            if seconds:
                body: Json = {"ok": False, "error": "ratelimited"}
                return body, too_many(seconds)
            body = {"ok": True, **method.run(self.state, args)}
        except SlackRefusal as refusal:
            body = refusal.body
        return body, JSONResponse(body, headers=self._scope_headers(method))

    def _let_in(self, method: Method, args: Arguments) -> None:
        """Refuses as Slack does; see the error table of https://docs.slack.dev/reference/methods/auth.test"""
        if method.token == "none":
            return
        if not args.token:
            raise SlackRefusal("not_authed")
        if self.state.now() >= self.state.rotating.get(args.token, NEVER):
            raise SlackRefusal("token_expired")
        if args.token not in {self.state.bot_token, self.state.app_token, *self.state.rotating}:
            raise SlackRefusal("invalid_auth")
        if (args.token == self.state.app_token) != (method.token == "app"):
            raise SlackRefusal("not_allowed_token_type")
        if error := (self.state.app_token_error if method.token == "app" else self.state.token_error):
            raise SlackRefusal(error)
        if method.scopes and not set(method.scopes) & set(self.state.scopes):
            provided = ",".join(self.state.scopes)
            raise SlackRefusal("missing_scope", needed=method.scopes[0], provided=provided)

    def _scope_headers(self, method: Method) -> dict[str, str]:
        headers = {"x-oauth-scopes": ",".join(self.state.scopes), "cache-control": "private, no-cache, no-store"}
        if method.scopes:
            headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        return headers


def too_many(seconds: int) -> Response:
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers={"retry-after": str(seconds)})
