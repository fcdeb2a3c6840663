"""Cost at Meta Ads: to the micro, deleted ads included, from pages or from a report where it is too much."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from practice_gateway import answered, session
from practice_meta_ads import at_desk, by_day

from bot.words.errors import AccessDenied, TryLater
from bot.words.interfaces import Answer
from platforms._meta_ads_graph import Graph
from platforms._meta_ads_insights import Insights, micros
from platforms.meta_ads import MetaAds
from sandbox.meta_ads import BEN, EMEA, GULF, SHOES

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


@pytest.fixture
async def desk():
    async with at_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._PAUSES", (0.0,) * 30)


@pytest.mark.parametrize("account", [EMEA, GULF])
async def test_cost_equals_the_account_s_own_to_the_micro_deleted_ads_included(desk, account):
    chosen = desk.accounts[account]
    pages = await desk.cost(SINCE, UNTIL, chosen)
    truth = desk.sandbox.totals(account, SINCE, UNTIL)
    assert by_day(pages) == truth
    assert len(truth) == 23
    assert await desk.platform.cost_totals(desk.fetch, chosen, SINCE, UNTIL) == truth
    assert {row.currency for page in pages for row in page.rows} == {chosen.currency}
    gone = {ad.id for ad in desk.sandbox.account(account).ads.values() if ad.status in ("ARCHIVED", "DELETED")}
    assert gone <= {row.ad for page in pages for row in page.rows}


async def test_a_currency_without_cents_is_read_as_it_is(desk):
    fetch, _ = await session(desk.gateway, BEN)
    (account,) = await desk.platform.accounts(fetch)
    pages = [page async for page in desk.platform.cost(fetch, account, SINCE, UNTIL)]
    assert by_day(pages) == desk.sandbox.totals(SHOES, SINCE, UNTIL)
    assert {row.cost_micros % 1_000_000 for page in pages for row in page.rows} == {0}


async def test_cost_is_whole_with_pages_of_two(desk):
    desk.sandbox.page_size = 2
    since = UNTIL - timedelta(days=2)
    assert by_day(await desk.cost(since, UNTIL)) == desk.sandbox.totals(EMEA, since, UNTIL)


async def test_cost_comes_in_whole_days_oldest_first_and_says_how_far(desk):
    pages = await desk.cost(SINCE, UNTIL)
    assert [page.through for page in pages] == [date(2026, 11, day) for day in (7, 14, 21, 23)]
    days = [row.day for page in pages for row in page.rows]
    assert days == sorted(days)
    assert all(row.day <= page.through for page in pages for row in page.rows)


async def test_a_row_names_campaign_ad_set_and_ad(desk):
    row = (await desk.cost(SINCE, SINCE))[0].rows[0]
    ad = desk.held.ads[row.ad]
    assert (row.ad_group, row.campaign, row.campaign_name) == (
        ad.adset.id,
        ad.adset.campaign.id,
        ad.adset.campaign.name,
    )
    assert row.impressions > row.clicks > 0


async def test_days_without_cost_are_passed_too(desk):
    since = date(2024, 1, 1)
    assert [(page.rows, page.through) for page in await desk.cost(since, since)] == [([], since)]


async def test_restated_days_are_read_as_they_are_now(desk):
    yesterday = UNTIL - timedelta(days=1)
    before = by_day(await desk.cost(yesterday, yesterday))
    desk.clock.moment += timedelta(days=1)
    after = by_day(await desk.cost(yesterday, yesterday))
    assert after != before
    assert after == desk.sandbox.totals(EMEA, yesterday, yesterday)


async def test_days_are_the_account_s_own(desk):
    desk.clock.moment = datetime(2026, 11, 23, 22, tzinfo=UTC)
    today = desk.clock.moment.astimezone(ZoneInfo("Asia/Dubai")).date()
    assert today == date(2026, 11, 24)
    assert today in by_day(await desk.cost(UNTIL, today, desk.accounts[GULF]))


async def test_the_last_day_of_the_look_back_is_still_told(desk):
    earliest = UNTIL - timedelta(days=MetaAds.look_back_days)
    assert [page.through for page in await desk.cost(earliest, earliest)] == [earliest]


async def test_what_is_too_much_at_once_is_read_from_a_report(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    pages = await desk.cost(SINCE, UNTIL)
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    calls = [entry["call"] for entry in desk.sandbox.ledger.where("api_call")]
    assert calls.count(f"POST act_{EMEA}/insights") == 4
    assert calls.count(f"GET act_{EMEA}/insights") == 1


async def test_many_rows_are_read_from_a_report_too(desk, monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._ROWS_AT_ONCE", 30)
    desk.sandbox.page_size = 10
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.sandbox.ledger.count("api_call", call=f"POST act_{EMEA}/insights") == 4


async def test_while_a_report_runs_pages_without_rows_say_that_we_are_at_it(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    pages = await desk.cost(SINCE, date(2026, 11, 7))
    *waiting, last = pages
    assert len(waiting) == 3
    assert {(tuple(page.rows), page.through) for page in waiting} == {((), date(2026, 10, 31))}
    assert last.through == date(2026, 11, 7)


async def test_a_report_that_is_too_much_is_ordered_for_fewer_days(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.rows_per_report = 70
    pages = await desk.cost(SINCE, date(2026, 11, 7))
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, date(2026, 11, 7))
    assert [page.through for page in pages if page.rows] == [date(2026, 11, day) for day in (3, 6, 7)]


@pytest.mark.parametrize(
    "failure", [(2, None, "Service temporarily unavailable"), (2601, 7, "?"), (190, 463, "expired"), (80000, None, "x")]
)
async def test_a_report_that_failed_is_tried_later(desk, failure):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.failures.append(failure)
    with pytest.raises(TryLater):
        await desk.cost(SINCE, UNTIL)
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_failed_for_lack_of_rights_says_so(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.failures.append((200, None, "(#200) no"))
    with pytest.raises(AccessDenied):
        await desk.cost(SINCE, UNTIL)


async def test_a_report_that_never_ends_is_given_up_for_now(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.running_looks = 10_000
    with pytest.raises(TryLater):
        await desk.cost(SINCE, UNTIL)


async def test_a_report_that_cannot_be_found_at_first_is_looked_for_again_but_not_for_ever(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.unknown_looks = 3
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    desk.sandbox.api.insights.unknown_looks = 10_000
    with pytest.raises(AccessDenied):
        await desk.cost(SINCE, UNTIL)


async def test_pages_that_lead_round_in_a_circle_are_no_answer(desk):
    async def fetch(*_, **__):
        paging = {"cursors": {"after": "x"}, "next": "https://evil.example"}
        return answered(200, {"data": [], "paging": paging})

    with pytest.raises(TryLater):
        await desk.platform.cost_totals(fetch, desk.account, SINCE, UNTIL)


@pytest.mark.parametrize("spend", ["NaN", "Infinity", "1e400000", "", "1,5", "٣", 5.3, None, "1" * 40])
def test_what_is_no_amount_is_no_money(spend):
    with pytest.raises(ValueError, match="money"):
        micros(spend)


def test_money_is_exact():
    assert [micros(s) for s in ("53.39", "0.1", "1204", "-0.05", "0.000001")] == [
        53_390_000,
        100_000,
        1_204_000_000,
        -50_000,
        1,
    ]


async def test_a_large_report_is_put_in_order_beside_the_loop():
    """Whoever clicks meanwhile does not wait for it: the loop goes on turning after the last page has come."""
    turns, at_last_page = 0, 0

    async def fetch(_method, _url, *, params):
        nonlocal at_last_page
        at_last_page, page = turns, int(params.get("after", "0"))
        rows = [insight(page * 500 + n) for n in range(500)]
        paging = {"cursors": {"after": str(page + 1)}} | ({"next": "https://…"} if page < 9 else {})
        return Answer(200, {}, json.dumps({"data": rows, "paging": paging}).encode())

    async def turn():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    (rows,) = [rows async for rows in Insights(Graph(fetch, "v26.0"), "1", "EUR").of_ads(UNTIL, UNTIL)]
    turning.cancel()
    assert (len(rows), turns - at_last_page > 20) == (5_000, True)


def insight(number):
    names = {"campaign_id": "7", "campaign_name": "Autumn", "adset_id": "8", "ad_id": f"1204{number:011}"}
    told = {"spend": "1.25", "clicks": "3", "impressions": "40", "account_currency": "EUR"}
    return names | told | {"date_start": UNTIL.isoformat(), "date_stop": UNTIL.isoformat()}
