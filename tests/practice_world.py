"""The practice world with a clock that tests set, and people who log in at its Google; for the tests."""

import base64
import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from sandbox.google_ads import ADA, MANAGER
from sandbox.person import consent
from sandbox.world import World

PUBLIC = "http://127.0.0.1:8080"
CALLBACK = f"{PUBLIC}/oauth/callback/google_ads"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid email https://www.googleapis.com/auth/adwords"


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def pass_by(self, **amount):
        self.moment += timedelta(**amount)


class Google:
    """What an app and its users do at the practice Google."""

    def __init__(self, world, clock, client):
        self.world = world
        self.clock = clock
        self.client = client
        self.sandbox = world.google_ads
        self.settings = world.settings(PUBLIC)["platforms"]["google_ads"]

    def authorize_url(self, **changes):
        asked = {
            "response_type": "code",
            "client_id": self.settings["client_id"],
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "access_type": "offline",
            "prompt": "consent",
        } | changes
        present = {name: value for name, value in asked.items() if value is not None}
        return f"{self.settings['authorize_url']}?{urlencode(present)}"

    async def back(self, person=ADA, *, allow=True, without_scopes=(), **changes):
        """What the browser brings back to the app."""
        url = await consent(
            self.client, self.authorize_url(**changes), person, allow=allow, without_scopes=without_scopes
        )
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    async def token(self, **form):
        client = {name: self.settings[name] for name in ("client_id", "client_secret")}
        return await self.client.post(self.settings["token_url"], data=client | form)

    async def redeem(self, code, **changes):
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | changes
        return await self.token(code=code, **form)

    async def refresh(self, refresh_token):
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token)

    async def tokens(self, person=ADA, **changes):
        answer = await self.redeem((await self.back(person, **changes))["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def login(self, person=ADA, through=MANAGER, **changes):
        return Session(self, await self.tokens(person, **changes), through)


class Session:
    """A login in use. `through` is the login-customer-id."""

    def __init__(self, google, tokens, through):
        self.google = google
        self.tokens = tokens
        self.through = through

    async def call(self, path, body=None, version="v26", through=...):
        through = self.through if through is ... else through
        headers = {"authorization": f"Bearer {self.tokens['access_token']}"}
        headers |= {"login-customer-id": through} if through else {}
        url = f"{self.google.settings['api_url']}/{version}/{path}"
        method = "GET" if body is None else "POST"
        return await self.google.client.request(method, url, json=body, headers=headers)

    async def search(self, customer, query, **more):
        return await self.call(f"customers/{customer}/googleAds:search", {"query": query, **more})

    async def rows(self, customer, query):
        answer = await self.search(customer, query)
        assert answer.status_code == 200, answer.text
        return answer.json().get("results", [])

    async def stream(self, customer, query):
        return await self.call(f"customers/{customer}/googleAds:searchStream", {"query": query})

    async def mutate(self, customer, *operations, **more):
        return await self.call(f"customers/{customer}/ads:mutate", {"operations": list(operations), **more})

    async def who(self):
        headers = {"authorization": f"Bearer {self.tokens['access_token']}"}
        return await self.google.client.get(self.google.settings["userinfo_url"], headers=headers)


@asynccontextmanager
async def at_google():
    clock = Clock()
    # Nothing here speaks TLS, and loading certificates takes longer than most of these tests.
    async with World.open(now=clock) as world, httpx2.AsyncClient(timeout=10, verify=False) as client:
        yield Google(world, clock, client)


def code_of(answer):
    """The errorCode of a Google Ads error, as (kind, code)."""
    body = answer.json()
    body = body[0] if isinstance(body, list) else body
    return next(iter(body["error"]["details"][0]["errors"][0]["errorCode"].items()))
