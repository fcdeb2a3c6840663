"""A logged-in Ada at the practice world's HubSpot, and touchpoints for it; for the tests."""

from contextlib import asynccontextmanager

from practice_gateway import NOW, Clock, HeldNotes, sandboxed, session

from bot.connection import PushState, Touchpoint
from sandbox.hubspot import ADA, HubspotSandbox
from sandbox.ledger import Ledger

OWNERS = "crm.objects.owners.read"
SENT, RETRY, SET_ASIDE = PushState.SENT, PushState.RETRY, PushState.SET_ASIDE


class Desk:
    """A logged-in Ada at Acme's portal."""

    def __init__(self, sandbox, gateway, fetch, tokens, account, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.account, self.clock = fetch, tokens, account, clock

    async def push(self, touchpoints):
        results = await self.platform.push(self.fetch, self.account, touchpoints, HeldNotes())
        assert [result.id for result in results] == [touchpoint.id for touchpoint in touchpoints]
        return {result.id: result for result in results}

    async def find(self, touchpoints):
        return await self.platform.find(self.fetch, self.account, touchpoints)

    def set(self, **settings):
        self.platform.settings = self.platform.settings.model_copy(update=settings)

    def upserts(self):
        return self.sandbox.ledger.where("records.written")


@asynccontextmanager
async def at_the_desk():
    clock = Clock()
    sandbox = HubspotSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        (account,) = await gateway.platform.accounts(fetch)
        yield Desk(sandbox, gateway, fetch, tokens, account, clock)


def touch(number, kind="touchpoint", **fields):
    return Touchpoint(f"TP2_{number}", NOW, "ben@customer.example", kind, {"medium": "cpc"} | fields)


def touches(count):
    return [touch(number) for number in range(count)]


def states(results):
    return {result.state for result in results.values()}
