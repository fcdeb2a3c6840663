"""Yesterday's database is put back: nothing stands there twice, and a login whose newest token is gone costs one alert."""

from datetime import timedelta

import oracle
import psycopg
import pytest
from practice_story import GOOGLE, SALESFORCE, Story, telling

from bot.memory.memory import Work
from bot.words.connection import Flow
from storage import open_memory


@pytest.fixture
def copied(memory, database_url, new_postgres, tmp_path):
    """A copy of the database as it is now; its address."""

    async def copy():
        if database_url.startswith("sqlite"):
            await memory.backup(tmp_path / "yesterday.db")
            return f"sqlite:///{tmp_path / 'yesterday.db'}"
        target = new_postgres("yesterday")
        await memory.close()  # it opens again when it is used; a template must have no visitors
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as there:
            name = there.info.dbname
        with psycopg.connect(target.replace("/yesterday?", "/postgres?"), autocommit=True) as admin:
            admin.execute("DROP DATABASE yesterday")
            admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
            admin.execute(f"CREATE DATABASE yesterday TEMPLATE {name}")
        return target

    return copy


async def a_day(story, *touchpoints):
    """Touchpoints come in, the hours go by, everything due is done, and every login is renewed at least once."""
    await story.touchpoints(*touchpoints)
    for _ in range(3):
        await story.pass_by(hours=8)


async def until_quiet(story):
    for _ in range(8):
        await story.pass_by(minutes=4)


@pytest.mark.sweep
async def test_yesterdays_database_costs_one_login_where_tokens_rotate_and_nothing_else(memory, clock, keys, copied):
    async with telling(memory, clock) as story:
        (google, *_) = await story.connect(GOOGLE)
        (salesforce,) = await story.connect(SALESFORCE)
        await a_day(story, 1, 2, 3)
        yesterday = await copied()
        await a_day(story, 4, 5, 6)
        world = story.world
        assert 6 == len(world.salesforce.records())
        assert [] == await story.outages()
        spent = await story.totals(google, clock().date() - timedelta(days=4), clock().date() - timedelta(days=1))

        restored = await open_memory(yesterday, keys, on_due=None, now=clock)
        try:
            again = Story(world, restored, story.gateways, clock)
            asked = again.asked(SALESFORCE)
            await again.touchpoints(3, 4, 5, 6)  # whoever is not sure sends it once more
            await until_quiet(again)
            (outage,) = await again.outages()
            assert (SALESFORCE, (salesforce.id,)) == (outage.platform, tuple(outage.connection_ids))
            assert 1 == len(again.posts())
            assert again.asked(SALESFORCE) - asked <= 2, "an old token was tried again and again"
            for connection in await again.connections():
                assert connection.authorized == (connection.platform == GOOGLE)

            await again.reauthorize(SALESFORCE, outage.id)
            await until_quiet(again)
            assert (await again.outage(outage.id)).caught_up_at
            assert 1 == len(again.posts())
            assert 6 == len(world.salesforce.records())
            assert {1} == {writes.created for writes in world.salesforce.writes.values()}
            held = await again.totals(google, clock().date() - timedelta(days=4), clock().date() - timedelta(days=1))
            assert spent == held
            assert 0 == await again.work(Work.SAY, Work.MOVE)
            assert not (await again.transfers(salesforce))[Flow.TOUCHPOINTS].mark
            assert [] == oracle.judge(yesterday, world, clock(), lost_answers=1, at_rest=False)
        finally:
            await restored.close()
