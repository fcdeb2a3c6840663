import json
from datetime import date, timedelta

import pytest
from practice_world import at_google, code_of

from sandbox.google_ads import ADA, AMERICAS, BEN, CLEO, EMEA, MANAGER, SHOES

UTM = "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}"
DAYS = "segments.date BETWEEN '2026-11-01' AND '2026-11-23'"
COST = f"""SELECT customer.currency_code, segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id,
metrics.cost_micros, metrics.clicks, metrics.impressions FROM ad_group_ad WHERE {DAYS}"""
CAMPAIGNS = f"SELECT campaign.id, segments.date, metrics.cost_micros FROM campaign WHERE {DAYS}"
CHANGED = "change_status.last_change_date_time"
CHANGES = f"""SELECT {CHANGED}, change_status.resource_status, change_status.ad_group_ad FROM change_status
WHERE change_status.resource_type = 'AD_GROUP_AD' AND {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24'
ORDER BY {CHANGED} LIMIT 10000"""


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


@pytest.fixture
async def ada(google):
    return await google.login(ADA)


def tagging(ad_id, suffix=UTM, customer=EMEA, mask="finalUrlSuffix"):
    return {
        "updateMask": mask,
        "update": {"resourceName": f"customers/{customer}/ads/{ad_id}", "finalUrlSuffix": suffix},
    }


def daily(rows):
    totals = {}
    for row in rows:
        day = date.fromisoformat(row["segments"]["date"])
        totals[day] = totals.get(day, 0) + int(row["metrics"]["costMicros"])
    return totals


# Who may call


async def test_each_person_sees_the_accounts_they_were_given(google, ada):
    ben, cleo = await google.login(BEN, None), await google.login(CLEO, None)
    listed = "customers:listAccessibleCustomers"
    assert (await ada.call(listed, through=None)).json() == {"resourceNames": [f"customers/{MANAGER}"]}
    assert (await ben.call(listed)).json() == {"resourceNames": [f"customers/{SHOES}"]}
    refused = await cleo.call(listed)
    assert (refused.status_code, code_of(refused)) == (401, ("authenticationError", "NOT_ADS_USER"))


async def test_the_accounts_under_a_manager_are_its_customer_clients(ada):
    names = "customer_client.id, customer_client.descriptive_name, customer_client.manager, customer_client.level"
    rows = await ada.rows(MANAGER, f"SELECT {names} FROM customer_client WHERE customer_client.level <= 1")
    told = [(r["customerClient"]["id"], r["customerClient"]["manager"], r["customerClient"]["level"]) for r in rows]
    assert told == [(MANAGER, True, "0"), (EMEA, False, "1"), (AMERICAS, False, "1")]


async def test_names_may_be_in_any_script(google):
    ben = await google.login(BEN, None)
    rows = await ben.rows(SHOES, "SELECT customer.descriptive_name, customer.currency_code FROM customer")
    assert rows[0]["customer"]["descriptiveName"] == "日本橋シューズ"


async def test_an_account_behind_a_manager_needs_the_login_customer_id(google, ada):
    query = {"query": "SELECT customer.id FROM customer"}
    ben = await google.login(BEN, None)
    for session, through, customer in [(ada, None, EMEA), (ada, EMEA, EMEA), (ada, MANAGER, SHOES), (ben, None, EMEA)]:
        answer = await session.call(f"customers/{customer}/googleAds:search", query, through=through)
        assert answer.status_code == 403
        assert code_of(answer) == ("authorizationError", "USER_PERMISSION_DENIED")
        assert "'login-customer-id' header" in answer.json()["error"]["details"][0]["errors"][0]["message"]
    assert (await ada.search(EMEA, query["query"])).status_code == 200
    assert code_of(await ada.call(f"customers/{EMEA}/googleAds:search", query, through="100-000"))[0] == "headerError"


@pytest.mark.parametrize(("spoil", "code"), [("revoke", "OAUTH_TOKEN_REVOKED"), ("expire", "OAUTH_TOKEN_EXPIRED")])
async def test_a_dead_token_is_told_with_its_reason_and_the_stream_wraps_it(google, ada, spoil, code):
    {"revoke": google.sandbox.revoke, "expire": google.sandbox.oauth.expire_access_tokens}[spoil]()
    answer = await ada.stream(EMEA, COST)
    assert (answer.status_code, code_of(answer)) == (401, ("authenticationError", code))
    body = answer.json()
    assert isinstance(body, list)
    assert body[0]["error"]["status"] == "UNAUTHENTICATED"
    failure = body[0]["error"]["details"][0]
    assert failure["@type"] == "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
    assert failure["requestId"] == answer.headers["request-id"]
    assert isinstance((await ada.search(EMEA, COST)).json(), dict)


