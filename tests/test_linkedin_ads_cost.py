"""LinkedIn's cost equals the practice world's to the micro, and nothing told is not nothing spent."""

import asyncio
from collections import Counter
from datetime import date, timedelta

import pytest
from practice_gateway import NOW, answered
from practice_linkedin_ads import SINCE, UNTIL, at_the_desk, by_day

from bot.words.errors import AccessDenied, TryLater
from platforms._linkedin_ads_analytics import Analytics, micros, money
from platforms._linkedin_ads_restli import Restli
from sandbox.faults import Fault, Kind
from sandbox.linkedin_ads import AMERICAS, EMEA


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.mark.parametrize("number", [EMEA, AMERICAS])
@pytest.mark.parametrize("page_size", [2, 1000])
async def test_cost_equals_the_account_s_own_to_the_micro(desk, number, page_size):
    desk.sandbox.api.page_size = page_size
    account = desk.accounts[number]
    pages = await desk.cost(account=account)
    truth = desk.sandbox.totals(number, SINCE, UNTIL)
    assert len(truth) == 23
    assert by_day(pages) == truth
    assert await desk.totals(account=account) == truth
    assert {row.currency for page in pages for row in page.rows} == {account.currency}


async def test_each_creative_is_named_with_its_campaign(desk):
    rows = [row for page in await desk.cost() for row in page.rows]
    for row in rows:
        campaign = desk.held.creatives[row.ad].campaign
        assert (row.campaign, row.campaign_name, row.ad_group) == (campaign.id, campaign.name, "")
    keys = Counter((row.day, row.campaign, row.ad_group, row.ad) for row in rows)
    assert set(keys.values()) == {1}
    assert {row.clicks > 0 for row in rows} == {True}


async def test_creatives_that_were_removed_are_asked_for_by_name(desk):
    removed = {each.id for each in desk.held.creatives.values() if each.removed_on}
    told = {row.ad: row for page in await desk.cost() for row in page.rows}
    assert removed
    assert removed <= set(told)
    for creative in removed:
        assert told[creative].campaign == desk.held.creatives[creative].campaign.id


async def test_a_creative_that_nobody_knows_is_counted_without_a_campaign(desk):
    desk.sandbox.faults.add(Fault(match="creatives/urn", kind=Kind.STATUS, status=403, times=None))
    pages = await desk.cost()
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert {row.campaign for page in pages for row in page.rows if desk.held.creatives[row.ad].removed_on} == {""}


async def test_amounts_below_a_micro_add_up_to_the_account_s_own():
    exact = [money("0.0000004"), money("1.9999999999999998"), money("-2E-7"), money("23.1234")]
    assert micros(sum(exact)) == 25_123_400
    for wrong in ("NaN", "Infinity", "1e999", "1E+20", "", "1,5", 23.5, None, "٣"):
        with pytest.raises(ValueError, match="money"):
            money(wrong)


async def test_cost_comes_in_whole_days_oldest_first_and_says_how_far(desk):
    pages = await desk.cost(date(2026, 9, 1))
    assert [page.through for page in pages] == [date(2026, 9, 30), date(2026, 10, 30), UNTIL]
    days = [row.day for page in pages for row in page.rows]
    assert days == sorted(days)
    assert all(row.day <= page.through for page in pages for row in page.rows)


async def test_restated_days_change_and_older_ones_do_not(desk):
    before = by_day(await desk.cost())
    desk.clock.moment += timedelta(days=1)
    after = by_day(await desk.cost())
    assert after == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    changed = {day for day in before if before[day] != after[day]}
    assert changed == {date(2026, 11, day) for day in (20, 21, 22, 23)}
    assert desk.platform.restate_days == 7


@pytest.mark.parametrize(("most", "asked"), [(10_000, 1), (200, 3), (60, 12), (26, 23)])
async def test_no_window_holds_more_than_one_answer_does(desk, monkeypatch, most, asked):
    monkeypatch.setattr("platforms._linkedin_ads_analytics.MOST_ELEMENTS", most)
    desk.sandbox.api.analytics.most = most
    pages = await desk.cost()
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.calls("adAnalytics") == asked


