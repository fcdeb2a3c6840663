"""The practice Microsoft Advertising behind a real socket, and a logged-in Ada; for the tests."""

import io
import zipfile
from collections import Counter
from contextlib import asynccontextmanager
from datetime import date

import httpx2
from practice_gateway import Clock, sandboxed, session

from sandbox.ledger import Ledger
from sandbox.microsoft_advertising import ADA, EMEA, MicrosoftAdvertisingSandbox

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


class Desk:
    """A logged-in Ada, with her accounts by id. Pauses pass at once; `slept` holds them."""

    def __init__(self, sandbox, gateway, fetch, tokens, clock, settings):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.clock, self.settings = fetch, tokens, clock, settings
        self.slept = []
        self.accounts = {}
        self.account = None

        async def sleep(seconds):
            self.slept.append(seconds)

        self.platform.orders.sleep = sleep

    async def look_around(self):
        self.accounts = {account.id: account for account in await self.platform.accounts(self.fetch)}
        self.account = self.accounts[EMEA]

    async def cost(self, since=SINCE, until=UNTIL, account=None, fetch=None):
        """Pages with days; those that only say that we are still at it are left out."""
        pages = self.platform.cost(fetch or self.fetch, account or self.account, since, until)
        return [page async for page in pages if page.rows != ()]

    async def totals(self, since=SINCE, until=UNTIL, account=None):
        return await self.platform.cost_totals(self.fetch, account or self.account, since, until)

    async def ads(self, since=None):
        pages = [page async for page in self.platform.ads(self.fetch, self.account, since)]
        return {ad.id: ad for page in pages for ad in page}

    async def tag(self, *changes):
        results = await self.platform.tag(self.fetch, self.account, changes)
        assert [result.ad for result in results] == [change.ad.id for change in changes]
        return {result.ad: result.problem for result in results}

    def called(self, name):
        """How often a call was made that was not refused."""
        return self.sandbox.ledger.count("api_call", call=name, outcome="ok")

    def downloads(self):
        return [entry["outcome"] for entry in self.sandbox.ledger.where("download")]


@asynccontextmanager
async def at_the_desk(email=ADA):
    clock = Clock()
    sandbox = MicrosoftAdvertisingSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, email)
        desk = Desk(sandbox, gateway, fetch, tokens, clock, gateway.platform.settings)
        await desk.look_around()
        yield desk


def by_day(pages):
    days = Counter()
    for page in pages:
        for row in page.rows:
            days[row.day] += row.cost_micros
    return dict(days)


def zipped(text, *more):
    """A ZIP as Microsoft makes it, of one CSV unless there are more."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, each in enumerate((text, *more)):
            archive.writestr(f"{n}.csv", each if isinstance(each, bytes) else each.encode("utf-8-sig"))
    return packed.getvalue()


class Caller:
    """Calls the practice world plainly, as no code of ours: for the tests of its strictness."""

    def __init__(self, desk, client):
        self.desk, self.client = desk, client
        self.headers = {
            "Authorization": f"Bearer {desk.tokens.tokens.access_token.reveal()}",
            "DeveloperToken": desk.sandbox.entrance.developer_token,
            "CustomerAccountId": EMEA,
            "CustomerId": desk.account.parent,
        }

    async def call(self, service, path, body, method="POST", **headers):
        at = getattr(self.desk.settings, f"{service}_url")
        sent = {name: value for name, value in (self.headers | headers).items() if value is not None}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.request(method, at + path, headers=sent, **content)


@asynccontextmanager
async def calling(desk):
    async with httpx2.AsyncClient(timeout=10, verify=False) as client:
        yield Caller(desk, client)
