"""Cost at the practice Google Ads, and the query language it is asked for in."""

from datetime import date, timedelta

import pytest
from practice_world import at_google, code_of

from sandbox.google_ads import ADA, AMERICAS, BEN, EMEA, MANAGER, SHOES

DAYS = "segments.date BETWEEN '2026-11-01' AND '2026-11-23'"


COST = f"""SELECT customer.currency_code, segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id,
metrics.cost_micros, metrics.clicks, metrics.impressions FROM ad_group_ad WHERE {DAYS}"""


CAMPAIGNS = f"SELECT campaign.id, segments.date, metrics.cost_micros FROM campaign WHERE {DAYS}"


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


@pytest.fixture
async def ada(google):
    return await google.login(ADA)


def daily(rows):
    totals = {}
    for row in rows:
        day = date.fromisoformat(row["segments"]["date"])
        totals[day] = totals.get(day, 0) + int(row["metrics"]["costMicros"])
    return totals


# What it costs


async def test_ads_and_performance_max_together_are_the_totals(google, ada):
    ads, campaigns = await ada.rows(EMEA, COST), await ada.rows(EMEA, CAMPAIGNS)
    pmax = [row for row in campaigns if row["campaign"]["id"].endswith("09")]
    truth = google.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 23))
    assert daily(ads + pmax) == daily(campaigns) == truth
    assert len(truth) == 23
    whole = await ada.rows(EMEA, f"SELECT segments.date, metrics.cost_micros FROM customer WHERE {DAYS}")
    assert daily(whole) == truth
    assert daily(ads) != truth


async def test_a_cost_row_has_googles_shape(ada):
    row = (await ada.rows(EMEA, COST))[0]
    assert row["adGroupAd"] == {
        "resourceName": f"customers/{EMEA}/adGroupAds/{row['adGroup']['id']}~{row['adGroupAd']['ad']['id']}",
        "ad": {
            "resourceName": f"customers/{EMEA}/ads/{row['adGroupAd']['ad']['id']}",
            "id": row["adGroupAd"]["ad"]["id"],
        },
    }
    assert row["customer"] == {"resourceName": f"customers/{EMEA}", "currencyCode": "EUR"}
    assert all(isinstance(row["metrics"][name], str) for name in ("costMicros", "clicks", "impressions"))
    assert int(row["metrics"]["costMicros"]) % 10_000 == 0


async def test_today_grows_and_recent_days_settle_as_the_clock_moves_on(google):
    today, settled = google.sandbox.today(EMEA), date(2026, 11, 10)
    before = google.sandbox.totals(EMEA, settled, today)
    google.clock.pass_by(hours=3)
    later = google.sandbox.totals(EMEA, settled, today)
    assert later[today] > before[today]
    assert {day: cost for day, cost in later.items() if day < today} == {d: c for d, c in before.items() if d < today}
    google.clock.pass_by(days=1)
    after = google.sandbox.totals(EMEA, settled, today)
    for age in (1, 2, 3):
        assert after[today - timedelta(days=age)] < before[today - timedelta(days=age)]
    for age in range(4, 10):
        assert after[today - timedelta(days=age)] == before[today - timedelta(days=age)]


async def test_an_accounts_day_is_its_own(google, ada):
    google.clock.moment = google.clock.moment.replace(hour=3)
    assert google.sandbox.today(AMERICAS) == date(2026, 11, 22)
    assert google.sandbox.today(EMEA) == date(2026, 11, 23)
    assert max(daily(await ada.rows(AMERICAS, COST))) == date(2026, 11, 22)


async def test_a_new_ad_costs_nothing_before_it_was_made(google):
    ad = google.sandbox.add_ads(EMEA)[0]
    google.clock.pass_by(days=1)
    ada = await google.login(ADA)
    rows = [row for row in await ada.rows(EMEA, COST) if row["adGroupAd"]["ad"]["id"] == ad.id]
    assert list(daily(rows)) == [date(2026, 11, 23)]


async def test_yen_are_whole(google):
    ben = await google.login(BEN, None)
    assert all(int(row["metrics"]["costMicros"]) % 1_000_000 == 0 for row in await ben.rows(SHOES, COST))


async def test_metrics_without_days_are_summed_and_zero_rows_shown(google, ada):
    query = f"SELECT ad_group_ad.ad.id, ad_group_ad.status, metrics.cost_micros FROM ad_group_ad WHERE {DAYS}"
    rows = await ada.rows(EMEA, query)
    assert len(rows) == 24
    assert [r["metrics"]["costMicros"] for r in rows if r["adGroupAd"]["status"] == "PAUSED"] == ["0"]
    assert sum(int(r["metrics"]["costMicros"]) for r in rows) == sum(daily(await ada.rows(EMEA, COST)).values())


