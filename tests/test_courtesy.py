"""Who goes first: work in a thread pauses between its steps while somebody waits for the answer to a click, or for a page."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest
from practice_microsoft_advertising import zipped
from practice_room import opened
from practice_web import website
from sample_facts import CHANNEL, google

from bot.words.connection import Account
from bot.words.freight import CostRow, Touchpoint
from bot.words.interfaces import Answer, Fetch
from bot.work import courtesy
from bot.work.courtesy import somebody_waits
from platforms._beside import beside
from platforms._google_ads_rows import cost_rows
from platforms._linkedin_ads_restli import elements_in
from platforms._meta_ads_graph import Graph
from platforms._meta_ads_insights import Insights
from platforms._microsoft_advertising_reports import totals
from platforms._salesforce_records import Recorder
from storage.costs import _looked_at

CAMPAIGN = {"segments": {"date": "2026-03-01"}, "metrics": {"costMicros": "5"}, "campaign": {"id": "1", "name": "One"}}
CAMPAIGNS, ADS = json.dumps([{"results": [CAMPAIGN]}]).encode(), b'[{"results": []}]'

DAY = date(2026, 3, 1)
MICROSOFT = zipped('"TimePeriod","AccountId","CurrencyCode","Spend"\r\n"2026-03-01","1","EUR","0.05"\r\n')
META = {"date_start": "2026-03-01", "date_stop": "2026-03-01", "campaign_id": "1", "adset_id": "2", "ad_id": "3"}
RECORDER = Recorder(names={}, external_id="Id__c", date="", email="")
BESIDE = [
    lambda: elements_in(b'{"elements": [{"id": 1}]}'),
    lambda: totals(MICROSOFT, Account("1", "Acme"), DAY, DAY),
    lambda: RECORDER.all(
        [Touchpoint("TP_1", datetime(2026, 3, 1, tzinfo=UTC), "", "touchpoint", {"A": "b"}, None)], {}
    ),
    lambda: _looked_at([CostRow(DAY, "1", "One", "", "", "EUR", 5, 0, 0)], DAY, DAY),
]


def reading() -> asyncio.Task[object]:
    return asyncio.create_task(beside(cost_rows, CAMPAIGNS, ADS, Account("1", "Acme", "EUR", "UTC")))


async def goes_on(task: asyncio.Task[Any]) -> bool:
    done, _ = await asyncio.wait([task], timeout=0.05)
    return bool(done)


async def test_a_report_is_read_on_when_the_last_one_who_waits_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)
    with somebody_waits():
        with somebody_waits():
            read = reading()
            assert not await goes_on(read)
        assert not await goes_on(read)
    assert len(await read) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "work", BESIDE, ids=["LinkedIn's report", "Microsoft's report", "records for Salesforce", "cost to be stored"]
)
async def test_other_large_work_is_not_begun_while_somebody_waits(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]
) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)
    with somebody_waits():
        working = asyncio.create_task(beside(work))
        assert not await goes_on(working)
    await working


async def test_metas_report_is_read_in_a_thread_and_not_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)

    async def fetch(*_: object, **__: object) -> Answer:
        return Answer(200, {}, json.dumps({"data": [META]}).encode())

    cost = Insights(Graph(cast("Fetch", fetch), "v1"), "1", "EUR").of_ads(DAY, DAY)
    with somebody_waits():
        read = asyncio.create_task(anext(cost))
        assert not await goes_on(read)
    assert [row.ad for row in await read or ()] == ["3"]


async def test_a_report_is_read_to_its_end_where_somebody_always_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 0.001)
    with somebody_waits():
        assert len(await reading()) == 1  # type: ignore[arg-type]


async def test_what_is_read_on_the_event_loop_itself_makes_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)
    with somebody_waits():
        assert len(cost_rows(CAMPAIGNS, ADS, Account("1", "Acme", "EUR", "UTC"))) == 1


async def test_somebody_waits_from_a_click_until_its_answer_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)
    paused: list[bool] = []
    async with opened() as room:
        ts = await room.alert()

        async def look(next_: Callable[[], Awaitable[None]]) -> None:
            read.append(reading())
            paused.append(not await goes_on(read[0]))
            await next_()

        read: list[asyncio.Task[object]] = []
        room.ours._socket._app.middleware(look)
        assert (await room.slack.click(CHANNEL, ts, "reauthorize")).acked
        await read[0]
    assert paused == [True]


async def test_somebody_waits_for_a_page_until_it_begins_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "MOST", 60)
    paused: list[bool] = []
    async with website() as site:
        site.gallery.outages["out_1"] = google()
        found = site.gallery.outage

        async def looked_up(outage_id: str) -> object:
            read.append(reading())
            paused.append(not await goes_on(read[-1]))
            return await found(outage_id)

        read: list[asyncio.Task[object]] = []
        site.gallery.outage = looked_up
        assert (await site.client.get("/outages/out_1")).status_code == 200
        await read[0]
        async with site.client.stream("GET", "/outages/out_1/live") as news:
            assert news.status_code == 200
            await read[1]  # while the news go on
    assert paused == [True, True]