async def test_made_up_and_missing_tokens_are_refused(google, ada):
    ada.tokens["access_token"] = "ya29.made-up"
    assert code_of(await ada.search(EMEA, COST)) == ("authenticationError", "OAUTH_TOKEN_INVALID")
    answer = await google.client.get(f"{google.settings['api_url']}/v26/customers:listAccessibleCustomers")
    assert answer.status_code == 401
    assert answer.json()["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"


async def test_a_token_without_the_adwords_scope_is_refused_by_googles_front(google):
    session = await google.login(ADA, without_scopes=["https://www.googleapis.com/auth/adwords"])
    answer = await session.search(EMEA, COST)
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_only_live_versions_answer(ada):
    for version in ("v23", "v24", "v25", "v26"):
        assert (await ada.call("customers:listAccessibleCustomers", version=version)).status_code == 200
    dead = await ada.call("customers:listAccessibleCustomers", version="v22")
    assert (dead.status_code, code_of(dead)) == (400, ("requestError", "UNSUPPORTED_VERSION"))


async def test_an_unknown_path_is_an_html_page(ada):
    answer = await ada.call("customers/1/nonsense", {})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_withdrawn_account_is_denied_and_unlisted_until_given_back(google, ada):
    google.sandbox.withdraw(AMERICAS)
    assert code_of(await ada.search(AMERICAS, COST)) == ("authorizationError", "USER_PERMISSION_DENIED")
    assert len(await ada.rows(MANAGER, "SELECT customer_client.id FROM customer_client")) == 2
    assert (await ada.search(EMEA, COST)).status_code == 200
    google.sandbox.give_back(AMERICAS)
    assert (await ada.search(AMERICAS, COST)).status_code == 200


async def test_a_closed_account_is_not_enabled(google, ada):
    google.sandbox.close_account(EMEA)
    answer = await ada.search(EMEA, COST)
    assert (answer.status_code, code_of(answer)) == (403, ("authorizationError", "CUSTOMER_NOT_ENABLED"))
    query = "SELECT customer_client.status FROM customer_client WHERE customer_client.status = 'CANCELED'"
    assert len(await ada.rows(MANAGER, query)) == 1


async def test_a_rate_limit_names_the_delay_and_ends(google, ada):
    google.sandbox.limit_rate(2, "7s")
    for _ in range(2):
        answer = await ada.search(EMEA, COST)
        assert (answer.status_code, code_of(answer)) == (429, ("quotaError", "RESOURCE_EXHAUSTED"))
        details = answer.json()["error"]["details"][0]["errors"][0]["details"]
        assert details["quotaErrorDetails"]["retryDelay"] == "7s"
    assert (await ada.search(EMEA, COST)).status_code == 200


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


# New ads and their tags


async def test_new_ads_show_in_change_status_in_the_accounts_time(google, ada):
    assert await ada.rows(EMEA, CHANGES) == []
    ads = google.sandbox.add_ads(EMEA, 20)
    rows = [row["changeStatus"] for row in await ada.rows(EMEA, CHANGES)]
    assert [row["adGroupAd"].rpartition("~")[2] for row in rows] == [ad.id for ad in ads]
    assert {row["resourceStatus"] for row in rows} == {"ADDED"}
    assert {row["lastChangeDateTime"] for row in rows} == {"2026-11-23 10:30:00.000000"}


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (f"WHERE {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24'", "LIMIT_NOT_SPECIFIED"),
        (f"WHERE {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24' LIMIT 10001", "INVALID_LIMIT_CLAUSE"),
        ("LIMIT 10", "CHANGE_DATE_RANGE_INFINITE"),
        (f"WHERE {CHANGED} >= '2026-11-20' LIMIT 10", "CHANGE_DATE_RANGE_INFINITE"),
        (f"WHERE {CHANGED} BETWEEN '2026-11-24' AND '2026-11-20' LIMIT 10", "CHANGE_DATE_RANGE_NEGATIVE"),
        (f"WHERE {CHANGED} BETWEEN '2026-08-01' AND '2026-11-20' LIMIT 10", "START_DATE_TOO_OLD"),
    ],
)
async def test_change_status_wants_a_limit_and_a_finite_recent_range(ada, rest, code):
    answer = await ada.search(EMEA, f"SELECT change_status.ad_group_ad FROM change_status {rest}")
    assert code_of(answer) == ("changeStatusError", code)


async def test_tagging_an_ad_changes_it_and_is_itself_a_change(google, ada):
    ad = google.sandbox.add_ads(EMEA)[0]
    assert ad in google.sandbox.untagged(EMEA)
    google.clock.pass_by(minutes=1)
    answer = await ada.mutate(EMEA, tagging(ad.id), partialFailure=True)
    assert answer.json() == {"results": [{"resourceName": f"customers/{EMEA}/ads/{ad.id}"}]}
    assert ad.final_url_suffix == UTM
    assert ad not in google.sandbox.untagged(EMEA)
    assert [row["changeStatus"]["resourceStatus"] for row in await ada.rows(EMEA, CHANGES)] == ["CHANGED"]
    assert google.sandbox.ledger.count("ad.changed", ad=ad.id) == 1