async def test_a_manager_has_no_metrics(ada):
    answer = await ada.search(MANAGER, f"SELECT metrics.cost_micros FROM customer WHERE {DAYS}")
    assert code_of(answer) == ("queryError", "REQUESTED_METRICS_FOR_MANAGER")


# The query language


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("FROM customer", "EXPECTED_SELECT"),
        ("SELECT customer.id", "EXPECTED_FROM"),
        ("SELECT customer.id FROM", "UNEXPECTED_END_OF_QUERY"),
        ("SELECT customer.id FROM nonsense", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT customer.nonsense FROM customer", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.id FROM customer", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"),
        ("SELECT customer.id FROM customer WHERE campaign.id = 1", "PROHIBITED_RESOURCE_TYPE_IN_WHERE_CLAUSE"),
        ("SELECT campaign.id FROM campaign WHERE campaign.status = 'RUNNING'", "BAD_ENUM_CONSTANT"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id = 'x'", "BAD_NUMBER"),
        ("SELECT campaign.id FROM campaign WHERE campaign.name > 'x'", "OPERATOR_FIELD_MISMATCH"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id ~ 1", "BAD_SYMBOL"),
        ("SELECT campaign.id FROM campaign WHERE campaign.name = 'x", "STRING_NOT_TERMINATED"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id IN ()", "PROHIBITED_EMPTY_LIST_IN_CONDITION"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id = 1 OR campaign.id = 2", "EXPECTED_AND"),
        ("SELECT campaign.id FROM campaign LIMIT ten", "BAD_LIMIT_VALUE"),
        ("SELECT campaign.id FROM campaign LIMIT 0", "LIMIT_VALUE_TOO_LOW"),
        ("SELECT segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT segments.date FROM campaign WHERE segments.date >= '2026-11-01'", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT segments.date FROM campaign WHERE segments.date = '2026-02-30'", "INVALID_DATE_FORMAT"),
        ("SELECT campaign.id FROM campaign; DROP TABLE", "BAD_SYMBOL"),
        ("SELECT campaign.id FROM campaign campaign", "UNEXPECTED_INPUT"),
    ],
)
async def test_a_wrong_query_is_refused_in_googles_words(ada, query, code):
    answer = await ada.search(EMEA, query)
    assert (answer.status_code, code_of(answer)) == (400, ("queryError", code))


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("campaign.status = 'ENABLED'", 4),
        ("campaign.advertising_channel_type IN ('PERFORMANCE_MAX', SMART)", 1),
        ("campaign.advertising_channel_type NOT IN (SEARCH)", 1),
        ("campaign.name != 'Brand' AND campaign.name != \"Running shoes\"", 2),
        ("campaign.id BETWEEN 200000000101 AND 200000000102", 2),
        ("campaign.id >= 200000000102", 3),
        ("campaign.id < 200000000102", 1),
    ],
)
async def test_conditions_choose_rows(ada, where, count):
    assert len(await ada.rows(EMEA, f"SELECT campaign.name FROM campaign WHERE {where}")) == count


async def test_rows_are_ordered_and_limited(ada):
    query = "SELECT ad_group_ad.ad.id FROM ad_group_ad ORDER BY ad_group_ad.ad.id DESC LIMIT 3"
    ids = [int(row["adGroupAd"]["ad"]["id"]) for row in await ada.rows(EMEA, query)]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)


async def test_search_pages_go_on_with_the_rows_of_the_first_page(google, ada):
    google.sandbox.api.page_rows = 10
    query = "SELECT ad_group_ad.ad.id FROM ad_group_ad"
    seen, token = [], None
    while True:
        answer = (await ada.search(EMEA, query, **({"pageToken": token} if token else {}))).json()
        seen += [row["adGroupAd"]["ad"]["id"] for row in answer["results"]]
        google.sandbox.add_ads(EMEA)
        token = answer.get("nextPageToken")
        if token is None:
            break
    assert len(seen) == len(set(seen)) == 24
    wrong = await ada.search(EMEA, "SELECT campaign.id FROM campaign", pageToken="made-up")
    assert code_of(wrong) == ("requestError", "INVALID_PAGE_TOKEN")
    assert code_of(await ada.search(EMEA, query, pageSize=5)) == ("requestError", "PAGE_SIZE_NOT_SUPPORTED")


async def test_the_stream_is_an_array_of_parts_and_nothing_found_has_no_results(ada):
    parts = (await ada.stream(EMEA, COST)).json()
    assert [sorted(part) for part in parts] == [["fieldMask", "requestId", "results"]]
    empty = (await ada.stream(EMEA, "SELECT campaign.id FROM campaign WHERE campaign.id = 1")).json()
    assert [sorted(part) for part in empty] == [["fieldMask", "requestId"]]


async def test_unknown_names_in_the_body_are_refused(ada):
    answer = await ada.search(EMEA, COST, devToken="x")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith('Invalid JSON payload received. Unknown name "devToken"')
