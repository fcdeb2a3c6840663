"""How Salesforce does OAuth: its token answers, its refusals, its identity pages.

Refusals: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm
"""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.ledger import Ledger
from sandbox.oauth import Answer, AuthorizationServer, Checked, Client, Grant, Lifetimes, Paths, Person, Rules
from sandbox.salesforce_org import Org
from sandbox.tokens import Problem, Refusal

ROOT = "salesforce.root"
"""Key in the ASGI scope: the path under which the whole sandbox Salesforce is mounted."""

CLIENT_ID = "3MVG9sandboxRedkeyConsumerKey"
CLIENT_SECRET = "6A1F9C0E5B7D42F8SANDBOXREDKEY"
MOST_APPROVALS = 5

_EXPIRED = "expired access/refresh token"
_REFUSALS = {
    Problem.UNKNOWN_CLIENT: ("invalid_client_id", "client identifier invalid"),
    Problem.WRONG_SECRET: ("invalid_client", "invalid client credentials"),
    Problem.UNSUPPORTED_GRANT: ("unsupported_grant_type", "grant type not supported"),
    Problem.UNKNOWN_CODE: ("invalid_grant", "invalid authorization code"),
    Problem.FOREIGN_CODE: ("invalid_grant", "invalid authorization code"),
    Problem.EXPIRED_CODE: ("invalid_grant", "expired authorization code"),
    Problem.USED_CODE: ("invalid_grant", "expired authorization code"),
    Problem.WRONG_REDIRECT: ("redirect_uri_mismatch", "redirect_uri must match configuration"),
    Problem.MISSING_VERIFIER: ("invalid_grant", "invalid code verifier"),
    Problem.WRONG_VERIFIER: ("invalid_grant", "invalid code verifier"),
    Problem.PERSON_LOCKED: ("inactive_user", "user is inactive"),
    Problem.UNKNOWN_TOKEN: ("invalid_token", "invalid token"),
}


def refuse(refusal: Refusal) -> Answer:
    """All of Salesforce's refusals are 400, a wrong client's too."""
    if refusal.problem is Problem.MISSING_PARAMETER:
        return 400, {"error": "invalid_request", "error_description": refusal.detail}
    error, description = _REFUSALS.get(refusal.problem, ("invalid_grant", _EXPIRED))
    return 400, {"error": error, "error_description": description}


