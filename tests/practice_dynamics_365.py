"""A sandbox Dynamics 365 behind a real socket with Ada logged in, and touchpoints to push; for the tests."""

from contextlib import asynccontextmanager

from practice_gateway import NOW, Clock, HeldNotes, sandboxed, session

from bot.words.freight import Touchpoint
from sandbox.dynamics_365 import ADA, Dynamics365Sandbox
from sandbox.ledger import Ledger

MEDIUM = "bizible2_medium"


class Desk:
    """A logged-in Ada at her environment."""

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

    async def probe(self):
        await self.platform.probe(self.fetch, self.account)

    def calls(self, path=""):
        return sum(path in entry["path"] for entry in self.sandbox.ledger.where("api.call"))


async def at_desk(sandbox, gateway, clock):
    fetch, tokens = await session(gateway, ADA)
    (account,) = await gateway.platform.accounts(fetch)
    return Desk(sandbox, gateway, fetch, tokens, account, clock)


@asynccontextmanager
async def desk_of_ada():
    clock = Clock()
    sandbox = Dynamics365Sandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        yield await at_desk(sandbox, gateway, clock)


def touch(number, kind="touchpoint", **fields):
    return Touchpoint(f"TP2_{number}", NOW, "ben@customer.example", kind, {MEDIUM: "cpc"} | fields)


def touches(count):
    return [touch(number) for number in range(count)]


def named(touchpoint_id, **fields):
    return touch(1, **fields)._replace(id=touchpoint_id)


def states(results):
    return {result.state for result in results.values()}
