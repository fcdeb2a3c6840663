"""Cost at Google Ads: to the micro, in whole days, and nothing believed that broke off."""

import json
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from practice_gateway import answered
from practice_google_ads import SINCE, UNTIL, desk_of_ada

from bot.words.errors import TryLater
from platforms._google_ads_stream import rows_of
from platforms._unfolding import TooLarge
from sandbox.google_ads import AMERICAS, EMEA


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


def by_day(pages):
    days = Counter()
    for page in pages:
        for row in page.rows:
            days[row.day] += row.cost_micros
    return dict(days)


@pytest.mark.parametrize("customer", [EMEA, AMERICAS])
async def test_cost_equals_the_account_s_own_to_the_micro(desk, customer):
    account = desk.accounts[customer]
    pages = await desk.cost(account=account)
    truth = desk.sandbox.totals(customer, SINCE, UNTIL)
    assert by_day(pages) == truth
    assert await desk.platform.cost_totals(desk.fetch, account, SINCE, UNTIL) == truth
    assert {row.currency for page in pages for row in page.rows} == {account.currency}


async def test_performance_max_is_counted_once_and_per_campaign(desk):
    rows = [row for page in await desk.cost() for row in page.rows]
    adless = [row for row in rows if not row.ad]
    assert {row.campaign_name for row in adless} == {"Performance Max"}
    assert {row.ad_group for row in adless} == {""}
    assert len({row.day for row in adless}) == 23
    keys = Counter((row.day, row.campaign, row.ad_group, row.ad) for row in rows)
    assert set(keys.values()) == {1}


async def test_cost_comes_in_whole_days_oldest_first_and_says_how_far(desk):
    pages = await desk.cost()
    assert [page.through for page in pages] == [date(2026, 11, day) for day in (7, 14, 21, 23)]
    days = [row.day for page in pages for row in page.rows]
    assert days == sorted(days)
    assert all(row.day <= page.through for page in pages for row in page.rows)


async def test_days_without_cost_are_passed_too(desk):
    assert [page.through for page in await desk.cost(date(2024, 1, 1), date(2024, 1, 3))] == [date(2024, 1, 3)]


async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_parts(desk):
    asked = []

    async def narrow(method, url, **more):
        asked.append(more["json"]["query"])
        since, until = asked[-1].split("BETWEEN '")[1][:10], asked[-1].split("AND '")[1][:10]
        if (date.fromisoformat(until) - date.fromisoformat(since)).days > 1:
            raise TooLarge("too large")
        return await desk.fetch(method, url, **more)

    pages = [page async for page in desk.platform.cost(narrow, desk.account, SINCE, date(2026, 11, 7))]
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, date(2026, 11, 7))
    assert pages[-1].through == date(2026, 11, 7)


async def test_cost_the_ads_do_not_explain_is_kept_with_the_campaign(desk):
    answers = [
        [cost("9", 100), cost("8", 50)],
        [cost("9", 60, ad="71"), cost("9", 30, ad="72"), cost("8", 50, ad="73")],
    ]

    async def fetch(*_, **__):
        return answered(200, json.dumps([{"results": answers.pop(0)}]))

    (page,) = [page async for page in desk.platform.cost(fetch, desk.account, SINCE, SINCE)]
    assert [(row.campaign, row.ad, row.cost_micros) for row in page.rows] == [
        ("8", "73", 50),
        ("9", "", 10),
        ("9", "71", 60),
        ("9", "72", 30),
    ]


async def test_a_stream_that_ends_in_an_error_is_not_taken_for_the_whole(desk):
    async def fetch(*_, **__):
        return answered(200, json.dumps([{"results": [cost("9", 1)]}, {"error": {"code": 500}}]))

    with pytest.raises(TryLater):
        await desk.platform.cost_totals(fetch, desk.account, SINCE, UNTIL)


async def test_cost_in_words_or_of_an_ad_without_its_group_is_no_report_and_nothing_is_stored_of_it(desk):
    for wrong in ({"metrics": {"costMicros": "much"}}, {"segments": {}}, {"adGroupAd": {}}, {"adGroup": {}}):

        async def fetch(*_, wrong=wrong, **__):
            return answered(200, json.dumps([{"results": [cost("9", 1, ad="7") | wrong]}]))

        with pytest.raises(TryLater):
            [page async for page in desk.platform.cost(fetch, desk.account, SINCE, SINCE)]


_JSON = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=3)


_PART = st.dictionaries(st.sampled_from(["fieldMask", "requestId", "results"]), _JSON).map(
    lambda part: part | ({"results": [{"row": part["results"]}] * 2} if "results" in part else {})
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(st.lists(_PART, max_size=4), st.sampled_from([None, 2]))
def test_a_stream_is_read_row_by_row_in_any_order_of_its_parts_and_with_any_white_space(parts, indent):
    wanted = [row for part in parts for row in part.get("results", [])]
    assert wanted == list(rows_of(json.dumps(parts, indent=indent).encode(), dict))


@pytest.mark.parametrize(
    "body", ["", "{}", "[{]", '[{"results":[{}]', '[{"results":[{},]}]', '[{"a" 1}]', "[]x", "[{},]"]
)
def test_what_is_no_whole_stream_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011 - whichever sign is missing
        list(rows_of(body.encode(), dict))


def cost(campaign, micros, ad=""):
    row = {
        "segments": {"date": SINCE.isoformat()},
        "campaign": {"id": campaign, "name": "C"},
        "metrics": {"costMicros": str(micros), "clicks": "1", "impressions": "2"},
    }
    return row | ({"adGroup": {"id": "5"}, "adGroupAd": {"ad": {"id": ad}}} if ad else {})
