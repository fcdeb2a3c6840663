"""Accounts, ads and cost at the practice Meta: read page by page, and changed as Graph lets them be changed."""

from datetime import date, timedelta

import pytest
from practice_meta_ads import UTM, at_meta, code_of

from sandbox.meta_ads import ADA, BEN, CLEO, EMEA, GULF, SHOES
from sandbox.meta_ads_errors import REDUCE


@pytest.fixture
async def meta():
    async with at_meta() as meta:
        yield meta


@pytest.fixture
async def ada(meta):
    return await meta.login(ADA)


SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


RANGE = {"since": "2026-11-01", "until": "2026-11-23"}


DAILY = {"level": "ad", "time_increment": "1", "time_range": RANGE, "fields": "ad_id,spend", "limit": "500"}


GONE = [
    {"field": "ad.effective_status", "operator": "IN", "value": ["ACTIVE", "ARCHIVED", "DELETED", "PENDING_REVIEW"]}
]


def daily(rows):
    totals = {}
    for row in rows:
        day = date.fromisoformat(row["date_start"])
        totals[day] = totals.get(day, 0) + round(float(row["spend"]) * 1_000_000)
    return totals


async def test_each_person_sees_the_accounts_they_have_a_role_in(meta, ada):
    ben, cleo = await meta.login(BEN), await meta.login(CLEO)
    fields = "account_id,name,account_status,currency,timezone_name"
    (shoes,) = await ben.rows("me/adaccounts", fields=fields)
    assert shoes == {
        "id": f"act_{SHOES}",
        "account_id": SHOES,
        "name": "日本橋シューズ",
        "account_status": 1,
        "currency": "JPY",
        "timezone_name": "Asia/Tokyo",
    }
    assert [row["account_id"] for row in await ada.rows("me/adaccounts", limit="1")] == [EMEA, GULF]
    assert await cleo.rows("me/adaccounts") == []


async def test_an_account_without_a_role_is_not_there_and_its_edges_say_what_is_missing(meta, ada):
    for account in (SHOES, "999"):
        assert code_of(await ada.get(f"act_{account}")) == (100, 33)
    answer = await ada.get(f"act_{SHOES}/ads")
    assert (answer.status_code, code_of(answer)) == (403, (200, None))
    meta.sandbox.withdraw(GULF)
    assert code_of(await ada.get(f"act_{GULF}/insights", **DAILY)) == (200, None)
    assert len(await ada.rows("me/adaccounts")) == 1
    meta.sandbox.give_back(GULF)
    assert (await ada.get(f"act_{GULF}/ads")).status_code == 200


async def test_a_rate_limit_names_the_minutes_and_ends(meta, ada):
    meta.sandbox.limit_rate(2, minutes=7)
    for _ in range(2):
        answer = await ada.get(f"act_{EMEA}/ads")
        assert (answer.status_code, code_of(answer)) == (400, (80004, 2446079))
        assert '"estimated_time_to_regain_access": 7' in answer.headers["x-business-use-case-usage"]
        assert "retry-after" not in answer.headers
    answer = await ada.get(f"act_{EMEA}/ads")
    assert answer.status_code == 200
    assert '"estimated_time_to_regain_access": 0' in answer.headers["x-business-use-case-usage"]


# Reading


async def test_pages_have_cursors_and_a_next_that_holds_the_token(meta, ada):
    meta.sandbox.page_size = 2
    first = (await ada.get(f"act_{EMEA}/ads", limit="5", fields="id")).json()
    assert len(first["data"]) == 2
    assert set(first["paging"]) == {"cursors", "next"}
    assert ada.token in first["paging"]["next"]
    rows = await ada.rows(f"act_{EMEA}/ads", fields="id")
    assert len(rows) == len({row["id"] for row in rows}) == 14
    last = (await ada.get(f"act_{EMEA}/ads", limit="500", after=first["paging"]["cursors"]["after"])).json()
    assert last["data"][0]["id"] == rows[2]["id"]
    assert code_of(await ada.get(f"act_{EMEA}/ads", after="nonsense")) == (100, None)


async def test_five_hundred_is_the_most_at_once(ada):
    assert (await ada.get(f"act_{EMEA}/ads", limit="500")).status_code == 200
    answer = await ada.get(f"act_{EMEA}/ads", limit="501")
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, REDUCE)
    assert code_of(await ada.get(f"act_{EMEA}/ads", limit="many")) == (100, None)


async def test_fields_are_given_as_asked_and_unknown_ones_refused(ada):
    row = (await ada.get(f"act_{EMEA}/ads", fields="name,creative{id,object_story_spec}", limit="1")).json()["data"][0]
    assert set(row) == {"id", "name", "creative"}
    assert set(row["creative"]) == {"id", "object_story_spec"}
    assert set((await ada.get(f"act_{EMEA}/ads", fields='["id","status"]')).json()["data"][0]) == {"id", "status"}
    for fields in ("naem", "creative{nonsense}", "creative{id"):
        assert code_of(await ada.get(f"act_{EMEA}/ads", fields=fields)) == (100, None)