async def test_an_answer_that_may_be_cut_short_is_asked_for_in_fewer_days(desk, monkeypatch):
    """Creatives that were made, or removed, are not in the list that the window was measured by."""
    monkeypatch.setattr("platforms._linkedin_ads_analytics.MOST_ELEMENTS", 60)
    desk.sandbox.api.analytics.most = 60
    (campaign,) = desk.sandbox.add_ads(EMEA, 1)
    desk.sandbox.book.add_creatives(desk.held, campaign, 30, at=NOW - timedelta(days=60))
    for creative in desk.held.creatives.values():
        if creative.campaign is campaign:
            creative.removed_on = UNTIL.toordinal()
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_day_that_is_too_much_for_one_answer_is_asked_for_by_campaigns(desk, monkeypatch):
    monkeypatch.setattr("platforms._linkedin_ads_analytics.MOST_ELEMENTS", 5)
    desk.sandbox.api.analytics.most = 5
    since = date(2026, 11, 20)
    assert by_day(await desk.cost(since)) == desk.sandbox.totals(EMEA, since, UNTIL)
    monkeypatch.setattr("platforms._linkedin_ads_analytics.MOST_ELEMENTS", 2)
    with pytest.raises(TryLater, match="more cost rows"):
        await desk.cost(since)


async def test_nothing_told_after_the_rights_are_lost_is_not_zero_cost(desk):
    desk.sandbox.withdraw(AMERICAS)
    with pytest.raises(AccessDenied):
        await desk.totals(account=desk.accounts[AMERICAS])
    with pytest.raises(AccessDenied):
        await desk.cost(account=desk.accounts[AMERICAS])


async def test_rights_that_are_lost_between_two_windows_are_noticed_too(desk):
    pages = desk.platform.cost(desk.fetch, desk.account, date(2026, 9, 1), UNTIL)
    assert (await anext(pages)).rows
    desk.sandbox.withdraw(EMEA)
    with pytest.raises(AccessDenied) as caught:
        await anext(pages)
    assert caught.value.cause.code == "no_role"


async def test_days_without_cost_are_believed_while_the_role_is_there(desk):
    assert [(page.rows, page.through) for page in await desk.cost(date(2020, 1, 1), date(2020, 1, 3))] == [
        ([], date(2020, 1, 3))
    ]
    assert await desk.totals(date(2020, 1, 1), date(2020, 1, 3)) == {}
    assert desk.calls("adAccountUsers") == 3  # once for the list of accounts


async def test_reading_many_creatives_gives_signs_of_life(desk, monkeypatch):
    monkeypatch.setattr("platforms._linkedin_ads_analytics._PAGES_AT_A_TIME", 2)
    desk.sandbox.api.page_size = 2
    first, *rest = await desk.cost()
    assert (first.rows, first.through) == ((), date(2026, 10, 31))
    assert by_day(rest) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"costInLocalCurrency": 23.1234},
        {"costInLocalCurrency": "NaN"},
        {"pivotValues": []},
        {"pivotValues": ["urn:li:sponsoredCreative:x"]},
        {"dateRange": {"start": {"year": 2025, "month": 1, "day": 1}, "end": {"year": 2025, "month": 1, "day": 1}}},
        {"dateRange": {"start": {"year": 2026, "month": 11, "day": 1}, "end": {"year": 2026, "month": 11, "day": 2}}},
        {"clicks": "many"},
    ],
    ids=str,
)
async def test_a_row_that_makes_no_sense_is_garbage(desk, spoiled):
    day = {"year": 2026, "month": 11, "day": 1}
    row = {"pivotValues": ["urn:li:sponsoredCreative:119962001"], "dateRange": {"start": day, "end": day}} | spoiled

    async def fetch(method, url, **more):
        if "adAnalytics" in url:
            return answered(200, {"elements": [row]})
        return await desk.fetch(method, url, **more)

    with pytest.raises(TryLater):
        [page async for page in desk.platform.cost(fetch, desk.account, SINCE, UNTIL)]


async def test_pages_that_lead_round_in_a_circle_end(desk):
    async def fetch(*_, **__):
        return answered(200, {"elements": [], "metadata": {"nextPageToken": "again"}})

    with pytest.raises(TryLater, match="circle"):
        [page async for page in desk.platform.cost(fetch, desk.account, SINCE, UNTIL)]


async def test_a_report_with_many_rows_is_read_while_others_go_on(desk):
    day = {"year": 2026, "month": 11, "day": 1}
    row = {"dateRange": {"start": day, "end": day}, "costInLocalCurrency": "1.5", "clicks": 1, "impressions": 2}
    rows = [row | {"pivotValues": [f"urn:li:sponsoredCreative:{n}"]} for n in range(10_000)]
    whole = answered(200, {"elements": rows})
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def fetch(method, url, **more):
        return whole if "adAnalytics" in url else await desk.fetch(method, url, **more)

    analytics = Analytics(Restli(fetch, "202611"), desk.account)
    analytics.book.campaigns = {str(n): "1" for n in range(10_000)}
    going_on = asyncio.create_task(others())
    [(read, _)] = [each async for each in analytics.of_creatives(SINCE, SINCE)]
    going_on.cancel()
    assert (len(read), sum(each.cost_micros for each in read)) == (10_000, 15_000_000_000)
    assert turns > 100
