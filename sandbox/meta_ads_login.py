"""How Meta does OAuth: no refresh tokens, but short-lived tokens that are traded for long-lived ones while they live.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.consent import Asked, BadRequest, ConsentPage
from sandbox.ledger import Ledger
from sandbox.meta_ads_errors import GraphError, dead_token, unknown_token
from sandbox.meta_ads_params import Params, read_params
from sandbox.oauth import AuthorizationServer, Client, Grant, Lifetimes, Paths, Person, Rules
from sandbox.tokens import AccessToken, Problem, Refusal

CLIENT_ID = "318000000000042"
CLIENT_SECRET = "0123456789abcdef0123456789abcdef"
APP_NAME = "Redkey"
CONFIG_ID = "318000000000099"
CONFIGURED = ("ads_read", "ads_management", "business_management")
KNOWN_SCOPES = {"public_profile", "email", "pages_show_list", "pages_read_engagement", *CONFIGURED}
SHORT = timedelta(hours=1, minutes=30)
LONG = timedelta(days=60)
DATA_ACCESS = timedelta(days=90)

_REDIRECT = (
    "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth "
    "dialog request"
)
_CODES: dict[Problem, tuple[int, int | None, str]] = {
    Problem.UNKNOWN_CODE: (100, None, "Invalid verification code format."),
    Problem.USED_CODE: (100, 36009, "This authorization code has been used."),
    Problem.EXPIRED_CODE: (100, 36007, "This authorization code has expired."),
    Problem.FOREIGN_CODE: (100, None, "Invalid verification code format."),
    Problem.WRONG_REDIRECT: (
        100,
        36008,
        _REDIRECT,
    ),
    Problem.UNKNOWN_CLIENT: (
        101,
        None,
        "Error validating application. Cannot get application info due to a system error.",
    ),
    Problem.WRONG_SECRET: (1, None, "Error validating client secret."),
}


class Dialog(ConsentPage):
    """Facebook's consent dialog: permissions can be unticked, and what was declined is not asked again by itself."""

    def __init__(self, server: "MetaLogin") -> None:
        super().__init__(server)
        self._login = server

    def _read(self, request: Request) -> Asked:
        """Permissions are separated by commas or spaces; a configuration of Login for Business brings its own."""
        query = dict(request.query_params.multi_items())
        if "config_id" in query:
            if query["config_id"] != CONFIG_ID:
                raise BadRequest("invalid_config", "This configuration is not valid.")
            query["scope"] = " ".join(CONFIGURED)
        scopes = query.get("scope", "").replace(",", " ").split()
        if unknown := [scope for scope in scopes if scope not in KNOWN_SCOPES]:
            raise BadRequest("invalid_scope", f"Invalid Scopes: {', '.join(unknown)}.")
        query["scope"] = " ".join(scopes) or "public_profile"
        query.setdefault("response_type", "code")
        repeated = [(k, v) for k, v in request.query_params.multi_items() if request.query_params.getlist(k) != [v]]
        string = urlencode([*query.items(), *repeated]).encode()
        return super()._read(Request({**request.scope, "query_string": string}))

    def _grant(self, asked: Asked, person: Person, scopes: tuple[str, ...]) -> Response:
        declined = self._login.declined.setdefault(person.email, set())
        if asked.query.get("auth_type") == "rerequest":
            declined -= set(asked.scopes)
        granted = tuple(scope for scope in scopes if scope not in declined)
        declined |= set(asked.scopes) - set(granted)
        if "config_id" in asked.query and declined:
            return self._send_back(asked.redirect_uri, {"error": "access_denied"}, asked.state)
        return super()._grant(asked, person, ("public_profile", *(s for s in granted if s != "public_profile")))

    def _send_back(self, redirect_uri: str, told: dict[str, str], state: str | None) -> Response:
        if told.get("error") == "access_denied":
            told |= {"error_code": "200", "error_description": "Permissions error", "error_reason": "user_denied"}
        return super()._send_back(redirect_uri, told, state)


