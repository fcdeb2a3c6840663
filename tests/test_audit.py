"""The audit trail: written with what it reports, in one chain, and what was changed afterwards is found."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta

import psycopg
import pytest
from practice_story import ADA, SALESFORCE

from bot.memory.audit import item, verified
from bot.work.retention import Keep, Retention
from storage import open_memory


async def note(memory, *whats, who="U0ANNA000"):
    async with memory.begin() as tx:
        for what in whats:
            tx.audit.note(what, who=who, subject="con_1", account="Ünï\u0000cöde 🔑")


async def trail(memory):
    async with memory.read() as tx:
        return [act async for act in tx.audit.rows()]


async def verdict(memory):
    async with memory.read() as tx:
        return await verified(tx.audit.rows())


def sql(url, statement):
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            database.execute(statement)
            database.commit()
        return
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(statement)


async def test_rows_are_numbered_bound_and_whole(memory, clock):
    await note(memory, "paused", "resumed")
    clock.advance(timedelta(microseconds=1))
    await note(memory, "claimed", who="half a \ud800 pair")

    rows = await trail(memory)
    assert [(r.number, r.what) for r in rows] == [(1, "paused"), (2, "resumed"), (3, "claimed")]
    assert [r.before for r in rows[1:]] == [r.digest for r in rows[:-1]]
    assert rows[2].at == clock()
    found = await verdict(memory)
    assert (found.whole, found.newest, found.broken) == (3, rows[2].digest, None)
    assert item(rows[0])["detail"] == {"account": "Ünï\u0000cöde 🔑"}


async def test_an_empty_trail_is_whole(memory):
    assert (await verdict(memory)).whole == 0


async def test_what_is_rolled_back_was_never_noted(memory):
    with suppress(RuntimeError):
        async with memory.begin() as tx:
            tx.audit.note("paused", who="U1")
            raise RuntimeError
    assert await trail(memory) == []


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", 2),
        ("UPDATE audit SET digest = before WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = 9 WHERE number = 5", 5),
    ],
)
async def test_the_first_row_that_was_changed_is_named(memory, database_url, change, row):
    await note(memory, "a", "b", "c", "d", "e")
    sql(database_url, change)

    assert (await verdict(memory)).broken == row


DAY = timedelta(days=1)


async def forgets(memory, clock, keep=90 * DAY):
    await Retention(memory, Keep(audit=keep), clock).run()


async def test_what_is_old_goes_and_the_rest_is_still_proven(memory, clock, database_url, monkeypatch):
    monkeypatch.setattr("bot.work.retention.AT_ONCE", 3)
    for days in (0, 50, 50):
        clock.advance(days * DAY)
        await note(memory, "a", "b", "c", "d")
    await forgets(memory, clock)
    rows = await trail(memory)
    found = await verdict(memory)

    assert [5, 6, 7, 8, 9, 10, 11, 12] == [row.number for row in rows if row.what != "forgotten"]
    assert [3, 4] == [row.detail["through"] for row in rows if row.what == "forgotten"]
    assert (None, 5, len(rows)) == (found.broken, found.first, found.whole)
    await forgets(memory, clock.__class__(clock() + DAY / 2))
    assert rows == await trail(memory)

    sql(database_url, "DELETE FROM audit WHERE number = 5")
    assert 1 == (await verdict(memory)).broken  # nothing says that row 5 may be gone


async def test_a_trail_that_nobody_wrote_to_for_long_keeps_its_newest_row_and_goes_on(memory, clock):
    await note(memory, "a", "b", "c")
    newest = (await trail(memory))[-1]
    for _ in range(3):
        clock.advance(400 * DAY)
        await forgets(memory, clock)
    await note(memory, "d")
    rows = await trail(memory)

    assert ["forgotten", "d"] == [row.what for row in rows][-2:]
    assert rows[0].number > newest.number
    assert (None, rows[0].number) == ((found := await verdict(memory)).broken, found.first)


async def test_two_that_forget_at_once_leave_one_chain(memory, database_url, keys, clock):
    await note(memory, *"abcdefgh")
    clock.advance(100 * DAY)
    await note(memory, "i")
    other = await open_memory(database_url, keys, on_due=None, now=clock)
    await asyncio.gather(*(forgets(m, clock) for m in (memory, other)), note(other, "j"))
    await other.close()

    found = await verdict(memory)
    assert (None, 9) == (found.broken, found.first)


async def test_writers_in_two_processes_make_one_chain(memory, database_url, keys, clock):
    other = await open_memory(database_url, keys, on_due=None, now=clock)
    await asyncio.gather(*(note(m, "claimed", who=str(n)) for n in range(20) for m in (memory, other)))
    await other.close()

    found = await verdict(memory)
    assert (found.whole, found.broken) == (40, None)


async def test_a_story_leaves_its_trail(story):
    """Who connected, clicked, claimed, consented and paused, in the order in which it happened."""
    (connection,) = await story.connect(SALESFORCE)
    outage = await story.drop(SALESFORCE)
    await story.desk.claim(outage.id, "U0ANNA000")
    await story.desk.snooze(outage.id, "U0ANNA000", story.clock() + timedelta(hours=4))
    await story.reauthorize(SALESFORCE, outage.id)
    await story.desk.pause(connection.id, "U0BEN0000")
    await story.desk.pause(connection.id, "U0BEN0000")
    await story.desk.resume(connection.id, "U0BEN0000")
    await story.app.revoke.everything("root")
    await story.desk.remove(connection.id, "U0BEN0000")

    rows = await trail(story.memory)
    assert [(r.what, r.who) for r in rows] == [
        ("connect_link", rows[0].who),
        ("consent_begun", ""),
        ("consented", ADA),
        ("connected", ADA),
        ("claimed", "U0ANNA000"),
        ("snoozed", "U0ANNA000"),
        ("consent_begun", ""),
        ("reauthorized", ADA),
        ("paused", "U0BEN0000"),
        ("resumed", "U0BEN0000"),
        ("revoked_all", "root"),
        ("removed", "U0BEN0000"),
    ]
    assert rows[3].subject == rows[8].subject == connection.id
    assert (await verdict(story.memory)).broken is None
