"""The audit trail: written with what it reports, in one chain, and what was changed afterwards is found."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone

import psycopg
import pytest
from practice_story import ADA, SALESFORCE

from bot.memory.audit import Act, item, verified
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


CHANGED, MISSING = "it was changed after it was written", "it is missing"


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
    assert item(rows[0]) == {
        "number": 1,
        "at": rows[0].at.isoformat(),
        "what": "paused",
        "who": "U0ANNA000",
        "subject": "con_1",
        "detail": {"account": "Ünï\u0000cöde 🔑"},
        "before": "0" * 64,
        "digest": rows[0].digest,
    }
    assert "half a \ufffd pair" == rows[2].who


async def test_a_long_trail_is_read_in_parts_and_tells_how_far_it_is(memory, monkeypatch):
    monkeypatch.setattr("storage.audit.AT_ONCE", 3)
    await note(memory, *"abcdef")
    seen = []
    async with memory.read() as tx:
        read = [act.what async for act in tx.audit.rows(lambda done, of: seen.append((done, of)))]

    assert list("abcdef") == read
    assert [(3, 6), (6, 6), (6, 6)] == seen


def test_a_digest_is_computed_as_it_always_was():
    """Trails that were written before, and digests that were kept elsewhere, are compared with it."""
    at = datetime(2026, 11, 28, 10, microsecond=5, tzinfo=timezone(timedelta(hours=1)))
    act = Act(7, at, "claimed", "U0ANNA000", "con_1", {"b": "ü", "a": 1}, "0" * 64, "")
    assert "7367ab511292483488263ae2ca2409e264605eae680d91feae6b4fad8e72f17b" == act.true_digest()


async def test_an_empty_trail_is_whole(memory):
    assert (await verdict(memory)).whole == 0


async def test_what_is_rolled_back_was_never_noted(memory):
    with suppress(RuntimeError):
        async with memory.begin() as tx:
            tx.audit.note("paused", who="U1")
            raise RuntimeError
    assert await trail(memory) == []


@pytest.mark.parametrize(
    ("change", "row", "why"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 3", 3, CHANGED),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", 2, CHANGED),
        ("UPDATE audit SET digest = before WHERE number = 4", 4, CHANGED),
        ("DELETE FROM audit WHERE number = 3", 3, MISSING),
        ("DELETE FROM audit WHERE number = 1", 1, MISSING),
        ("UPDATE audit SET number = 9 WHERE number = 5", 5, MISSING),
        ("UPDATE audit SET before = digest WHERE number = 2", 2, "it does not follow from the row before it"),
    ],
)
async def test_the_first_row_that_was_changed_is_named(memory, database_url, change, row, why):
    await note(memory, "a", "b", "c", "d", "e")
    whole = await trail(memory)
    sql(database_url, change)

    found = await verdict(memory)
    assert (row, why, row - 1, 1) == (found.broken, found.why, found.whole, found.first)
    assert row == 1 or found.newest == whole[row - 2].digest


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

    sql(database_url, "UPDATE audit SET who = 'nobody' WHERE number = 8")
    found = await verdict(memory)
    assert (8, 3, 5) == (found.broken, found.whole, found.first)
    sql(database_url, "UPDATE audit SET who = 'U0ANNA000' WHERE number = 8")
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