class MetaLogin(AuthorizationServer):
    """The authorization server; `long` is how long long-lived tokens live."""

    def __init__(self, ledger: Ledger, people: Sequence[Person]) -> None:
        rules = Rules(
            vendor="Facebook",
            paths=Paths("/{version}/dialog/oauth", "/{version}/oauth/access_token", "", ""),
            granular=True,
            errors_to_client=False,
            revoke_takes_all=True,
            token_prefixes=("EAAEhSandbox", "none_"),
        )
        lifetimes = Lifetimes(SHORT, timedelta(minutes=10))
        client = Client(CLIENT_ID, CLIENT_SECRET)
        super().__init__(rules, ledger, client=client, people=people, lifetimes=lifetimes, now=ledger.now)
        self.page = Dialog(self)
        self.long: timedelta | None = LONG
        """None: tokens that never end, as those of a business's system users."""
        self.declined: dict[str, set[str]] = {}
        self._logged_in: dict[str, datetime] = {}
        self._lasting: set[str] = set()

    def routes(self) -> list[Route]:
        paths = self.rules.paths
        return [
            Route(paths.authorize, self.page.show, methods=["GET"]),
            Route(paths.authorize, self.page.decide, methods=["POST"]),
            Route(paths.token, self.token, methods=["GET", "POST"]),
        ]

    # Tokens

    async def token(self, request: Request) -> Response:
        params = await read_params(request)
        grant_type = params.text("grant_type", "authorization_code")
        try:
            answer = self._traded(params, grant_type)
        except (GraphError, Refusal) as error:
            found = error if isinstance(error, GraphError) else self._refused(error)
            self.ledger.record("token_request", grant_type=grant_type, outcome=found.name)
            return found.answer()
        self.ledger.record(
            "token_request", grant_type=grant_type, outcome="ok", secrets_in_query="client_secret" in params.query
        )
        return JSONResponse(answer)

    def _traded(self, params: Params, grant_type: str) -> dict[str, Any]:
        client = self._client_of(params)
        match grant_type:
            case "authorization_code":
                return self._by_short_code(params, client)
            case "fb_exchange_token":
                return self._by_exchange(params, client)
            case "client_credentials":
                return {"access_token": f"{client.id}|{client.secret}", "token_type": "bearer"}
            case _:
                raise GraphError(400, 100, f"Invalid grant_type: {grant_type}")

    def _client_of(self, params: Params) -> Client:
        if not params.text("client_id"):
            raise GraphError(400, 101, "Missing client_id parameter.")
        client = self.clients.get(params.text("client_id"))
        if client is None:
            raise Refusal(Problem.UNKNOWN_CLIENT)
        if not params.text("client_secret"):
            raise GraphError(400, 1, "Missing client_secret parameter.")
        if client.secret != params.text("client_secret"):
            raise Refusal(Problem.WRONG_SECRET)
        return client

    def _by_short_code(self, params: Params, client: Client) -> dict[str, Any]:
        if not params.text("redirect_uri"):
            raise GraphError(400, 191, "Missing redirect_uri parameter.")
        code = self.grants.redeem(params.text("code"), client.id, params.text("redirect_uri"), None)
        self._logged_in[code.grant.name] = self.now()
        return self._shown(self.grants.issue_access(code.grant))

    def _by_exchange(self, params: Params, client: Client) -> dict[str, Any]:
        """A token that has ended is not traded: the person must log in again."""
        old = self.usable(params.text("fb_exchange_token"))
        if old.grant.client_id != client.id:
            raise unknown_token()
        new = self.grants.issue_access(old.grant)
        new.expires_at = self.now() + (self.long or timedelta(days=36_500))
        self._lasting.add(new.text)
        self.ledger.record("token.exchanged", old=old.name, new=new.name, person=old.grant.person.email)
        return self._shown(new)

    def _shown(self, token: AccessToken) -> dict[str, Any]:
        answer: dict[str, Any] = {"access_token": token.text, "token_type": "bearer"}
        if self.long is not None or token.text not in self._lasting:
            answer["expires_in"] = max(1, int((token.expires_at - self.now()).total_seconds()))
        return answer

    def _refused(self, refusal: Refusal) -> GraphError:
        if refusal.problem not in _CODES:
            return dead_token(refusal.problem, **self._words(None))
        code, subcode, words = _CODES[refusal.problem]
        return GraphError(400, code, words, subcode)

    # What tokens are worth

    def usable(self, text: str) -> AccessToken:
        """The token, if calls may be made with it. Raises GraphError."""
        token = self.grants.access.get(text)
        if token is None:
            raise unknown_token()
        if token.grant.dead is not None or token.dead is not None:
            raise dead_token(token.grant.dead or token.dead or Problem.REVOKED, **self._words(token))
        if self.now() >= token.expires_at:
            raise dead_token(Problem.IDLE, **self._words(token))
        return token

    def _words(self, token: AccessToken | None) -> dict[str, str]:
        form = "%A, %d-%b-%y %H:%M:%S %Z"
        expired = token.expires_at if token else self.now()
        return {"app": self.client.id, "expired": expired.strftime(form), "now": self.now().strftime(form)}

    def looked_at(self, text: str) -> dict[str, Any]:
        """https://developers.facebook.com/docs/graph-api/reference/debug_token."""
        try:
            token = self.usable(text)
        except GraphError as error:
            told = {"code": error.code, "message": error.message} | (
                {"subcode": error.subcode} if error.subcode else {}
            )
            return {"data": {"error": told, "is_valid": False, "scopes": []}}
        grant, never = token.grant, self.long is None and text in self._lasting
        data: dict[str, Any] = {
            "app_id": grant.client_id,
            "type": "USER",
            "application": APP_NAME,
            "data_access_expires_at": 0 if never else _seconds(self.data_access_ends(grant)),
            "expires_at": 0 if never else _seconds(token.expires_at),
            "is_valid": True,
            "scopes": list(grant.scopes),
            "granular_scopes": [{"scope": scope} for scope in grant.scopes if scope.startswith("ads_")],
            "user_id": grant.person.sub,
        }
        return {"data": data}

    def data_access_ends(self, grant: Grant) -> datetime:
        """90 days after the person last logged in; trading tokens does not move it."""
        logins = [self._logged_in[each.name] for each in self._of(grant.person) if each.name in self._logged_in]
        return max(logins) + DATA_ACCESS

    def _of(self, person: Person) -> list[Grant]:
        return [grant for grant in self.grants.all if grant.person.email == person.email]

    def end(self, email: str, why: Problem) -> int:
        """Every token of the person dies at once. How many logins died."""
        return self.revoke_user(email, why)

    def decline(self, email: str, scope: str) -> None:
        """The person takes one permission back, in their settings; it is not asked again by itself."""
        self.declined.setdefault(email, set()).add(scope)
        for grant in self.grants.alive(email):
            grant.scopes = tuple(each for each in grant.scopes if each != scope)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