async def test_partial_failures_point_at_their_operations(google, ada):
    good, policy, bad, removed = google.sandbox.add_ads(EMEA, 4)
    google.sandbox.refuse_ad(policy.id)
    google.sandbox.remove_ad(EMEA, removed.id)
    operations = [
        tagging(policy.id),
        tagging(good.id),
        tagging(bad.id, "?" + UTM),
        tagging("1"),
        tagging(good.id),
        tagging(removed.id),
    ]
    answer = (await ada.mutate(EMEA, *operations, partialFailure=True)).json()
    assert answer["results"] == [{}, {"resourceName": f"customers/{EMEA}/ads/{good.id}"}, {}, {}, {}, {}]
    failure = answer["partialFailureError"]
    assert failure["code"] == 3
    errors = failure["details"][0]["errors"]
    assert [error["location"]["fieldPathElements"][0] for error in errors] == [
        {"fieldName": "operations", "index": index} for index in (0, 2, 3, 4, 5)
    ]
    assert [next(iter(error["errorCode"].values())) for error in errors] == [
        "POLICY_FINDING",
        "FINAL_URL_SUFFIX_MALFORMED",
        "RESOURCE_NOT_FOUND",
        "ID_EXISTS_IN_MULTIPLE_MUTATES",
        "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE",
    ]


async def test_without_partial_failure_one_bad_operation_stops_all(google, ada):
    good, bad = google.sandbox.add_ads(EMEA, 2)
    answer = await ada.mutate(EMEA, tagging(good.id), tagging(bad.id, "a={nonsense}"))
    assert (answer.status_code, code_of(answer)) == (400, ("urlFieldError", "INVALID_TAG_IN_FINAL_URL_SUFFIX"))
    assert good.final_url_suffix is None


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (tagging("1", customer=AMERICAS), "MUTATE_NOT_ALLOWED"),
        (tagging("x"), "RESOURCE_NAME_MALFORMED"),
        (tagging("1", mask=""), "FIELD_MASK_MISSING"),
    ],
)
async def test_a_wrong_operation_is_refused(ada, operation, code):
    assert code_of(await ada.mutate(EMEA, operation))[1] == code


async def test_too_many_or_no_operations_are_refused(ada):
    assert code_of(await ada.mutate(EMEA))[1] == "REQUIRED_FIELD_MISSING"
    many = await ada.mutate(EMEA, *[{}] * 10_001)
    assert code_of(many) == ("requestError", "TOO_MANY_MUTATE_OPERATIONS")


async def test_validate_only_changes_nothing(google, ada):
    ad = google.sandbox.add_ads(EMEA)[0]
    assert (await ada.mutate(EMEA, tagging(ad.id), validateOnly=True)).json() == {}
    assert ad.final_url_suffix is None


async def test_the_ads_that_make_a_tagger_think_are_there(google, ada):
    query = "SELECT ad_group_ad.ad.final_urls, ad_group_ad.ad.tracking_url_template, ad_group_ad.ad.final_url_suffix"
    ads = [row["adGroupAd"]["ad"] for row in await ada.rows(EMEA, f"{query} FROM ad_group_ad LIMIT 6")]
    assert ads[0]["finalUrls"] == ["https://marketplace.example/acme"]
    assert ads[1]["trackingUrlTemplate"].startswith("https://clicks.bid-optimiser.example/")
    assert ads[2]["finalUrlSuffix"] == "promo=autumn&shop={network}"
    assert "utm_source=google" in ads[3]["finalUrls"][0]
    ids = [ad["resourceName"].rpartition("/")[2] for ad in ads]
    left = {ad.id for ad in google.sandbox.untagged(EMEA)}
    assert [each in left for each in ids] == [False, False, True, False, True, True]
    assert len(google.sandbox.untagged(EMEA, everything=True)) == 23


async def test_a_suffix_on_the_campaign_tags_its_ads_unless_they_have_their_own(google):
    account = google.sandbox.account(EMEA)
    before = len(google.sandbox.untagged(EMEA))
    account.campaigns[0].final_url_suffix = UTM
    tagged = [ad for ad in account.ads.values() if ad.group.campaign is account.campaigns[0] and account.is_tagged(ad)]
    assert 0 < before - len(google.sandbox.untagged(EMEA)) <= len(tagged)


async def test_two_thousand_ads_of_a_month_are_answered_at_once(google, ada):
    google.sandbox.add_account("2000000009", "Acme Big", ADA, under=MANAGER, ads=2000)
    parts = (await ada.stream("2000000009", COST)).json()
    assert [len(part["results"]) for part in parts] == [10_000] * 4 + [5_977]


async def test_an_export_is_compared_with_the_truth(google):
    def exported(**changes):
        truth = google.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 23))
        rows = [{"platform": "google_ads", "account": EMEA, "date": str(d), "cost_micros": c} for d, c in truth.items()]
        rows[5] |= changes
        return "\n".join(json.dumps(row) for row in rows)

    for ad in google.sandbox.untagged(EMEA):
        ad.final_url_suffix = UTM
    assert google.world.disagreements(exported()) == []
    assert len(google.world.disagreements(exported(cost_micros=1))) == 1
