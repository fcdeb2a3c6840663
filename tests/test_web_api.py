"""The API: keys, touchpoints in, lists and costs out, and the freshness gate."""

import csv
import io
import json
from datetime import date
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from practice_web import KEY, closed, connection, website, website_in_a_thread

from bot.words.freight import CostRow

AUTH = {"Authorization": f"Bearer {KEY}"}
JSON = {**AUTH, "Content-Type": "application/json"}
NDJSON = {**AUTH, "Content-Type": "application/x-ndjson"}
TOUCHPOINTS = "/api/v1/touchpoints"


def touchpoint(number=1, **changes):
    return {"id": f"TP2_{number}", "occurred_at": "2026-11-23T09:00:00Z", "fields": {"a": "b"}, **changes}


def cost(name="Brand", micros=1_230_000):
    return connection(), CostRow(date(2026, 11, 22), "c1", name, "g1", "a1", "EUR", micros, 7, 900), True


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": b"Bearer \xff"},
    ],
)
async def test_without_the_right_key_there_is_nothing(headers):
    async with website() as site:
        for method, path in (("GET", "connections"), ("GET", "costs"), ("POST", "touchpoints")):
            answer = await site.client.request(method, f"/api/v1/{path}", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
            assert KEY not in answer.text


async def test_without_any_key_set_the_api_says_which_setting_is_missing():
    async with website(api_keys=[]) as site:
        answer = await site.client.get("/api/v1/connections", headers=AUTH)

        assert answer.status_code == 401
        assert "web.api_keys" in answer.json()["detail"]


async def test_every_key_opens_the_api():
    async with website(api_keys=["old", "new"]) as site:
        for key in ("old", "new"):
            answer = await site.client.get("/api/v1/connections", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200


async def test_touchpoints_are_accepted_and_repeats_are_counted():
    async with website() as site:
        first = await site.client.post(TOUCHPOINTS, json=[touchpoint(1), touchpoint(2)], headers=AUTH)
        lines = "\n".join(json.dumps(touchpoint(n)) for n in (2, 3))
        second = await site.client.post(TOUCHPOINTS, content=lines, headers=NDJSON)

        assert (first.status_code, first.json()) == (202, {"accepted": 2, "duplicates": 0})
        assert (second.status_code, second.json()) == (202, {"accepted": 1, "duplicates": 1})


async def test_without_a_crm_the_answer_says_that_they_wait_for_one():
    async with website() as site:
        site.ledger.crm_connected = False
        answer = await site.client.post(TOUCHPOINTS, json=[touchpoint()], headers=AUTH)

        assert answer.json() == {"accepted": 1, "duplicates": 0, "waiting_for_crm": 1}


async def test_one_bad_item_refuses_the_whole_batch_and_is_named():
    async with website() as site:
        answer = await site.client.post(
            TOUCHPOINTS, json=[touchpoint(1), touchpoint(2, occurred_at="today"), {"id": 7}], headers=AUTH
        )

        assert answer.status_code == 422
        told = answer.json()
        assert told["count"] == 3
        assert {(p["where"], p["id"]) for p in told["problems"]} == {("item 2", "TP2_2"), ("item 3", "")}
        assert site.ledger.taken == {}


@pytest.mark.parametrize(
    "headers",
    [
        {**AUTH, "Content-Type": "text/csv"},
        {**AUTH, "Content-Type": "application/json; charset=latin-1"},
        {**JSON, "Content-Encoding": "gzip"},
        AUTH,
    ],
)
async def test_another_kind_of_body_is_refused(headers):
    async with website() as site:
        answer = await site.client.post(TOUCHPOINTS, content=b"[]", headers=headers)

        assert answer.status_code == 415
        assert "application/json or application/x-ndjson" in answer.json()["detail"]


async def test_connections_and_outages_have_exactly_the_promised_keys():
    async with website() as site:
        site.desk.listed = [connection()]
        site.desk.told = [closed()]
        [listed] = (await site.client.get("/api/v1/connections", headers=AUTH)).json()
        [told] = (await site.client.get("/api/v1/outages", headers=AUTH)).json()

    assert list(listed) == [
        "id",
        "platform",
        "kind",
        "account",
        "name",
        "login",
        "status",
        "enabled",
        "authorized",
        "autotagging",
        "channel",
        "checked_at",
        "last_data_at",
        "expires_at",
        "outage",
    ]
    assert (listed["status"], listed["checked_at"], listed["expires_at"]) == (
        "Connected with Autotagging",
        "2026-11-23T09:00:00Z",
        None,
    )
    assert list(told) == [
        "id",
        "platform",
        "connections",
        "cause",
        "cure",
        "opened_at",
        "alerted_at",
        "claimed_by",
        "reauthorized_at",
        "reauthorized_by",
        "caught_up_at",
        "closed_at",
        "recovered",
        "lost",
        "timeline",
    ]
    assert told["timeline"] == [{"at": "2026-11-23T06:00:00Z", "what": "opened", "who": ""}]
    assert "vendor" not in json.dumps(told)


async def test_the_list_of_connections_is_in_english_on_a_french_site():
    async with website(language="fr") as site:
        site.desk.listed = [connection(authorized=False)]
        [listed] = (await site.client.get("/api/v1/connections", headers=AUTH)).json()

        assert listed["status"] == "Authorization Required"


async def test_costs_come_as_csv_with_names_that_no_spreadsheet_runs():
    async with website() as site:
        site.ledger.rows = [cost(), cost('=HYPERLINK("x"),\n"y"', -5)]
        answer = await site.client.get("/api/v1/costs?from=2026-11-01&to=2026-11-30", headers=AUTH)

        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert ",".join(rows[0]) == (
            "platform,connection,account,date,campaign,campaign_name,ad_group,ad,currency,cost_micros,clicks,"
            "impressions,complete"
        )
        assert (rows[0]["cost_micros"], rows[0]["complete"]) == ("1230000", "true")
        assert rows[1]["campaign_name"] == '\'=HYPERLINK("x"),\n"y"'
        assert rows[1]["cost_micros"] == "-5"
        assert site.ledger.asked == (date(2026, 11, 1), date(2026, 11, 30))


async def test_costs_come_as_ndjson_with_names_as_they_are():
    async with website() as site:
        site.ledger.rows = [cost("=1+1")] * 3000
        answer = await site.client.get("/api/v1/costs?format=ndjson", headers=AUTH)

        items = [json.loads(line) for line in answer.text.splitlines()]
        assert len(items) == 3000
        assert (items[0]["campaign_name"], items[0]["cost_micros"], items[0]["complete"]) == ("=1+1", 1_230_000, True)
        assert site.ledger.asked == (None, None)


async def test_an_export_of_nothing_still_has_its_header():
    async with website() as site:
        answer = await site.client.get("/api/v1/costs", headers=AUTH)

        assert answer.text.startswith("platform,connection,")
        assert (await site.client.head("/api/v1/costs", headers=AUTH)).status_code == 200


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-13-01", "from=20261101", "from=2026-11-02&to=2026-11-01", "format=xml"]
)
async def test_a_wrong_question_about_costs_is_refused(query):
    async with website() as site:
        answer = await site.client.get(f"/api/v1/costs?{query}", headers=AUTH)

        assert answer.status_code == 422
        assert query.split("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("connection_id", "status"), [("con_acme", 200), ("con_stale", 409), ("no", 404), ("%00", 404)]
)
async def test_the_freshness_gate_answers_by_its_status(connection_id, status):
    async with website() as site:
        answer = await site.client.get(f"/api/v1/freshness/{connection_id}", headers=AUTH)

        assert answer.status_code == status
        if status != 404:
            assert list(answer.json()) == ["connection", "fresh", "status", "last_data_at", "why"]


def test_whatever_is_sent_as_touchpoints_is_never_an_error_of_ours():
    with website_in_a_thread() as (_, base), httpx2.Client(base_url=base, headers=JSON, verify=False) as client:
        values = st.none() | st.booleans() | st.integers() | st.text(max_size=30)
        items = st.lists(st.dictionaries(st.sampled_from(["id", "occurred_at", "fields", "email"]), values), max_size=3)

        @settings(deadline=None, max_examples=150)
        @given(items.map(json.dumps).map(str.encode) | st.binary(max_size=100), st.text(max_size=20))
        def send(body, path):
            kind = {"Content-Type": "application/x-ndjson"} if len(body) % 2 else {}
            assert client.post(TOUCHPOINTS, content=body, headers=kind).status_code in {202, 422}
            assert client.get(f"/api/v1/freshness/{quote(path, safe='')}").status_code < 500
            assert client.get(f"/api/v1/costs?from={quote(path)}").status_code in {200, 422}

        send()
