"""The practice LinkedIn behind a real socket: an app that calls it plainly, and a logged-in Ada; for the tests."""

from collections import Counter
from contextlib import asynccontextmanager
from datetime import date
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from practice_gateway import Clock, sandboxed, served, session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.catch_up.utm import plan
from bot.words.freight import TagChange
from sandbox.ledger import Ledger
from sandbox.linkedin_ads import ADA, EMEA, LinkedinAdsSandbox
from sandbox.person import consent

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)
CALLBACK = "http://127.0.0.1:8080/oauth/callback/linkedin_ads"
SCOPES = "openid profile email r_ads r_ads_reporting rw_ads"
ACCOUNT = f"List(urn%3Ali%3AsponsoredAccount%3A{EMEA})"
DAYS = "(start:(year:2026,month:11,day:1),end:(year:2026,month:11,day:7))"
COST = {
    "q": "analytics",
    "pivot": "CREATIVE",
    "timeGranularity": "DAILY",
    "dateRange": DAYS,
    "accounts": ACCOUNT,
    "fields": "dateRange,pivotValues,costInLocalCurrency,impressions,clicks",
}
HEADERS = {"Linkedin-Version": "202608", "X-Restli-Protocol-Version": "2.0.0"}


class Linkedin:
    """An app and its users at the sandbox LinkedIn, by plain HTTP: addresses go out letter by letter."""

    def __init__(self, sandbox, url, client, clock):
        self.sandbox, self.client, self.clock = sandbox, client, clock
        self.settings = sandbox.settings(url)
        self.at = self.settings["api_url"]

    def authorize_url(self, **changes):
        asked = {"client_id": self.settings["client_id"], "redirect_uri": CALLBACK, "response_type": "code"}
        asked |= {"scope": SCOPES, "state": "s"} | changes
        return f"{self.settings['authorize_url']}?{urlencode(asked)}"

    async def back(self, person=ADA, *, allow=True, **changes):
        url = await consent(self.client, self.authorize_url(**changes), person, allow=allow)
        return {name: found[0] for name, found in parse_qs(urlsplit(url).query).items()}

    async def post(self, url, **form):
        client = {name: self.settings[name] for name in ("client_id", "client_secret")}
        return await self.client.post(self.settings[url], data=client | form)

    async def redeem(self, code, **changes):
        return await self.post(
            "token_url", **{"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": code} | changes
        )

    async def refresh(self, token, **changes):
        return await self.post(
            "token_url", **{"grant_type": "refresh_token", "refresh_token": token["refresh_token"]} | changes
        )

    async def token(self, person=ADA, **changes):
        answer = await self.redeem((await self.back(person, **changes))["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def call(self, token, path, method="GET", *, without=(), **more):
        headers = {"Authorization": f"Bearer {token['access_token']}"} if token else {}
        headers |= HEADERS | more.pop("headers", {})
        kept = {name: value for name, value in headers.items() if name not in without}
        return await self.client.request(method, f"{self.at}/rest/{path}", headers=kept, **more)

    async def analytics(self, token, **changes):
        asked = {name: value for name, value in (COST | changes).items() if value is not None}
        return await self.call(token, "adAnalytics?" + "&".join(f"{name}={value}" for name, value in asked.items()))


@asynccontextmanager
async def opened():
    clock = Clock()
    sandbox = LinkedinAdsSandbox(Ledger(clock))
    sandbox.oauth.register_redirect(CALLBACK)
    async with served(Starlette(routes=[Mount("/linkedin_ads", app=sandbox.app)])) as url:
        async with httpx2.AsyncClient(timeout=10, verify=False) as client:
            yield Linkedin(sandbox, url, client, clock)
        sandbox.faults.clear()


def refusal(answer):
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body.get("code")


def tracking(campaign):
    return f"adTrackingParameters/(adEntity:(sponsoredCampaign:urn%3Ali%3AsponsoredCampaign%3A{campaign}))"


def parameters(campaign, **changes):
    return {
        "adEntity": {"sponsoredCampaign": f"urn:li:sponsoredCampaign:{campaign}"},
        "dynamicValueParameters": {"utm_campaign": "CAMPAIGN_ID"},
        "customValueParameters": {"utm_source": "linkedin"},
    } | changes


class Desk:
    """A logged-in Ada at Acme EMEA."""

    def __init__(self, sandbox, gateway, fetch, tokens, accounts, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.clock = fetch, tokens, clock
        self.accounts = {account.id: account for account in accounts}
        self.account = self.accounts[EMEA]
        self.held = sandbox.account(EMEA)

    async def cost(self, since=SINCE, until=UNTIL, account=None):
        return [page async for page in self.platform.cost(self.fetch, account or self.account, since, until)]

    async def totals(self, since=SINCE, until=UNTIL, account=None):
        return await self.platform.cost_totals(self.fetch, account or self.account, since, until)

    async def ads(self, since=None):
        pages = [page async for page in self.platform.ads(self.fetch, self.account, since)]
        return {ad.id: ad for page in pages for ad in page}

    async def changes(self, utm=None, since=None):
        planned = [plan(ad, utm or self.platform.utm) for ad in (await self.ads(since)).values()]
        return [TagChange(each.ad, each.ad.suffix, each.wanted) for each in planned if each.wanted is not None]

    async def tag(self, *changes):
        results = await self.platform.tag(self.fetch, self.account, changes)
        return {result.ad: result.problem for result in results}

    def calls(self, call, **details):
        return self.sandbox.ledger.count("api_call", call=call, **details)


@asynccontextmanager
async def at_the_desk():
    clock = Clock()
    sandbox = LinkedinAdsSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        yield Desk(sandbox, gateway, fetch, tokens, await gateway.platform.accounts(fetch), clock)


def by_day(pages):
    days = Counter()
    for page in pages:
        for row in page.rows:
            days[row.day] += row.cost_micros
    return dict(days)