async def test_archived_and_deleted_ads_are_listed_only_by_status(meta, ada):
    gone = {ad.id for ad in meta.sandbox.account(EMEA).ads.values() if ad.status in ("ARCHIVED", "DELETED")}
    listed = {row["id"] for row in await ada.rows(f"act_{EMEA}/ads")}
    everything = {row["id"] for row in await ada.rows(f"act_{EMEA}/ads", filtering=GONE)}
    assert len(gone) == 2
    assert not gone & listed
    assert gone <= everything
    wrong = [{"field": "ad.colour", "operator": "IN", "value": ["red"]}]
    assert code_of(await ada.get(f"act_{EMEA}/ads", filtering=wrong)) == (100, None)


# Insights


async def test_the_account_s_total_counts_deleted_ads_and_a_list_of_ads_only_when_asked(meta, ada):
    truth = meta.sandbox.totals(EMEA, SINCE, UNTIL)
    whole = await ada.rows(f"act_{EMEA}/insights", **DAILY | {"level": "account", "fields": "spend"})
    listed = await ada.rows(f"act_{EMEA}/insights", **DAILY)
    everything = await ada.rows(f"act_{EMEA}/insights", **DAILY, filtering=GONE)
    assert daily(whole) == daily(everything) == truth
    assert daily(listed) != truth
    campaigns = await ada.rows(f"act_{EMEA}/insights", **DAILY | {"level": "campaign", "fields": "campaign_id,spend"})
    assert daily(campaigns) == truth
    assert len({row["campaign_id"] for row in campaigns}) == 3


async def test_a_row_has_metas_shape(ada):
    fields = "account_currency,campaign_id,adset_id,ad_id,spend,impressions,clicks"
    row = (await ada.get(f"act_{EMEA}/insights", **DAILY | {"fields": fields})).json()["data"][0]
    assert set(row) == {*fields.split(","), "date_start", "date_stop"}
    assert row["account_currency"] == "EUR"
    assert row["spend"].count(".") == 1
    assert len(row["spend"].partition(".")[2]) == 2
    assert row["date_start"] == row["date_stop"] == "2026-11-01"


async def test_yen_have_no_cents(meta):
    ben = await meta.login(BEN)
    rows = await ben.rows(f"act_{SHOES}/insights", **DAILY)
    assert all(row["spend"].isdigit() for row in rows)


async def test_today_grows_and_recent_days_settle_as_the_clock_moves_on(meta):
    today, settled = meta.sandbox.today(EMEA), date(2026, 11, 10)
    before = meta.sandbox.totals(EMEA, settled, today)
    meta.clock.moment += timedelta(hours=3)
    assert meta.sandbox.totals(EMEA, settled, today)[today] > before[today]
    meta.clock.moment += timedelta(days=1)
    after = meta.sandbox.totals(EMEA, settled, today)
    assert after[today - timedelta(days=1)] < before[today - timedelta(days=1)]
    assert after[settled] == before[settled]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"level": "planet"}, (100, None)),
        ({"time_increment": "7"}, (100, None)),
        ({"time_range": {"since": "2026-11-02", "until": "2026-11-01"}}, (100, None)),
        ({"time_range": "{"}, (100, None)),
        ({"time_range": {"since": "2023-01-01", "until": "2026-11-01"}}, (3018, None)),
        ({"fields": "spent"}, (100, None)),
        ({"filtering": [{"field": "spend", "operator": "IN", "value": ["1"]}]}, (100, None)),
        ({"filtering": [{"field": "ad.effective_status", "operator": "IN", "value": ["ASLEEP"]}]}, (100, None)),
        ({"filtering": ["x"]}, (100, None)),
    ],
)
async def test_a_wrong_question_is_refused(ada, changes, code):
    answer = await ada.get(f"act_{EMEA}/insights", **DAILY | changes)
    assert (answer.status_code, code_of(answer)) == (400, code)


async def test_a_read_of_too_many_rows_is_refused_and_wants_a_report(meta, ada):
    meta.sandbox.api.insights.rows_at_once = 50
    answer = await ada.get(f"act_{EMEA}/insights", **DAILY)
    assert (answer.status_code, code_of(answer)) == (500, (1, None))
    run = (await ada.post(f"act_{EMEA}/insights", **DAILY)).json()["report_run_id"]
    assert code_of(await ada.get(run)) == (100, 33)
    assert (await ada.get(run)).json()["async_status"] == "Job Running"
    early = (await ada.get(run)).json()
    assert (early["async_status"], early["async_percent_completion"]) == ("Job Completed", 99)
    half = len(await ada.rows(f"{run}/insights", limit="500"))
    assert (await ada.get(run)).json()["async_percent_completion"] == 100
    rows = await ada.rows(f"{run}/insights", limit="500")
    assert len(rows) > half
    assert len(rows) > 50
    ben = await meta.login(BEN)
    assert code_of(await ben.get(f"{run}/insights")) == (100, 33)


