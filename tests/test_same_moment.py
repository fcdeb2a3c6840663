"""Two people at one account in the same moment. On Postgres, where nobody waits for whoever writes something else."""

import asyncio

import psycopg
import pytest
from practice_memory import an_account
from practice_story import ADA, BEN, GOOGLE
from sample_facts import ANNA

from bot.memory.memory import Work
from bot.people.people import LoginEnd
from sandbox.google_ads import EMEA

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
WAITING = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'redkey' AND wait_event_type = 'Lock'"


async def begun(url, doing):
    """What is being done, once it waits for a row that somebody else has changed and not yet committed."""
    task = asyncio.create_task(doing)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as watching:
        while not watching.execute(WAITING).fetchone():
            assert not task.done(), "it waited for nothing"
            await asyncio.sleep(0.01)
    return task


async def test_an_outage_that_ends_while_its_connection_is_removed_is_not_ended_twice(story, salesforce, database_url):
    outage = await story.drop(salesforce.platform)
    async with story.memory.begin() as tx:
        await tx.outages.held(outage.id)
        removing = await begun(database_url, story.desk.remove(salesforce.id, ANNA))
        await tx.outages.close(outage.id, {}, {}, story.clock(), caught_up=True)
    assert LoginEnd.DEAD is (await removing).login
    ended = await story.outage(outage.id)
    assert ended.caught_up_at
    assert "removed" not in [event.what for event in ended.timeline]


async def test_an_account_that_a_colleague_connects_in_the_same_moment_is_watched_once(story, database_url):
    for person in (ADA, BEN):
        await story.begin_with(GOOGLE, person, accounts=[])
    async with story.memory.read() as tx:
        logins = {grant.identity.login: grant for grant in await tx.grants.all()}
    async with story.memory.begin() as tx:
        theirs = await an_account(tx, logins[BEN], story.clock(), EMEA)
        watching = await begun(database_url, story.desk.watch(logins[ADA].id, [EMEA], "U0BEN0000"))
    [watched] = await watching
    assert (theirs.id, BEN) == (watched.connection.id, watched.connection.login)
    assert [theirs.id] == [c.id for c in await story.connections()]
    await story.work(Work.ANNOUNCE)
    assert [] == story.world.slack.direct_messages(ANNA), "it is not watched through the login that Anna gave"
