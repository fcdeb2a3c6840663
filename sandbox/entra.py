"""Microsoft Entra in the practice world: tenants, consent per service, refresh tokens that supersede one another.

For every Microsoft platform. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import base64
import json
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.consent import PAGES
from sandbox.entra_words import NUMBERS, ROWS, Speaker
from sandbox.ledger import Ledger
from sandbox.oauth import Answer, AuthorizationServer, Client, Grant, Lifetimes, Paths, Person, Rules
from sandbox.tokens import Problem, Refusal

OIDC = frozenset({"openid", "profile", "email", "offline_access"})
PROMPTS = frozenset({"", "login", "none", "consent", "select_account"})
SHARED = frozenset({"common", "organizations"})
_NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Tenant:
    """One organization's directory. People belong to it by the domain of their e-mail address."""

    domain: str
    name: str

    @property
    def id(self) -> str:
        return str(uuid5(NAMESPACE_DNS, self.domain))


class Entra(AuthorizationServer):
    """`offers(scope)`: whether a scope that is not OpenID's belongs to a service here. `at` is where it is mounted.

    Refusals that a person meets are set by `demand`: a number of entra_words.ROWS for every refresh of a consent given
    before; a new sign-in meets it only if it is in `blocked`.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        client: Client,
        tenants: Iterable[Tenant],
        people: Iterable[Person],
        offers: Callable[[str], bool],
        at: str = "",
        multi_tenant: bool = True,
    ) -> None:
        self.tenants = list(tenants)
        self.secret_expired = False
        self.app_disabled = False
        self.multi_tenant = multi_tenant
        self.blocked: dict[str, int] = {}
        self._offers = offers
        self._demands: dict[str, tuple[int, int]] = {}
        self._superseded: set[str] = set()
        self._speaker = Speaker(client.id)
        prefix = f"{at}/{{tenant}}/oauth2/v2.0"
        rules = Rules(
            vendor="Microsoft",
            paths=Paths(f"{prefix}/authorize", f"{prefix}/token"),
            offline_scopes=("offline_access",),
            token_prefixes=("eyJ0eXAiOiJKV1Qi.", "1.AXoA"),
            refuse=self._refuse,
            more_fields=self._more_fields,
        )
        lifetimes = Lifetimes(code=timedelta(minutes=10), idle=timedelta(days=90))
        super().__init__(rules, ledger, client=client, people=people, lifetimes=lifetimes, now=ledger.now)

    def routes(self) -> list[Route]:
        """Entra has no revocation endpoint, and its userinfo belongs to Microsoft Graph."""
        paths = self.rules.paths
        return [
            Route(paths.authorize, self._authorize, methods=["GET", "POST"]),
            Route(paths.token, self.token, methods=["POST"]),
        ]

    # What tests and levers do

    def demand(self, email: str, number: int) -> None:
        """From now on refreshes of this person's consents are refused with this row; a new consent is free of it."""
        assert number in ROWS
        self._demands[email] = (number, len(self.grants.all))

    def forgive(self, email: str) -> None:
        self._demands.pop(email, None)
        self.blocked.pop(email, None)

    def require_mfa(self, email: str) -> None:
        self.demand(email, 50076)

    def block(self, email: str) -> None:
        """Conditional Access lets this person have no token, not even by signing in anew."""
        self.demand(email, 53003)
        self.blocked[email] = 53003

    def withdraw_consent(self, email: str) -> None:
        self.demand(email, 65001)

    def disable(self, email: str) -> None:
        self.demand(email, 50057)
        self.blocked[email] = 50057

    def tenant_of(self, person: Person) -> Tenant:
        domain = person.email.rpartition("@")[2]
        return next(tenant for tenant in self.tenants if tenant.domain == domain)

    def superseded(self, text: str) -> bool:
        """Whether this refresh token has a successor. It goes on working, as Microsoft's do."""
        return text in self._superseded

    # Consent

    async def _authorize(self, request: Request) -> Response:
        number, words = self._wrong(request)
        if number:
            return self._turn_away(request, number, words)
        if request.method == "GET":
            return await self.page.show(request)
        form = await request.form()
        person = self.people.get(str(form.get("person", "")))
        if form.get("decision") == "allow" and person:
            if not self._admits(request, person):
                return self._error_page(50020, tenant=request.path_params["tenant"])
            if person.email in self.blocked:
                return self._error_page(self.blocked[person.email], tenant=self.tenant_of(person).domain)
        return await self.page.decide(request)

    def _wrong(self, request: Request) -> tuple[int, str]:
        """What is wrong with an authorization request, apart from what the consent page itself looks at."""
        query, tenant = request.query_params, request.path_params["tenant"]
        if not self._known(tenant):
            return 90002, tenant
        if not self.multi_tenant and tenant in SHARED:
            return 50194, ""
        if query.get("prompt", "") not in PROMPTS:
            return 90023, ""
        for scope in query.get("scope", "").split():
            if scope not in OIDC and not self._offers(scope):
                return (500011 if "/" in scope else 70011), scope
        return 0, ""

    def _turn_away(self, request: Request, number: int, words: str) -> Response:
        """By redirect where the address is registered (RFC 6749 §4.1.2.1), else on a page."""
        query = request.query_params
        uri = query.get("redirect_uri", "")
        if query.get("client_id") != self.client.id or uri not in self.client.redirect_uris or number in {90002, 50194}:
            return self._error_page(number, detail=words, resource=words)
        _, body = self._speak(number, detail=words, resource=words.rpartition("/")[0])
        told = {"error": body["error"], "error_description": body["error_description"]}
        if "state" in query:
            told["state"] = query["state"]
        return RedirectResponse(f"{uri}?{urllib.parse.urlencode(told)}", status_code=303, headers=_NO_STORE)

    def _error_page(self, number: int, **words: str) -> Response:
        _, body = self._speak(number, **words)
        self.ledger.record("authorize_refused", error=f"AADSTS{number}")
        page = PAGES.get_template("oauth_error.html").render(
            vendor=self.rules.vendor, error=body["error"], description=body["error_description"]
        )
        return HTMLResponse(page, status_code=400, headers=_NO_STORE)

    def _known(self, tenant: str) -> bool:
        return tenant in SHARED or any(tenant in {each.id, each.domain} for each in self.tenants)

    def _admits(self, request: Request, person: Person) -> bool:
        tenant, own = request.path_params["tenant"], self.tenant_of(person)
        return tenant in SHARED or tenant in {own.id, own.domain}

    # Tokens

    def _exchange(self, request: Request, form: FormData, grant_type: str) -> dict[str, Any]:
        tenant = request.path_params["tenant"]
        if not self._known(tenant):
            raise _Numbered(90002, tenant)
        return super()._exchange(request, form, grant_type)

    def _authenticate(self, request: Request, form: FormData) -> Client:
        client = super()._authenticate(request, form)
        if self.app_disabled:
            raise _Numbered(7000112)
        if self.secret_expired:
            raise _Numbered(7000222)
        return client

    def _by_refresh(self, request: Request, form: FormData, client: Client) -> dict[str, Any]:
        text = str(form.get("refresh_token") or "")
        if not text:
            raise Refusal(Problem.MISSING_PARAMETER, "refresh_token")
        grant, used = self.grants.use_refresh(text, client.id, reuse_kills=False)
        self._look_at(grant, form)
        if text in self._superseded:
            self.ledger.record("token.reused", token=used.name, grant=grant.name, person=grant.person.email)
        new = self.grants.issue_refresh(grant)
        self._superseded.add(text)
        self.ledger.record("token.rotated", old=used.name, new=new.name, grant=grant.name)
        self.ledger.record("token.refreshed", token=used.name, grant=grant.name, person=grant.person.email)
        return self._tokens(request, self.grants.issue_access(grant), new)

    def _look_at(self, grant: Grant, form: FormData) -> None:
        """What stands against refreshing this consent now."""
        number, before = self._demands.get(grant.person.email, (0, 0))
        if number and self.grants.all.index(grant) < before:
            raise _Numbered(number)
        asked = str(form.get("scope") or "").split()
        if any(scope not in OIDC and scope not in grant.scopes for scope in asked):
            raise _Numbered(65001)

    def _refuse(self, refusal: Refusal) -> Answer:
        number = refusal.number if isinstance(refusal, _Numbered) else NUMBERS.get(refusal.problem, 70000)
        detail = refusal.detail.rpartition(": ")[2]
        return self._speak(number, detail=detail)

    def _speak(self, number: int, **words: str) -> Answer:
        issued = self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
        said = {"detail": "", "resource": "00000007-0000-0000-c000-000000000000", "tenant": "Contoso", "issued": issued}
        return self._speaker.body(number, self.now(), **(said | words))

    def _more_fields(self, grant: Grant, _request: Request) -> dict[str, Any]:
        """`scope` names the service's own permissions, never offline_access."""
        lives = max(1, int(self.grants.lifetimes.access.total_seconds()) - 1)
        more: dict[str, Any] = {
            "ext_expires_in": lives,
            "scope": " ".join(scope for scope in grant.scopes if scope not in OIDC),
        }
        if "openid" in grant.scopes:
            more["id_token"] = self._id_token(grant)
        return more

    def _id_token(self, grant: Grant) -> str:
        """Enough of one to be read; nobody here checks signatures."""
        person, tenant = grant.person, self.tenant_of(grant.person)
        claims: dict[str, Any] = {
            "aud": grant.client_id,
            "iss": f"https://login.microsoftonline.com/{tenant.id}/v2.0",
            "iat": int(self.now().timestamp()),
            "exp": int(self.now().timestamp()) + 3600,
            "sub": person.sub,
            "oid": person.sub,
            "tid": tenant.id,
            "ver": "2.0",
        }
        if "profile" in grant.scopes:
            claims |= {"name": person.name, "preferred_username": person.email}
        if "email" in grant.scopes:
            claims["email"] = person.email
        return ".".join(_encoded(part) for part in ({"typ": "JWT", "alg": "RS256", "kid": "sandbox"}, claims, {}))


class _Numbered(Refusal):
    """A refusal that only Entra knows."""

    def __init__(self, number: int, detail: str = "") -> None:
        super().__init__(Problem.REVOKED, detail)
        self.number = number


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
