"""Links that four people finish at once, in two replicas: one of them is let in, and the link is used up.

REDKEY_LINKS=10000 runs the long size: scripts/test --sweeps tests/faults/test_link_races.py
"""

import asyncio
import os
from collections import Counter
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from practice_story import ADA, SALESFORCE, telling
from sample_facts import ANNA

from bot.app import App
from bot.memory.memory import Work
from bot.people.people import Ending, NotFound
from bot.words.connection import Cause
from bot.words.errors import AuthorizationLost
from storage import open_memory

LINKS = int(os.environ.get("REDKEY_LINKS", "20"))
TOLD = 50  # outages go on in one message for a day; after so many a day passes, lest its thread grow without end
LOST = AuthorizationLost(Cause("invalid_grant", "The platform ended the login.", "Log in again."))


class Crowd:
    """Four people, two at each of two replicas."""

    def __init__(self, story, doors):
        self.story, self.doors = story, [*doors, *doors]

    async def finish(self, begin):
        """All four come back from the platform at once: how it ended for them."""
        ways = []
        for door in self.doors:
            begun = await begin(door)
            ways.append(door.finish(SALESFORCE, self.consented(begun.url), begun.browser))
        ended = await asyncio.gather(*ways)
        self.tidy()
        return Counter(outcome.ending for outcome in ended)

    def consented(self, url):
        """What the consent page of the practice platform does when somebody says yes; its pages are tested elsewhere."""
        server, asked = self.story.world.salesforce.oauth, parse_qs(urlsplit(url).query)
        scopes = tuple(asked["scope"][0].split())
        grant = server.grants.open(server.people[ADA], asked["client_id"][0], scopes)
        code = server.grants.issue_code(grant, asked["redirect_uri"][0], asked["code_challenge"][0], offline=True)
        return {"code": code.text, "state": asked["state"][0]}

    def tidy(self):
        """The practice platform looks through all logins it ever gave: thousands of one person are not what is tested."""
        given = self.story.world.salesforce.oauth.grants
        given.all = given.all[-20:]

    async def used_up(self, begin):
        with pytest.raises(NotFound):
            await begin(self.doors[0])

    async def connect_links(self, count):
        for _ in range(count):
            token = (await self.story.desk.connect_link(SALESFORCE, ANNA)).rpartition("/")[2]

            async def begin(door, token=token):
                return await door.connect(token)

            assert await self.finish(begin) == {Ending.CHOOSE: 1, Ending.FAILED: 3}
            await self.used_up(begin)

    async def guest_links(self, count):
        (connection,) = await self.story.connect(SALESFORCE)
        await self.story.work()
        for number in range(count):
            grant = await self.story.grant(connection)
            await self.story.watch.losses.lost(grant.id, grant.generation, LOST)
            (outage,) = await self.story.outages(open_only=True)
            token = (await self.story.desk.ask_guest(outage.id, ANNA, same_login=True)).rpartition("/")[2]

            async def begin(door, token=token):
                return await door.guest(token)

            ended = await self.finish(begin)
            assert (ended[Ending.RESTORED], ended[Ending.FAILED] + ended[Ending.ALREADY]) == (1, 3)
            await self.used_up(begin)
            if number % TOLD == TOLD - 1:
                await self.heal()

    async def heal(self):
        await self.story.work()
        await self.story.pass_by(Work.MOVE, Work.SAY, days=1, minutes=1)
        assert [] == await self.story.outages(open_only=True)


@asynccontextmanager
async def crowd(memory, clock, database_url, keys):
    other = await open_memory(database_url, keys, on_due=None, now=clock)
    try:
        async with telling(memory, clock, 30) as story:
            second = App(story.settings, other, story.gateways, "command", clock)
            yield Crowd(story, [story.door, second.door])
    finally:
        await other.close()


async def test_of_four_people_with_one_link_one_is_let_in(memory, clock, database_url, keys):
    async with crowd(memory, clock, database_url, keys) as four:
        await four.connect_links(2)
        await four.guest_links(2)


@pytest.mark.sweep
@pytest.mark.timeout(6000)
async def test_it_stays_so_for_many_connect_links(memory, clock, database_url, keys):
    async with crowd(memory, clock, database_url, keys) as four:
        await four.connect_links(LINKS)


@pytest.mark.sweep
@pytest.mark.timeout(6000)
async def test_it_stays_so_for_many_links_for_people_outside_slack(memory, clock, database_url, keys):
    async with crowd(memory, clock, database_url, keys) as four:
        await four.guest_links(LINKS)
