"""Workspaces beside home: a row each with its token sealed, and a database of its own that knows no other's tables."""

import asyncio

import psycopg
import pytest
from practice_memory import a_grant

from bot.memory.installed import Installed
from bot.memory.memory import SealBroken
from bot.words.connection import Secret
from bot.words.errors import SetupError
from storage import Resealed, make_place, new_key, open_memory

NORTH, SOUTH = "T0NORTH11", "T0SOUTH12"


def installed(token: str = "xoxb-first", refresh: str | None = None) -> Installed:
    return Installed(NORTH, "North", "C1", "U1", Secret(token), Secret(refresh) if refresh else None)


async def test_a_workspace_has_one_row_that_rests_and_wakes_up(memory, clock):
    async with memory.begin() as tx:
        await tx.workspaces.install(installed(), clock())
        await tx.workspaces.install(installed("xoxe.xoxb-2", "xoxe-1"), clock.advance(hours=1))
    async with memory.read() as tx:
        [told] = await tx.workspaces.all()
        tokens = [each.reveal() for each in await tx.workspaces.tokens(NORTH)]
    assert (told.generation, told.installed_at, told.rested_at) == (2, clock(), None)
    assert tokens == ["xoxe.xoxb-2", "xoxe-1"]

    async with memory.begin() as tx:
        assert not await tx.workspaces.rest(NORTH, 1, clock()), "it was installed anew since"
        assert await tx.workspaces.rest(NORTH, 2, clock())
        assert not await tx.workspaces.rest(NORTH, 2, clock())
        with pytest.raises(SealBroken):
            await tx.workspaces.tokens(NORTH)
        await tx.workspaces.install(installed("xoxb-third"), clock())
        assert (await tx.workspaces.get(NORTH)).rested_at is None
        assert (await tx.workspaces.tokens(NORTH))[1] is None
        assert await tx.workspaces.get(SOUTH) is None


async def test_its_token_is_sealed_and_is_sealed_anew_with_the_rest(memory, clock, database_url, keys):
    async with memory.begin() as tx:
        await tx.workspaces.install(installed(), clock())
    newer = new_key(keys)
    both = await open_memory(database_url, [newer, *keys], on_due=None, now=clock)
    assert await both.reseal_all() == Resealed(1, 0)
    await both.close()
    alone = await open_memory(database_url, [newer], on_due=None, now=clock)
    async with alone.read() as tx:
        assert (await tx.workspaces.tokens(NORTH))[0].reveal() == "xoxb-first"
    await alone.close()
    async with memory.read() as tx:
        with pytest.raises(SealBroken):
            await tx.workspaces.tokens(NORTH)


async def test_each_has_a_database_of_its_own_that_knows_no_other(memory, clock, database_url, keys):
    async with memory.begin() as tx:
        await a_grant(tx, clock(), "person-at-home")
    try:
        places = [await make_place(database_url, team) for team in (NORTH, SOUTH, NORTH)]
        at_once = (open_memory(place, keys, on_due=None, now=clock) for place in places[:2])
        north, south = await asyncio.gather(*at_once)
        async with north.begin() as tx:
            await a_grant(tx, clock(), "person-in-the-north")
        seen = []
        for each in (memory, north, south):
            async with each.read() as tx:
                seen.append([grant.identity.id for grant in await tx.grants.all()])
        assert seen == [["person-at-home"], ["person-in-the-north"], []]
        assert places[0] == places[2]
        await north.close()
        await south.close()
    finally:
        if database_url.startswith("postgresql"):
            with psycopg.connect(database_url, autocommit=True) as database:
                for team in (NORTH, SOUTH):
                    database.execute(f"DROP SCHEMA IF EXISTS redkey_{team.lower()} CASCADE")


@pytest.mark.parametrize("team", ["", "T1", "../T0123", "T0123; DROP", "t0123", "E0123ABCD"])
async def test_what_is_no_workspaces_id_never_becomes_a_name(sqlite_url, team):
    with pytest.raises(ValueError, match="no workspace's id"):
        await make_place(sqlite_url, team)


async def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "redkey.workspaces").write_text("a file")
    with pytest.raises(SetupError, match=r"redkey\.workspaces cannot be made for the databases of workspaces"):
        await make_place(f"sqlite:///{tmp_path}/redkey.db", NORTH)
