"""What the pages show: those in need first, searched and paged, always by the same few queries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from practice_memory import a_grant, connected, drop
from sqlalchemy import event

from bot.desk.gallery import PageFacts
from bot.memory.history import Tally
from bot.memory.routes import Routes
from bot.people.people import NotFound
from bot.words.connection import Account, Flow, Kind, Reach
from bot.words.freight import CostRow
from platforms.google_ads import GoogleAds
from platforms.salesforce import Salesforce


def gallery(memory, clock):
    platforms = {}
    for key, kind in (("google_ads", GoogleAds), ("salesforce", Salesforce)):
        platforms[key] = SimpleNamespace(platform=kind(kind.Settings(client_id="x", client_secret="y")))
    return PageFacts(memory, platforms, None, Routes("C1"), clock)


@asynccontextmanager
async def counted(memory) -> AsyncIterator[list[str]]:
    """Every statement that reads, in the order they were sent."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.lstrip().upper().startswith("SELECT"):
            sent.append(statement)

    engine = memory._database.reading.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_what_needs_a_login_comes_first_and_each_kind_has_its_own_pages(memory, clock):
    ads = await connected(memory, clock(), *(f"{n:03}" for n in range(60)))
    await connected(memory, clock(), "org", platform="salesforce", flows=(Flow.TOUCHPOINTS,))
    async with memory.begin() as tx:
        await tx.connections.set_authorized([ads[55].id], False)

    shown = gallery(memory, clock)
    first = await shown.sheets({})
    second = await shown.sheets({Kind.ADS: 2, Kind.CRM: 7})

    assert first[Kind.ADS].rows[0].connection.id == ads[55].id
    assert (first[Kind.ADS].total, first[Kind.ADS].red, first[Kind.ADS].pages) == (60, 1, 3)
    assert len(first[Kind.ADS].rows) == 25
    assert len(second[Kind.ADS].rows) == 25
    assert second[Kind.CRM].page == 1
    assert len({r.connection.id for s in (first, second) for r in s[Kind.ADS].rows}) == 50


async def test_a_search_finds_names_ids_and_logins_and_takes_no_wildcards(memory, clock):
    await connected(memory, clock(), "111", "222")
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock(), person="zoe")
        await tx.connections.add(
            grant, Kind.ADS, Account("333", "100%"), autotagging=True, utm="", flows=(), now=clock()
        )
    shown = gallery(memory, clock)

    async def found(search):
        return [r.connection.account.id for r in (await shown.sheets({}, search))[Kind.ADS].rows]

    assert await found("ACCOUNT 22") == ["222"]
    assert await found("zoe@") == ["333"]
    assert await found("%") == ["333"]
    assert await found("_") == []
    async with memory.read() as tx:
        assert (await tx.history.tally(["google_ads"], "zoe"))[Kind.ADS] == Tally(3, 1, 0)


async def test_the_number_of_queries_does_not_grow_with_connections_or_outages(memory, clock):
    shown, sent, first = gallery(memory, clock), [], None
    for platform, accounts in (("google_ads", ["1"]), ("salesforce", [str(n) for n in range(40)])):
        connections = await connected(memory, clock(), *accounts, platform=platform)
        first = first or connections[0]
        async with memory.begin() as tx:
            for connection in [*connections, first]:
                for _ in range(3):
                    outage = await drop(tx, clock.advance(minutes=1) and clock(), connection, reach=Reach.ACCOUNT)
                    await tx.outages.close(outage.id, {}, {}, clock())
        looks = {
            "connections": lambda: shown.sheets({}),
            "connection": partial(shown.connection, first.id),
            "outages": lambda: latest(memory),
            "numbers": lambda: numbers(memory),
        }
        sent.append({name: await queries(memory, look) for name, look in looks.items()})

    assert sent[0]["connections"] == sent[1]["connections"] == 5
    for name in ("connection", "outages", "numbers"):
        assert sent[0][name] == sent[1][name] <= 9, name


async def queries(memory, look):
    async with counted(memory) as statements:
        await look()
    return len(statements)


async def latest(memory):
    async with memory.read() as tx:
        await tx.outages.latest(limit=100)


async def numbers(memory):
    async with memory.read() as tx:
        await tx.connections.counted()
        await tx.outages.counted()
        await tx.outbox.waiting()
        await tx.touchpoints.waiting_everywhere()


async def test_outages_older_than_the_calendar_are_not_read(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        old = await drop(tx, clock(), connection)
        await tx.outages.close(old.id, {}, {}, clock())
        clock.advance(days=91)
        await drop(tx, clock(), connection)

    [row] = (await gallery(memory, clock).sheets({}))[Kind.ADS].rows

    assert [down.opened_at for down in row.downs] == [clock()]


async def test_the_page_of_a_connection_marks_the_cost_days_of_an_outage(memory, clock):
    [connection] = await connected(memory, clock())
    today = clock().date()
    day = timedelta(days=1)
    rows = [CostRow(today - n * day, "c", "C", "g", "a", "EUR", n * 1_000_000, 1, 1) for n in (5, 4, 3, 1, 0)]
    async with memory.begin() as tx:
        await tx.costs.store(connection.id, rows, today - 5 * day, today, clock())
        outage = await drop(tx, clock() - 3 * day, connection)
        await tx.outages.reauthorized(outage.id, "ann", clock() - 2 * day)
        await tx.outages.close(outage.id, {}, {}, clock())

    page = await gallery(memory, clock).connection(connection.id)

    assert [(c.day.day, c.micros and c.micros // 1_000_000, c.missed) for c in page.costs] == [
        (18, 5, False),
        (19, 4, False),
        (20, 3, True),
        (21, None, True),
        (22, 1, False),
        (23, 0, False),
    ]
    assert [o.id for o in page.outages] == [outage.id]
    assert page.waiting is None
    assert "utm_source=google" in page.utm
    with pytest.raises(NotFound):
        await gallery(memory, clock).connection("con_none")


async def test_what_came_before_an_open_outage_is_not_told_as_recovered(memory, clock):
    [connection] = await connected(memory, clock())
    today = clock().date()
    async with memory.begin() as tx:
        rows = [CostRow(today, "c", "C", "g", "a", "EUR", 1_000_000, 1, 1)]
        await tx.costs.store(connection.id, rows, today, today, clock())
        outage = await drop(tx, clock(), connection)
    late = []
    for step in ("reauthorized", "close", None):
        (day,) = (await gallery(memory, clock).connection(connection.id)).costs
        late.append((day.missed, day.late))
        async with memory.begin() as tx:
            if step == "reauthorized":
                await tx.outages.reauthorized(outage.id, "ann", clock())
            elif step == "close":
                await tx.outages.close(outage.id, {}, {}, clock())

    assert late == [(True, True), (True, True), (True, False)]


async def test_ads_left_alone_or_refused_are_listed_with_the_reason(memory, clock):
    [connection] = await connected(memory, clock())
    async with memory.begin() as tx:
        await tx.tags.note(connection.id, {"7": "leads to another domain"}, clock())

    page = await gallery(memory, clock).connection(connection.id)

    assert [(ad.ad, ad.why) for ad in page.untagged] == [("7", "leads to another domain")]
