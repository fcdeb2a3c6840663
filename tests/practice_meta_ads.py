"""The practice Meta behind a real socket: a logged-in Ada, and an app that calls Graph plainly; for the tests."""

import hashlib
import hmac
import json
from collections import Counter
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from practice_gateway import Clock, sandboxed, served, session
from starlette.applications import Starlette
from starlette.routing import Mount

from platforms.meta_ads import MetaAds
from sandbox.ledger import Ledger
from sandbox.meta_ads import ADA, EMEA, MetaAdsSandbox
from sandbox.person import consent

CALLBACK = "http://127.0.0.1:8080/oauth/callback/meta_ads"
UTM = "utm_source=facebook&utm_medium=cpc&utm_campaign={{campaign.id}}&utm_content={{ad.id}}"


class Desk:
    """A logged-in Ada, with her accounts by id."""

    def __init__(self, sandbox, gateway, fetch, tokens, accounts, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.clock = fetch, tokens, clock
        self.accounts = {account.id: account for account in accounts}
        self.account = self.accounts[EMEA]
        self.held = sandbox.account(EMEA)

    def platform_with(self, **settings):
        return MetaAds(self.platform.settings.model_copy(update=settings), self.clock)

    async def cost(self, since, until, account=None):
        return [page async for page in self.platform.cost(self.fetch, account or self.account, since, until)]

    async def ads(self, since=None):
        pages = [page async for page in self.platform.ads(self.fetch, self.account, since)]
        return {ad.id: ad for page in pages for ad in page}

    async def tag(self, *changes, platform=None):
        results = await (platform or self.platform).tag(self.fetch, self.account, changes)
        return {result.ad: result.problem for result in results}


@asynccontextmanager
async def at_desk(**more):
    clock = Clock()
    sandbox = MetaAdsSandbox(Ledger(clock), **more)
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        yield Desk(sandbox, gateway, fetch, tokens, await gateway.platform.accounts(fetch), clock)


def by_day(pages):
    days = Counter()
    for page in pages:
        for row in page.rows:
            days[row.day] += row.cost_micros
    return dict(days)


class App:
    """An app and its users at the sandbox, by plain HTTP."""

    def __init__(self, sandbox, url, client, clock):
        self.sandbox, self.client, self.clock = sandbox, client, clock
        self.settings = sandbox.settings(url)
        self.at = self.settings["api_url"]

    def authorize_url(self, **changes):
        asked = {
            "client_id": self.settings["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "ads_read,ads_management",
            "state": "s",
        } | changes
        return f"{self.settings['authorize_url']}?{urlencode({k: v for k, v in asked.items() if v})}"

    async def back(self, person=ADA, *, allow=True, without_scopes=(), **changes):
        url = await consent(
            self.client, self.authorize_url(**changes), person, allow=allow, without_scopes=without_scopes
        )
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    async def trade(self, method="POST", version="v26.0", **form):
        sent = {name: self.settings[name] for name in ("client_id", "client_secret")} | form
        where = {"params": sent} if method == "GET" else {"data": sent}
        return await self.client.request(method, f"{self.at}/{version}/oauth/access_token", **where)

    async def short_token(self, person=ADA, **changes):
        code = (await self.back(person, **changes))["code"]
        answer = await self.trade(code=code, redirect_uri=CALLBACK)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    async def login(self, person=ADA, **changes):
        short = await self.short_token(person, **changes)
        answer = await self.trade(grant_type="fb_exchange_token", fb_exchange_token=short)
        return Graph(self, answer.json()["access_token"])

    def proof(self, token):
        return hmac.new(self.settings["client_secret"].encode(), token.encode(), hashlib.sha256).hexdigest()


class Graph:
    """A token in use, sent as the vendor's SDK sends it: as a parameter."""

    def __init__(self, app, token):
        self.app, self.token = app, token

    async def call(self, method, path, version="v26.0", headers=None, **params):
        sent = {"access_token": self.token} | params
        sent = {k: v if isinstance(v, str) else json.dumps(v) for k, v in sent.items() if v is not None}
        url = f"{self.app.at}/{version}/{path}"
        if method == "POST":
            named = {"access_token": sent.pop("access_token")} if "access_token" in sent else None
            return await self.app.client.post(url, params=named, data=sent, headers=headers)
        return await self.app.client.request(method, url, params=sent, headers=headers)

    async def get(self, path, **params):
        return await self.call("GET", path, **params)

    async def post(self, path, **params):
        return await self.call("POST", path, **params)

    async def rows(self, path, **params):
        """Every page, by following `next` as it stands."""
        answer = await self.get(path, **params)
        rows = []
        while True:
            assert answer.status_code == 200, answer.text
            rows += answer.json()["data"]
            if "next" not in answer.json().get("paging", {}):
                return rows
            answer = await self.app.client.get(answer.json()["paging"]["next"])


@asynccontextmanager
async def at_meta(**more):
    clock = Clock()
    sandbox = MetaAdsSandbox(Ledger(clock), **more)
    sandbox.oauth.register_redirect(CALLBACK)
    app = Starlette(routes=[Mount(f"/{sandbox.key}", app=sandbox.app)])
    async with served(app) as url, httpx2.AsyncClient(timeout=10, verify=False) as client:
        yield App(sandbox, url, client, clock)


def code_of(answer):
    """The code and subcode of an error."""
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")
