"""The practice Salesforce behind a real socket, a logged-in Ada, and touchpoints to push; for the tests."""

from contextlib import asynccontextmanager

from practice_gateway import NOW, Clock, HeldNotes, sandboxed, session

from bot.words.freight import Touchpoint
from sandbox.ledger import Ledger
from sandbox.salesforce import ADA, SalesforceSandbox

MEDIUM = "bizible2__Medium__c"


ATTRIBUTION = "bizible2__Bizible_Attribution_Touchpoint__c"


TOUCHPOINTS = "bizible2__Bizible_Touchpoint__c"


class Desk:
    """A logged-in Ada at her org."""

    def __init__(self, sandbox, gateway, fetch, tokens, account, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.account, self.clock = fetch, tokens, account, clock
        self.notes = HeldNotes()

    async def push(self, touchpoints):
        results = await self.platform.push(self.fetch, self.account, touchpoints, self.notes)
        assert [result.id for result in results] == [touchpoint.id for touchpoint in touchpoints]
        return {result.id: result for result in results}

    async def find(self, touchpoints):
        return await self.platform.find(self.fetch, self.account, touchpoints)

    def jobs(self):
        return list(self.sandbox.bulk.jobs.values())


@asynccontextmanager
async def desk_of_ada():
    clock = Clock()
    sandbox = SalesforceSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        gateway.platform.pauses = (0.01,) * 5
        fetch, tokens = await session(gateway, ADA)
        (account,) = await gateway.platform.accounts(fetch)
        yield Desk(sandbox, gateway, fetch, tokens, account, clock)


def touch(number, kind="touchpoint", **fields):
    return Touchpoint(f"TP2_{number}", NOW, "ben@customer.example", kind, {MEDIUM: "cpc"} | fields)


def touches(count):
    return [touch(number) for number in range(count)]


def states(results):
    return {result.state for result in results.values()}