async def test_a_failed_report_carries_its_codes(meta, ada):
    meta.sandbox.api.insights.failures.append((2, 99, "sorry"))
    run = (await ada.post(f"act_{EMEA}/insights/", **DAILY)).json()["report_run_id"]
    fields = "async_status,error_code,error_subcode,error_user_msg"
    told = [(await ada.get(run, fields=fields)).json() for _ in range(3)][-1]
    assert told == {
        "id": run,
        "async_status": "Job Failed",
        "error_code": 2,
        "error_subcode": 99,
        "error_user_msg": "sorry",
    }


# Creatives


async def remade(ada, ad, **more):
    """A new creative for an ad's post."""
    shown = (await ada.get(ad, fields="creative{effective_object_story_id}")).json()["creative"]
    story = shown["effective_object_story_id"]
    return await ada.post(f"act_{EMEA}/adcreatives", object_story_id=story, url_tags=UTM, name="new", **more)


async def test_exchanging_a_creative_costs_a_review_and_the_learning_of_the_ad_set(meta, ada):
    ad = meta.sandbox.untagged(EMEA)[0]
    new = (await remade(ada, ad.id)).json()["id"]
    assert meta.sandbox.price(EMEA) == (0, 0)
    exchanged = await ada.post(f"{ad.id}/", creative={"creative_id": new})
    assert exchanged.json() == {"success": True}
    assert (ad.effective_status, ad.reviews, ad.adset.learning) == ("PENDING_REVIEW", 1, 1)
    assert ad not in meta.sandbox.untagged(EMEA)
    shown = (await ada.get(ad.id, fields="effective_status,updated_time,creative{url_tags}")).json()
    assert shown["creative"] == {"id": new, "url_tags": UTM}
    assert shown["updated_time"] == "2026-11-23T10:00:00+0100"
    await ada.post(ad.id, creative={"creative_id": new})
    assert meta.sandbox.price(EMEA) == (1, 1)
    meta.sandbox.finish_reviews()
    assert ad.effective_status == "ACTIVE"


async def test_creatives_are_immutable_but_for_their_name(meta, ada):
    new = (await remade(ada, meta.sandbox.untagged(EMEA)[0].id)).json()["id"]
    assert code_of(await ada.post(new, url_tags="a=b")) == (100, None)
    assert (await ada.post(new, name="newer")).json() == {"success": True}
    by_name = [{"field": "name", "operator": "IN", "value": ["newer"]}]
    assert [row["id"] for row in await ada.rows(f"act_{EMEA}/adcreatives", filtering=by_name)] == [new]
    meta.sandbox.api.ads.name_search = False
    assert code_of(await ada.get(f"act_{EMEA}/adcreatives", filtering=by_name)) == (100, None)


async def test_a_wrong_creative_or_exchange_is_refused(meta, ada):
    ads = meta.sandbox.untagged(EMEA)
    edge = f"act_{EMEA}/adcreatives"
    assert code_of(await ada.post(edge, object_story_id="1_2", name="x")) == (100, 1487472)
    assert code_of(await ada.post(edge, name="x")) == (100, None)
    assert code_of(await ada.post(edge, object_story_id=ads[0].creative.story, name="x" * 101)) == (100, None)
    assert code_of(await ada.post(ads[0].id, creative={"creative_id": "7"})) == (100, 1487390)
    meta.sandbox.refuse_ad(ads[0].id)
    assert code_of(await ada.post(ads[0].id, creative={"creative_id": ads[0].creative.id})) == (100, 1487390)
    meta.sandbox.end_ad(EMEA, ads[1].id)
    assert code_of(await ada.post(ads[1].id, creative={"creative_id": ads[1].creative.id})) == (100, 1885183)
    meta.sandbox.set_status(EMEA, 2)
    assert code_of(await ada.post(ads[2].id, creative={"creative_id": ads[2].creative.id})) == (100, 1359188)


async def test_writing_needs_its_own_permission(meta):
    reader = await meta.login(scope="ads_read")
    assert (await reader.get(f"act_{EMEA}/ads")).status_code == 200
    ad = meta.sandbox.untagged(EMEA)[0]
    answer = await remade(reader, ad.id)
    assert (answer.status_code, code_of(answer)) == (403, (294, None))
