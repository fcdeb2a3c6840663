"""The practice Google Ads behind a real socket, and a logged-in Ada; for the tests."""

from contextlib import asynccontextmanager
from datetime import date

from practice_gateway import Clock, sandboxed, session

from sandbox.google_ads import ADA, EMEA, GoogleAdsSandbox
from sandbox.ledger import Ledger

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


class Desk:
    """A logged-in Ada, with her accounts by id."""

    def __init__(self, sandbox, gateway, fetch, tokens, accounts, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.clock = fetch, tokens, clock
        self.accounts = {account.id: account for account in accounts}
        self.account = self.accounts[EMEA]

    async def cost(self, since=SINCE, until=UNTIL, account=None):
        return [page async for page in self.platform.cost(self.fetch, account or self.account, since, until)]

    async def ads(self, since=None):
        pages = [page async for page in self.platform.ads(self.fetch, self.account, since)]
        return {ad.id: ad for page in pages for ad in page}

    async def tag(self, *changes):
        results = await self.platform.tag(self.fetch, self.account, changes)
        return {result.ad: result.problem for result in results}


@asynccontextmanager
async def desk_of_ada():
    clock = Clock()
    sandbox = GoogleAdsSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        yield Desk(sandbox, gateway, fetch, tokens, await gateway.platform.accounts(fetch), clock)
