"""Whatever is asked all day long goes along an index, however much there is: the databases' own plans say so."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from practice_memory import LEASE, connected, dropped, touch
from practice_story import sqlite_only
from sqlalchemy import event

from bot.words.connection import Checked, Flow, Kind, Reach
from bot.words.freight import CostRow, PushResult, PushState
from storage import accepting

HOUR = timedelta(hours=1)
GROWS = "costs|deliveries|touchpoints|transfers|outages|outage_connections|outage_events|outbox|grants|revocations|tags"


@contextmanager
def asked(memory):
    """Every statement with its parameters, of whatever is done inside."""
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, many):
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            seen.append((statement, parameters[0] if many else parameters))

    engines = {e.sync_engine for e in (memory._database.writing, memory._database.passing, memory._database.reading)}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


async def walked(memory, statements, tables, *, though_in_order=False):
    """Where a plan goes through one of these tables from end to end. `though_in_order`: along an index counts too."""
    found = []
    async with memory._database.writing.connect() as connection:
        postgres = connection.dialect.name == "postgresql"
        if postgres:
            await connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in statements:
            explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
            rows = (await connection.exec_driver_sql(explain + statement, parameters)).all()
            plan = [str(row[-1]) for row in rows]
            whole = rf"Seq Scan on ({tables})\b" if postgres else rf"^SCAN ({tables})\b(?!.* USING (COVERING )?INDEX)"
            whole = rf"^SCAN ({tables})\b" if though_in_order and not postgres else whole
            found += [f"{line.strip()}  --  {statement}" for line in plan if re.search(whole, line.strip())]
        await connection.rollback()
    return found


@pytest.fixture
async def full(memory, clock):
    """An account and a CRM with an open outage, cost, touchpoints, and one of each kind of row."""
    [ads] = await connected(memory, clock(), "1")
    [crm] = await connected(memory, clock(), "2", platform="salesforce", flows=[Flow.TOUCHPOINTS])
    outage = await dropped(memory, clock(), crm)
    async with memory.begin() as tx:
        await tx.touchpoints.accept([touch(n, clock()) for n in range(3)], clock())
        row = CostRow(clock().date(), "c", "C", "g", "a", "EUR", 1, 1, 1)
        await tx.costs.store(ads.id, [row], clock().date(), clock().date(), clock())
        await tx.outbox.say_message(outage.id, 1, clock())
    return ads, crm, outage


async def watching(tx, clock, ads, crm, outage):
    await tx.agenda.due(clock())
    due = await tx.connections.claim_checks(clock(), 9)
    await tx.connections.checked([Checked(due[0].id, clock(), clock() + HOUR, good=True)])
    await tx.connections.some([ads.id])
    await tx.grants.claim_renewals(clock(), 9)
    await tx.revocations.claim(clock(), 9)


async def moving(tx, clock, ads, crm, outage):
    claimed = await tx.transfers.claim(clock(), 9, "me", LEASE)
    await tx.transfers.save(claimed[0], clock(), LEASE)
    await tx.transfers.release(claimed[0], clock(), attempts=0)
    await tx.transfers.free(["me"])
    await tx.transfers.of_connections([ads.id, crm.id])
    await tx.transfers.of_outage(outage.id)
    await tx.transfers.hurry([ads.id], clock())
    await tx.transfers.put_off_lost(clock())
    today = clock().date()
    await tx.costs.store(ads.id, [], today, today, clock())
    await tx.costs.totals(ads.id, today, today)
    await tx.costs.of_ads(ads.id, ["a"], today)


async def pushing(tx, clock, ads, crm, outage):
    await tx.touchpoints.accept([touch(9, clock())], clock())
    await tx.touchpoints.adopt(crm.id, "salesforce", clock())
    await tx.touchpoints.batch(crm.id, 9, clock())
    await tx.touchpoints.waiting(crm.id, most=9)
    await tx.touchpoints.first_waiting(crm.id)
    await tx.touchpoints.waiting_at([crm.id])
    await tx.touchpoints.waiting_everywhere()
    await tx.touchpoints.top(crm.id)
    said = [PushResult("TP2_1", PushState.RETRY), PushResult("TP2_2", PushState.SET_ASIDE)]
    await tx.touchpoints.settle(crm.id, [1], said, clock())
    await tx.touchpoints.settle(crm.id, [1, 4], [], clock())
    await tx.touchpoints.sent_between(crm.id, 0, 9, 9)
    await tx.touchpoints.set_aside(crm.id)
    await tx.touchpoints.resend(crm.id, ["TP2_0"], clock())


async def telling(tx, clock, ads, crm, outage):
    saying = (await tx.outbox.claim(clock(), 9, "me", LEASE))[0]
    await tx.outbox.said(saying, clock())
    await tx.outbox.free(["me"])
    await tx.outages.get(outage.id)
    await tx.outages.open_of_grant(crm.grant_id)
    await tx.outages.open_of_connection(crm.id)
    await tx.outages.lately_caught_up([crm.id], Reach.GRANT, clock())


async def forgetting(tx, clock, ads, crm, outage):
    await tx.forgetting.outages(clock(), 9)
    await tx.forgetting.touchpoints(clock() + HOUR, 9)
    await tx.forgetting.costs(clock().date() + timedelta(days=1), 9)


@sqlite_only
async def test_taking_in_touchpoints_walks_through_no_table(memory, full):
    """SQLite is asked in its thread, where `asked` hears nothing."""
    given = {"row": 1, "crm": "con_1", "last": 1, "now": "", "platform": "hubspot"}
    into = (accepting.DELIVER, accepting.DELIVER_FITTING)
    questions = [accepting.NUMBER, accepting.LAST_ROW, accepting.CRMS, accepting.COUNT, accepting.WAITING, *into]
    statements = [(each, {name: given[name] for name in given if f":{name}" in each}) for each in questions]

    assert [] == await walked(memory, statements, GROWS)


@pytest.mark.parametrize("what", [watching, moving, pushing, telling, forgetting], ids=lambda what: what.__name__)
async def test_what_runs_all_day_walks_through_no_table(memory, clock, full, what):
    with asked(memory) as statements:
        async with memory.begin() as tx:
            await what(tx, clock, *full)

    assert len(statements) > 4
    assert [] == await walked(memory, statements, GROWS)


async def test_a_page_of_connections_walks_through_nothing_but_the_connections(memory, clock, full):
    """Its order depends on their states, so it looks at each; but not at each outage or login there ever was."""
    ads, crm, _ = full
    with asked(memory) as statements:
        async with memory.read() as tx:
            for search in ("", "acc"):
                await tx.history.tally(["google_ads", "salesforce"], search)
                ids = await tx.history.page(Kind.CRM, ["google_ads", "salesforce"], search, 0, 50)
            await tx.connections.some(ids)
            await tx.history.downs([ads.id, crm.id], clock() - HOUR)
            await tx.history.outages_of(crm.id, 9)
            await tx.history.untagged(ads.id, 9)

    assert [] == await walked(memory, statements, GROWS)


async def test_a_loss_costs_the_same_however_many_logins_there_are_and_are_lost_already(memory, clock, full):
    ads, _, outage = full
    async with memory.read() as tx:
        living = await tx.grants.get(ads.grant_id)
    with asked(memory) as statements:
        async with memory.begin() as tx:
            assert await tx.grants.begin_refreshes([living, living], clock()) == {living.id}
            await tx.grants.end_refreshes([living, living])
            await tx.storms.lose({living.id: 1}, clock(), clock())
            await tx.storms.lines(outage.id, 0, 9)
            await tx.storms.people(outage.id, 9)
            await tx.outages.open_with("key_lost")
            await tx.transfers.claim(clock(), 9, "me", LEASE)

    assert [] == await walked(memory, statements, "grants|connections|outages|transfers", though_in_order=True)


@sqlite_only
async def test_what_is_due_is_found_by_its_time_and_not_among_all_that_do_not_catch_up(memory, clock, full):
    with asked(memory) as statements:
        async with memory.begin() as tx:
            await tx.transfers.claim(clock(), 9, "me", LEASE)
    async with memory._database.writing.connect() as connection:
        for statement, parameters in statements:
            rows = (await connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)).all()
            assert [row[-1] for row in rows if "ORDER BY" in row[-1]] == []
        await connection.rollback()