def login_url(request: Request) -> str:
    """What stands for https://login.salesforce.com here."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get(ROOT, '')}"


def identity_url(request: Request, person: Person) -> str:
    return f"{login_url(request)}/id/{person.accounts[0]}/{person.sub}"


def _unauthorized(checked: Checked) -> Response:
    """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm: 403, and not JSON."""
    return PlainTextResponse("Missing_OAuth_Token" if checked.reason == "missing" else "Bad_OAuth_Token", 403)


class Login(AuthorizationServer):
    """The authorization server of all orgs."""

    def __init__(self, ledger: Ledger, orgs: dict[str, Org], people: list[Person], *, rotation: bool = True) -> None:
        self.orgs = {org.id: org for org in orgs.values()}
        at = "/services/oauth2"
        rules = Rules(
            vendor="Salesforce",
            paths=Paths(f"{at}/authorize", f"{at}/token", f"{at}/revoke", f"{at}/userinfo"),
            rotation=rotation,
            show_expires_in=False,
            offline_scopes=("refresh_token", "offline_access", "full"),
            unknown_revoke_fails=True,
            token_prefixes=("00D5g000004XyZaEAK!AQ", "5Aep861"),
            refuse=refuse,
            more_fields=self._more_fields,
            revoked=lambda: Response(b"", 200),
            unauthorized=_unauthorized,
        )
        lifetimes = Lifetimes(timedelta(hours=2), timedelta(minutes=15), live_refresh=MOST_APPROVALS)
        client = Client(CLIENT_ID, CLIENT_SECRET)
        super().__init__(rules, ledger, client=client, people=people, lifetimes=lifetimes, now=ledger.now)

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/services/oauth2/introspect", self.introspect, methods=["POST"]),
            Route("/id/{org}/{user}", self.identity, methods=["GET"]),
        ]

    def org_of(self, person: Person) -> Org:
        return self.orgs[person.accounts[0]]

    def _more_fields(self, grant: Grant, request: Request) -> dict[str, Any]:
        identity = identity_url(request, grant.person)
        issued_at = str(int(self.now().timestamp() * 1000))
        signed = hmac.new(self.client.secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return {
            "id": identity,
            "instance_url": f"{login_url(request)}/org/{self.org_of(grant.person).key}",
            "issued_at": issued_at,
            "signature": base64.b64encode(signed).decode(),
        }

    async def revoke(self, request: Request) -> Response:
        """An access token goes alone; a refresh token takes the access tokens that came from it along.

        https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_revoke_token.htm
        """
        form = await request.form()
        token = self.grants.access.get(str(form.get("token") or request.query_params.get("token") or ""))
        if token is None or token.grant.dead or token.dead:
            return await super().revoke(request)
        token.dead = Problem.REVOKED
        self.ledger.record("revoke_request", known=True)
        self.ledger.record("token.revoked", token=token.name, grant=token.grant.name, why=Problem.REVOKED.value)
        return Response(b"", 200)

    async def introspect(self, request: Request) -> Response:
        form = await request.form()
        try:
            client = self._authenticate(request, form)
        except Refusal as refusal:
            status, body = refuse(refusal)
            return JSONResponse(body, status)
        return JSONResponse(self._introspected(request, form, client))

    def _introspected(self, request: Request, form: FormData, client: Client) -> dict[str, object]:
        text = str(form.get("token", ""))
        checked = self.check(text)
        known: dict[str, object] = {"token_type": "access_token"}
        if checked.ok:
            known["exp"] = int(self.grants.access[text].expires_at.timestamp())
            grant = checked.grant
        else:
            grant, token = self.grants.refresh.get(text, (None, None))
            if grant is None or token is None or grant.dead or token.dead:
                return {"active": False}
            known = {"token_type": "refresh_token", "iat": int(token.issued_at.timestamp())}
        if grant is None or grant.client_id != client.id:
            return {"active": False}
        about = {"scope": " ".join(grant.scopes), "client_id": client.id, "username": grant.person.email}
        return {"active": True, "sub": identity_url(request, grant.person), **about, **known}

    async def userinfo(self, request: Request) -> Response:
        checked = self.check_request(request)
        self.ledger.record("userinfo", outcome=checked.reason or "ok")
        if not checked.ok:
            return _unauthorized(checked)
        person = checked.who
        given, _, family = person.name.partition(" ")
        return JSONResponse(
            {
                "sub": identity_url(request, person),
                "user_id": person.sub,
                "organization_id": person.accounts[0],
                "preferred_username": person.email,
                "nickname": given.lower(),
                "name": person.name,
                "given_name": given,
                "family_name": family,
                "email": person.email,
                "email_verified": True,
                "zoneinfo": "Europe/Paris",
                "locale": "en_US",
                "user_type": "STANDARD",
                "updated_at": self.now().isoformat(),
            }
        )

    async def identity(self, request: Request) -> Response:
        """The page behind `id` in a token answer."""
        checked = self.check_request(request)
        if not checked.ok:
            return _unauthorized(checked)
        person = checked.who
        if request.path_params["org"] != person.accounts[0]:
            return PlainTextResponse("Wrong_Org", 403)
        if request.path_params["user"] != person.sub:
            return PlainTextResponse("Bad_Id", 403)
        rest = f"{login_url(request)}/org/{self.org_of(person).key}/services/data/v{{version}}/"
        return JSONResponse(
            {
                "id": identity_url(request, person),
                "asserted_user": True,
                "user_id": person.sub,
                "organization_id": person.accounts[0],
                "username": person.email,
                "display_name": person.name,
                "email": person.email,
                "email_verified": True,
                "active": True,
                "user_type": "STANDARD",
                "urls": {"rest": rest, "query": f"{rest}query/", "sobjects": f"{rest}sobjects/"},
            }
        )
