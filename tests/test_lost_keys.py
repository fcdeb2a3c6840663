"""The key of the stored logins is gone: the bot starts, says so for all of them at once, and destroys nothing."""

import subprocess
import sys
from datetime import timedelta

import pytest
from practice_story import ADA, BEN, GOOGLE, SALESFORCE, Trouble, sqlite_only
from sqlalchemy import insert

from bot.memory.memory import SealBroken, Work
from bot.watch.lost_keys import LostKeys
from bot.watch.watch import Watch
from storage import new_key, open_memory
from storage.tables import outages


async def test_a_lost_key_loses_every_login_at_once_and_nothing_for_good(story, database_url, keys, clock):
    connections = [*await story.connect(GOOGLE), *await story.connect(SALESFORCE)]
    other = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    app = story.app
    watch = Watch(other, story.gateways, story.another_refresher(other), app.routes, app.pace, clock)

    assert await LostKeys(other, watch).tell() == 2
    assert await LostKeys(other, watch).tell() == 0
    async with other.read() as tx:
        outages = await tx.outages.latest(open_only=True)
        with pytest.raises(SealBroken):
            await tx.grants.tokens(connections[0].grant_id)
    assert {o.cause.code for o in outages} == {"key_lost"}
    assert all(o.storm for o in outages), "whatever else turns out to be lost joins its platform's message"
    assert {i for o in outages for i in o.connection_ids} == {c.id for c in connections}
    await other.close()

    assert (await story.tokens(connections[0])).refresh_token, "with the old key it opens as before"
    await story.watch.unlock()
    await story.work()
    assert await story.outages(open_only=True) == []


async def test_a_key_that_is_back_opens_what_was_lost_long_ago_too(story, database_url, clock):
    [connection] = await story.connect(SALESFORCE)
    other = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    watch = Watch(other, story.gateways, story.another_refresher(other), story.app.routes, story.app.pace, clock)
    assert await LostKeys(other, watch).tell() == 1
    async with other.begin() as tx:
        sql = tx.outages._tx
        row = dict((await sql.one(outages.select()))._mapping)
        since = {"reach": "account", "cause_code": "not_found", "opened_at": clock() + timedelta(hours=1)}
        await sql.many(insert(outages), [row | since | {"id": f"out_{n}"} for n in range(501)])
    await other.close()

    await story.watch.unlock()
    assert (await story.grant(connection)).lost_at is None


@sqlite_only
async def test_many_logins_under_a_lost_key_are_one_message_for_each_platform(story, database_url, keys, clock):
    for person in (ADA, BEN):
        await story.connect(GOOGLE, person)
    await story.connect(SALESFORCE)
    other = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    watch = Watch(other, story.gateways, story.another_refresher(other), story.app.routes, story.app.pace, clock)
    logins = await LostKeys(other, watch).tell()
    await other.close()
    await story.work(Work.SAY)

    assert logins > 2
    assert len(story.posts()) == 2
    assert len(await story.outages(open_only=True)) == logins


@sqlite_only
async def test_a_disk_that_is_full_at_the_start_does_not_stop_it_and_the_lost_key_is_said_later(
    story, database_url, clock
):
    await story.connect(GOOGLE)
    other = await open_memory(database_url, [new_key(["k1"])], on_due=None, now=clock)
    disk = Trouble(other)
    watch = Watch(disk, story.gateways, story.another_refresher(disk), story.app.routes, story.app.pace, clock)
    disk.next_writes_fail()
    assert await LostKeys(disk, watch).tell() == 0
    assert await story.outages() == []
    assert await LostKeys(disk, watch).tell() == 1
    [alone] = await story.outages(open_only=True)
    assert alone.storm is None, "one login is no storm"
    await other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_bot_leaves_no_core_dump_and_cannot_be_looked_into():
    program = """
import resource, ctypes
from bot.private_memory import keep_memory_private
keep_memory_private()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0) 0\n"
